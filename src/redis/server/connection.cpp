// SPDX-License-Identifier: Apache-2.0
#include "redis/server/connection.hpp"

#include <algorithm>
#include <array>
#include <cerrno>

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "observe/log.hpp"
#include "redis/commands/connection/client_info.hpp"
#include "redis/commands/replication/replication.hpp"

namespace compozy::redis {

namespace {

constexpr size_t kReadSize = 64UL * 1024;
constexpr size_t kRoomMax = 16UL * 1024 * 1024;
constexpr size_t kTurnMax = 1024UL * 1024;  // what one client is read of in a turn, but for one large value

void log_limit(const Session& session) {
  log::warn("Client closed for overcoming of output buffer limits.",
            {{"address", session.address}, {"unsent_bytes", session.unsent()}});
}

// maxmemory-clients: one that is larger than the limit by itself goes before its command runs.
bool alone_exceeds_client_memory(const ServerState& state, const Session& session) {
  int64_t limit = state.settings.maxmemory_clients;
  if (limit < 0) limit = -limit * state.settings.maxmemory / 100;
  return limit > 0 && !session.no_evict && client_memory(session) > static_cast<size_t>(limit);
}

}  // namespace

Connection::Io Connection::read_some() {
  forget_ready();  // its bytes may move
  if (used_ == input_.size()) {
    input_.clear();
    used_ = 0;
  } else if (used_ > kReadSize) {
    input_.erase(0, used_);
    used_ = 0;
  }
  parsed_ = used_;
  const size_t first = input_.size();
  // A large value is taken at once, as far as it has come; of many small commands there is a limit for a turn.
  const size_t expected = parser_.known_size() - std::min(parser_.known_size(), unread());
  for (size_t taken = 0; !dead && taken < kTurnMax;) {
    const size_t room = std::clamp(taken == 0 ? expected : taken, kReadSize, kRoomMax);
    const size_t size = read_part(room);
    taken += size;
    if (size < room) break;
  }
  if (dead) return Io::closed;
  more_ = input_.size() > used_;
  session_->buffers.query.fetch_add(input_.size() - first, std::memory_order_relaxed);
  return input_.size() > first ? Io::fine : Io::again;
}

// One recv; what it brought as the socket counts it.
size_t Connection::read_part(size_t room) {
  size_t got = 0;
  const auto receive = [&](char* data) {
    const ssize_t size = ::recv(fd_.get(), data, room, 0);
    const int reason = errno;
    if (size == 0 || (size < 0 && reason != EAGAIN && reason != EINTR)) dead = true;
    got = size > 0 ? static_cast<size_t>(size) : 0;
  };
  if (tls_ == nullptr) {
    const size_t before = input_.size();
    input_.resize_and_overwrite(before + room, [&](char* data, size_t) {
      receive(data + before);
      return before + got;
    });
    return got;
  }
  std::string wire;
  wire.resize_and_overwrite(room, [&](char* data, size_t) {
    receive(data);
    return got;
  });
  if (dead) return got;
  if (!tls_->receive(wire, input_)) {
    if (!tls_->established()) {
      log::info("Error accepting a client connection", {{"address", session_->address}, {"reason", tls_->problem()}});
      (void)write_sealed();  // The peer may learn why.
    }
    dead = true;
  }
  return got;
}

Connection::Io Connection::write_part(std::string_view bytes, size_t& done) {
  while (done < bytes.size()) {
    const ssize_t size = ::send(fd_.get(), bytes.data() + done, bytes.size() - done, MSG_NOSIGNAL);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0 && errno == EAGAIN) return Io::again;
    if (size <= 0) {
      dead = true;
      return Io::closed;
    }
    done += static_cast<size_t>(size);
    sent_bytes_ += static_cast<uint64_t>(size);
  }
  return Io::fine;
}

// What TLS has ready for the socket.
Connection::Io Connection::write_sealed() {
  std::string& wire = tls_->wire();
  size_t done = 0;
  const Io written = write_part(wire, done);
  wire.erase(0, done);
  return written;
}

// A replica's file goes out in parts, so that others get their turn.
Connection::Io Connection::write_some() {
  Io written = write_output();
  size_t done = 0;
  while (written == Io::fine && unsent() == 0 && file_ != nullptr && done < kTurnMax) {
    if (!read_file_part()) {
      dead = true;
      return Io::closed;
    }
    done += output_.size();
    written = write_output();
  }
  session_->buffers.unsent = unsent();
  if (written == Io::fine && file_ != nullptr && unsent() == 0) written = Io::again;
  return written;
}

bool Connection::read_file_part() {
  constexpr size_t kPart = 256UL * 1024;
  ssize_t size = 0;
  output_.resize_and_overwrite(kPart, [&](char* data, size_t) {
    size = ::pread(file_->fd, data, kPart, static_cast<off_t>(file_read_));
    return static_cast<size_t>(std::max<ssize_t>(0, size));
  });
  if (size <= 0) return false;
  file_read_ += static_cast<uint64_t>(size);
  if (file_read_ >= file_->size) {
    file_.reset();
    file_sent_ = true;
  }
  return true;
}

Connection::Io Connection::write_output() {
  Io written = Io::fine;
  if (tls_ == nullptr) {
    written = write_part(output_, sent_);
  } else {
    while (true) {
      written = write_sealed();
      if (written != Io::fine || unsent() == 0) break;
      const size_t sealed = tls_->seal(std::string_view(output_).substr(sent_));
      if (sealed == 0) {
        dead = dead || tls_->established();
        return dead ? Io::closed : Io::fine;  // The handshake comes first; the rest follows it.
      }
      sent_ += sealed;
    }
  }
  if (written == Io::fine) {
    output_.clear();
    sent_ = 0;
  }
  return written;
}

SessionOwner::Debugging Connection::next_debugger_command(std::vector<std::string>& command) {
  using Debugging = SessionOwner::Debugging;
  constexpr int kWaitMs = 50;
  if (debugger_ == nullptr) debugger_ = std::make_unique<DebuggerInput>();
  if (write_some() == Io::closed) return Debugging::gone;
  const auto status = debugger_->parser.parse(debugger_->bytes);
  if (status == RequestParser::Status::error) return Debugging::gone;
  if (status == RequestParser::Status::complete) {
    const Args args = debugger_->parser.args();
    command.assign(args.begin(), args.end());
    debugger_->bytes.erase(0, debugger_->parser.consumed());
    return command.empty() ? Debugging::nothing : Debugging::command;
  }
  pollfd ready{.fd = fd_.get(), .events = POLLIN, .revents = 0};
  if (::poll(&ready, 1, kWaitMs) <= 0) return Debugging::nothing;
  std::array<char, 16384> part;
  const ssize_t size = ::recv(fd_.get(), part.data(), part.size(), 0);
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) return Debugging::nothing;
  if (size <= 0) return Debugging::gone;
  const std::string_view bytes(part.data(), static_cast<size_t>(size));
  if (tls_ == nullptr) {
    debugger_->bytes += bytes;
  } else if (!tls_->receive(bytes, debugger_->bytes)) {
    return Debugging::gone;
  }
  return Debugging::nothing;
}

void Connection::refuse(std::string_view text) {
  ReplyWriter(output_).error(text);
  closing_ = true;
  more_ = false;
}

bool Connection::runnable() const {
  return !session_->blocked && !session_->postponed && !session_->killed && !closing_;
}

// What is ready is parsed again some other time.
void Connection::forget_ready() {
  if (ready_.empty() && !bad_request_) return;
  if (next_ready_ < ready_.size() || bad_request_) parser_.restart();
  parsed_ = used_;
  ready_.clear();
  args_.clear();
  next_ready_ = 0;
  bad_request_ = false;
}

size_t Connection::prepare(Engine& engine, size_t limit) {
  constexpr size_t kKeptArgs = 1024;
  if (next_ready_ < ready_.size()) return ready_.size() - next_ready_;
  ready_.clear();
  args_.clear();
  if (args_.capacity() > kKeptArgs) args_.shrink_to_fit();
  next_ready_ = 0;
  // What comes after AUTH is parsed by other rules.
  if (!session_->authenticated) limit = std::min<size_t>(limit, 1);
  parser_.set_limits(
      {.bulk_bytes = engine.state().settings.proto_max_bulk_len, .authenticated = session_->authenticated});
  while (more_ && !bad_request_ && ready_.size() < limit && runnable()) {
    const auto status = parser_.parse(std::string_view(input_).substr(parsed_));
    if (status == RequestParser::Status::need_more) {
      more_ = false;
      break;
    }
    if (status == RequestParser::Status::error) {
      bad_request_ = true;
      break;
    }
    const Args args = parser_.args();
    ready_.push_back({.first_arg = args_.size(),
                      .arg_count = args.size(),
                      .size = parser_.consumed(),
                      .prepared = engine.prepare(*session_, args)});
    args_.insert(args_.end(), args.begin(), args.end());
    parsed_ += parser_.consumed();
    more_ = parsed_ < input_.size();
    if (!parser_.args_in_input()) break;  // the next one would take their place
  }
  return ready_.size();
}

void Connection::prefetch(const Engine& engine) const {
  for (size_t i = next_ready_; i < ready_.size(); ++i) engine.prefetch(*session_, ready_[i].prepared);
}

bool Connection::execute(Engine& engine, const Engine::Turn& turn) {
  bound_output(engine.state());
  while (next_ready_ < ready_.size() && runnable() && !turn.over()) {
    if (!run(engine, ready_[next_ready_])) break;
    ++next_ready_;
  }
  const bool all_ran = next_ready_ == ready_.size();
  if (all_ran && bad_request_ && runnable()) {
    collect(engine.state());
    refuse("ERR " + parser_.error());
  }
  const bool goes_on = runnable() && (more_ || !all_ran);
  if (!runnable()) {
    more_ = !closing_ && (more_ || !all_ran);
    forget_ready();
  }
  account(nullptr);
  return goes_on;
}

// False: CLIENT PAUSE holds it, or its client is to be closed.
bool Connection::run(Engine& engine, const Ready& ready) {
  ServerState& state = engine.state();
  account(&ready);
  session_->last_command_ms = engine.wall_ms();
  state.stats.net_input_bytes += ready.size;
  if (alone_exceeds_client_memory(state, *session_)) {
    session_->killed = true;
    ++state.stats.evicted_clients;
    return false;
  }
  if (!engine.execute(*session_, args_of(ready), ready.prepared)) return false;
  used_ += ready.size;
  if (session_->close_after_reply || session_->killed) closing_ = true;
  if (session_->unsent() > session_->buffers.reply_room &&
      exceeds_output_limit(state, *session_, session_->last_command_ms)) {
    // Nothing of it is sent: a part of a reply would only mislead.
    log_limit(*session_);
    session_->killed = true;
    session_->outbox.bytes.clear();
  }
  return true;
}

void Connection::account(const Ready* running) {
  ClientBuffers& buffers = session_->buffers;
  constexpr auto kRelaxed = std::memory_order_relaxed;
  constexpr size_t kLargeArguments = 32768;
  size_t arguments = 0;
  // The bytes of a large argument that is on its way count alone, without the header before it.
  size_t counted = 0;
  if (running != nullptr) {
    for (const std::string_view arg : args_of(*running)) arguments += arg.size();
    // A large argument is kept where it came in.
    if (arguments >= kLargeArguments) counted = running->size;
  } else {
    arguments = parser_.pending_argument_bytes();
    counted = parser_.pending_header_bytes();
  }
  buffers.arguments.store(arguments, kRelaxed);
  buffers.query.store(unread() - std::min(unread(), counted), kRelaxed);
  constexpr size_t kQueryRoom = 20474;
  size_t free_room = unread() == 0 || unread() >= kQueryRoom ? 0 : kQueryRoom - unread();
  // Room for the rest of a large argument is held from its beginning.
  if (running == nullptr && counted > 0 && parser_.known_size() > unread())
    free_room = std::min(parser_.known_size() - unread(), kRoomMax);
  buffers.query_free.store(free_room, kRelaxed);
  buffers.unsent.store(unsent(), kRelaxed);
}

void Connection::bound_output(const ServerState& state) {
  const size_t hard = state.output_limit(client_class(*session_)).hard;
  const size_t allowed = hard + session_->buffers.reply_room;
  session_->output_limit = hard == 0 ? std::string::npos : allowed - std::min(allowed, unsent());
}

void Connection::recount(ServerState& state, bool gone) {
  const int64_t now = gone ? 0 : static_cast<int64_t>(client_memory(*session_));
  const int64_t output = gone || !session_->replica ? 0 : static_cast<int64_t>(output_memory(*session_));
  state.clients_memory += now - std::exchange(counted_, now);
  state.replicas_memory += output - std::exchange(counted_output_, output);
}

void Connection::serve_replica(ServerState& state) {
  constexpr size_t kStreamPart = 256UL * 1024;
  Follower& follower = session_->follower;
  if (std::exchange(file_sent_, false) && follower.state == Follower::State::receiving) {
    follower.end_transfer(state.keyspace.clock().wall_ms());
    log::info("Synchronization with replica " + replica_name(*session_) + " succeeded", {});
  }
  if (follower.file != nullptr) {
    file_ = std::move(follower.file);
    follower.file = nullptr;
    file_read_ = 0;
  }
  if (!follower.streams() || unsent() >= kStreamPart || file_ != nullptr) return;
  const size_t size = state.replication.stream.read(follower.position, kStreamPart, output_);
  follower.position += size;
  state.replication.sent_bytes += size;
  if (size > 0) state.replication.trim(state.settings.repl_backlog_size);
}

void Connection::collect(ServerState& state) {
  if (session_->close_after_reply) {
    closing_ = true;
    more_ = false;
  }
  if (!session_->outbox.bytes.empty()) {
    ClientBuffers& buffers = session_->buffers;
    buffers.reply_peak = std::max(buffers.reply_peak, std::min(session_->unsent(), buffers.reply_room));
    if (output_.empty()) {
      output_.swap(session_->outbox.bytes);
    } else {
      output_ += session_->outbox.bytes;
      session_->outbox.bytes.clear();
    }
    lsn_ = std::max(lsn_, session_->outbox.lsn);
  } else if (!session_->replica) {
    return;
  }
  if (session_->replica) serve_replica(state);
  session_->buffers.unsent = unsent();
}

}  // namespace compozy::redis
