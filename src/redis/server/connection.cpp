// SPDX-License-Identifier: Apache-2.0
#include "redis/server/connection.hpp"

#include <algorithm>
#include <cerrno>

#include <sys/socket.h>
#include <unistd.h>

#include "observe/log.hpp"
#include "redis/commands/client_info.hpp"

namespace compozy::redis {

namespace {

constexpr size_t kReadSize = 64UL * 1024;

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
  if (used_ == input_.size()) {
    input_.clear();
    used_ = 0;
  } else if (used_ > kReadSize) {
    input_.erase(0, used_);
    used_ = 0;
  }
  const size_t before = input_.size();
  // A large value arrives faster when the room grows with it.
  const size_t room = std::clamp(before, kReadSize, size_t{16} * 1024 * 1024);
  input_.resize_and_overwrite(before + room, [&](char* data, size_t) {
    const ssize_t size = ::recv(fd_.get(), data + before, room, 0);
    const int reason = errno;
    if (size > 0) return before + static_cast<size_t>(size);
    if (size == 0 || (reason != EAGAIN && reason != EINTR)) dead = true;
    return before;
  });
  if (dead) return Io::closed;
  more_ = input_.size() > used_;
  return input_.size() > before ? Io::fine : Io::again;
}

Connection::Io Connection::write_some() {
  while (sent_ < output_.size()) {
    const ssize_t size = ::send(fd_.get(), output_.data() + sent_, output_.size() - sent_, MSG_NOSIGNAL);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0 && errno == EAGAIN) {
      session_->buffers.unsent = unsent();
      return Io::again;
    }
    if (size <= 0) {
      dead = true;
      return Io::closed;
    }
    sent_ += static_cast<size_t>(size);
  }
  output_.clear();
  sent_ = 0;
  session_->buffers.unsent = 0;
  return Io::fine;
}

void Connection::refuse(std::string_view text) {
  ReplyWriter(output_).error(text);
  closing_ = true;
  more_ = false;
}

size_t Connection::execute(Engine& engine, size_t limit) {
  size_t count = 0;
  const Settings& settings = engine.state().settings;
  while (more_ && count < limit && !session_->blocked && !session_->postponed && !session_->killed && !closing_) {
    parser_.set_limits({.bulk_bytes = settings.proto_max_bulk_len, .authenticated = session_->authenticated});
    const auto status = parser_.parse(std::string_view(input_).substr(used_));
    if (status == RequestParser::Status::need_more) {
      more_ = false;
      break;
    }
    if (status == RequestParser::Status::error) {
      collect();
      refuse("ERR " + parser_.error());
      break;
    }
    account(true);
    session_->last_command_ms = engine.state().keyspace.clock().wall_ms();
    engine.state().stats.net_input_bytes += parser_.consumed();
    if (alone_exceeds_client_memory(engine.state(), *session_)) {
      session_->killed = true;
      ++engine.state().stats.evicted_clients;
      break;
    }
    if (!engine.execute(*session_, parser_.args())) {
      break;
    }
    ++count;
    used_ += parser_.consumed();
    if (session_->close_after_reply || session_->killed) closing_ = true;
    more_ = used_ < input_.size();
    if (session_->unsent() > session_->buffers.reply_room &&
        exceeds_output_limit(engine.state(), *session_, session_->last_command_ms)) {
      // Nothing of it is sent: a part of a reply would only mislead.
      log_limit(*session_);
      session_->killed = true;
      session_->outbox.bytes.clear();
    }
  }
  account(false);
  return count;
}

void Connection::account(bool running) {
  ClientBuffers& buffers = session_->buffers;
  size_t arguments = 0;
  if (running) {
    for (const std::string_view arg : parser_.args()) arguments += arg.size();
  } else {
    arguments = parser_.pending_argument_bytes();
  }
  // The bytes of a large argument that is on its way count alone, without the header before it.
  const size_t header = parser_.pending_header_bytes();
  buffers.arguments = arguments;
  // A large argument is kept where it came in.
  const size_t counted = running && arguments >= 32768 ? parser_.consumed() : header;
  buffers.query = unread() - std::min(unread(), counted);
  constexpr size_t kQueryRoom = 20474;
  buffers.query_free = unread() == 0 || unread() >= kQueryRoom ? 0 : kQueryRoom - unread();
  buffers.unsent = unsent();
}

void Connection::collect() {
  if (session_->outbox.bytes.empty()) return;
  ClientBuffers& buffers = session_->buffers;
  buffers.reply_peak = std::max(buffers.reply_peak, std::min(session_->unsent(), buffers.reply_room));
  if (output_.empty()) {
    output_.swap(session_->outbox.bytes);
  } else {
    output_ += session_->outbox.bytes;
    session_->outbox.bytes.clear();
  }
  lsn_ = std::max(lsn_, session_->outbox.lsn);
  session_->buffers.unsent = unsent();
}

}  // namespace compozy::redis
