// SPDX-License-Identifier: Apache-2.0
#include "redis/persist/replica_link.hpp"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include <poll.h>

#include "base/text.hpp"
#include "observe/log.hpp"
#include "redis/persist/loading.hpp"
#include "redis/rdb/rdb_file.hpp"
#include "redis/resp/reply_writer.hpp"

namespace compozy::redis {

namespace {

constexpr int64_t kStepMs = 100;  // how soon the end is noticed
constexpr int64_t kRetryMs = 1000;
constexpr int64_t kConnectMaxMs = 5000;
constexpr int64_t kAcknowledgeMs = 1000;

Failure lost(std::string text) { return fail(Errc::unavailable, std::move(text)); }

}  // namespace

ReplicaLink::ReplicaLink(Engine& engine, std::string host, int64_t port)
    : engine_(engine), host_(std::move(host)), port_(port), thread_([this] { run(); }) {}

ReplicaLink::~ReplicaLink() {
  stopping_ = true;
  thread_.join();
}

void ReplicaLink::run() {
  while (!stopping_) {
    const auto ended = follow_once();
    if (stopping_) return;
    set_link(Following::Link::connecting);
    if (!ended) log::warn("the master cannot be followed", {{"reason", ended.error().message}});
    for (int64_t waited = 0; waited < kRetryMs && !stopping_; waited += kStepMs)
      ::poll(nullptr, 0, static_cast<int>(kStepMs));
  }
}

// What CONFIG SET and INFO may see; a link that was stopped has no say any more.
void ReplicaLink::set_link(Following::Link link) {
  const Engine::Hold hold(engine_);
  if (stopping_) return;
  Following& following = engine_.state().following;
  if (following.link == Following::Link::up && link != Following::Link::up)
    following.down_since_ms = engine_.state().keyspace.clock().wall_ms();
  following.link = link;
  following.offset = offset_;
}

void ReplicaLink::note_traffic() {
  Following& following = engine_.state().following;
  following.last_io_ms = engine_.state().keyspace.clock().wall_ms();
  following.offset = offset_;
}

// repl-timeout: how long the master may say nothing.
int64_t ReplicaLink::timeout_ms() {
  const Engine::Hold hold(engine_);
  return engine_.state().settings.repl_timeout * 1000;
}

Result<std::string> ReplicaLink::ask(RedisPeer& peer, std::initializer_list<std::string_view> command) {
  std::string bytes;
  append_command(bytes, std::vector<std::string_view>(command));
  std::string line;
  if (!peer.write(bytes) || !peer.read_line(line))
    return lost("the master did not answer " + std::string(*command.begin()));
  return line;
}

Result<void> ReplicaLink::introduce(RedisPeer& peer) {
  std::string user;
  std::string password;
  std::string port;
  {
    const Engine::Hold hold(engine_);
    const Settings& settings = engine_.state().settings;
    user = settings.masteruser;
    password = settings.masterauth;
    port = std::to_string(settings.replica_announce_port != 0 ? settings.replica_announce_port : settings.port);
  }
  TRY(const std::string pong, ask(peer, {"PING"}));
  if (!pong.starts_with('+') && !pong.starts_with("-NOAUTH") && !pong.starts_with("-NOPERM"))
    return lost("Error reply to PING from master: '" + pong + "'");
  if (!password.empty()) {
    TRY(const std::string authenticated,
        user.empty() ? ask(peer, {"AUTH", password}) : ask(peer, {"AUTH", user, password}));
    if (!authenticated.starts_with('+')) return lost("Unable to AUTH to MASTER: " + authenticated);
  }
  // A master that does not know these is old, and no worse for it.
  TRY(ask(peer, {"REPLCONF", "listening-port", port}));
  TRY(ask(peer, {"REPLCONF", "capa", "eof", "capa", "psync2"}));
  return {};
}

// Asks for everything; the RDB file.
Result<std::string> ReplicaLink::receive_data(RedisPeer& peer) {
  TRY(std::string line, ask(peer, {"PSYNC", "?", "-1"}));
  if (line.starts_with("-ERR")) {  // a master that knows only SYNC
    if (!peer.write("*1\r\n$4\r\nSYNC\r\n")) return lost("the connection to the master broke");
  } else if (line.starts_with("+FULLRESYNC ")) {
    const auto words = split(line, ' ');
    int64_t offset = 0;
    if (words.size() == 3 && parse_int64(words[2], offset)) offset_ = static_cast<uint64_t>(offset);
    log::info("Full resync from master: " + line.substr(12), {});
  } else {
    return lost("the master refused PSYNC: '" + line + "'");
  }
  do {
    if (stopping_) return lost("stopped");
    if (!peer.read_line(line)) return lost("the master did not begin to send its data");
  } while (line.empty());  // It makes the file, and says with each empty line that it is there.
  if (!line.starts_with('$')) return lost("the master did not send its data: '" + line + "'");
  std::string data;
  TRY(read_payload(peer, line, data));
  return data;
}

// "$<length>", or "$EOF:<mark>" and the mark again at the end.
Result<void> ReplicaLink::read_payload(RedisPeer& peer, const std::string& header, std::string& data) {
  const int64_t silence_max_ms = timeout_ms();
  const std::string mark = header.starts_with("$EOF:") ? header.substr(5) : "";
  int64_t size = 0;
  if (mark.empty() && !parse_int64(header.substr(1), size)) return lost("the master sent '" + header + "'");
  int64_t silent_ms = 0;
  while (mark.empty() ? data.size() < static_cast<size_t>(size) : !data.ends_with(mark)) {
    if (stopping_) return lost("stopped");
    if (peer.read_some(data, kStepMs)) {
      silent_ms = 0;
    } else {
      silent_ms += kStepMs;
      if (!peer.timed_out() || silent_ms > silence_max_ms)
        return lost("the connection to the master broke while it sent its data");
    }
  }
  const size_t end = mark.empty() ? static_cast<size_t>(size) : data.size() - mark.size();
  if (mark.empty()) peer.give_back(data.substr(end));
  data.resize(end);
  return {};
}

Result<void> ReplicaLink::replace_data(const std::string& data) {
  Loading loading(engine_, [this] { return stopping_.load(); });
  std::optional<Engine::Hold> hold(std::in_place, engine_);
  if (stopping_) return lost("stopped");
  ServerState& state = engine_.state();
  loading.expect(data.size());
  log::info("MASTER <-> REPLICA sync: Flushing old data", {});
  state.keyspace.clear();
  state.tracking.invalidate_all();
  state.keyspace.begin_unit();
  log::info("MASTER <-> REPLICA sync: Loading DB in memory", {});
  TRY(const RdbLoaded loaded,
      load_rdb(data, state.keyspace,
               {.keep_expired = true, .between_keys = [&](size_t position) { return loading.pause(hold, position); }}));
  TRY(state.scripts->restore_libraries(loaded.libraries, RestorePolicy::flush));
  // The log so far tells of other data.
  if (engine_.persistence() != nullptr && state.settings.appendonly) engine_.persistence()->rewrite(false);
  log::info("MASTER <-> REPLICA sync: Finished with success", {});
  return {};
}

Result<void> ReplicaLink::follow_once() {
  RedisPeer peer;
  std::string source;
  {
    const Engine::Hold hold(engine_);
    source = engine_.state().settings.bind_source_addr;
  }
  log::info("Connecting to MASTER " + host_ + ":" + std::to_string(port_), {});
  if (!peer.connect(host_, std::to_string(port_), std::min(kConnectMaxMs, timeout_ms()), source))
    return lost("no connection to " + host_ + ":" + std::to_string(port_));
  TRY(introduce(peer));
  set_link(Following::Link::syncing);
  TRY(const std::string data, receive_data(peer));
  TRY(replace_data(data));
  Session* session = nullptr;
  {
    const Engine::Hold hold(engine_);
    if (stopping_) return {};
    session = &engine_.open(nullptr, host_ + ":" + std::to_string(port_));
    session->user = nullptr;
    session->authenticated = true;
    session->master = true;
  }
  set_link(Following::Link::up);
  const auto ended = apply_stream(peer, *session);
  const Engine::Hold hold(engine_);
  engine_.close(*session);
  return ended;
}

bool ReplicaLink::acknowledge(RedisPeer& peer) {
  std::string bytes;
  append_command(bytes, std::vector<std::string>{"REPLCONF", "ACK", std::to_string(offset_)});
  return peer.write(bytes);
}

Result<void> ReplicaLink::apply_stream(RedisPeer& peer, Session& session) {
  const int64_t silence_max_ms = timeout_ms();
  const Clock& clock = engine_.state().keyspace.clock();
  RequestParser parser;
  std::string input;
  int64_t silent_ms = 0;
  int64_t next_acknowledge_us = 0;
  while (!stopping_) {
    if (clock.monotonic_us() >= next_acknowledge_us) {
      next_acknowledge_us = clock.monotonic_us() + kAcknowledgeMs * 1000;
      if (!acknowledge(peer)) return lost("the connection to the master broke");
    }
    if (!peer.read_some(input, kStepMs)) {
      if (!peer.timed_out()) return lost("the master closed the connection");
      silent_ms += kStepMs;
      if (silent_ms > silence_max_ms) return lost("the master says nothing any more");
      continue;
    }
    silent_ms = 0;
    TRY(const size_t used, apply_part(peer, session, parser, input));
    input.erase(0, used);
  }
  return {};
}

// Executes what is complete; how many bytes that was.
Result<size_t> ReplicaLink::apply_part(RedisPeer& peer, Session& session, RequestParser& parser,
                                       std::string_view input) {
  constexpr int kCommandsPerHold = 64;
  size_t used = 0;
  bool more = true;
  while (more) {
    bool asked = false;
    {
      const Engine::Hold hold(engine_);
      if (stopping_) return used;
      for (int i = 0; i < kCommandsPerHold && more; ++i) {
        const auto status = parser.parse(input.substr(used));
        if (status == RequestParser::Status::error) return lost("the master's stream is broken: " + parser.error());
        more = status == RequestParser::Status::complete;
        if (!more) break;
        used += parser.consumed();
        offset_ += parser.consumed();
        const Args args = parser.args();
        if (args.empty() || equals_ignoring_case(args[0], "ping")) continue;
        if (equals_ignoring_case(args[0], "replconf")) {
          asked = true;
        } else {
          engine_.apply(session, args);
        }
      }
      note_traffic();
    }
    if (asked && !acknowledge(peer)) return lost("the connection to the master broke");
  }
  return used;
}

}  // namespace compozy::redis
