// SPDX-License-Identifier: Apache-2.0
#include "redis/persist/replica_link.hpp"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include <poll.h>

#include "base/text.hpp"
#include "observe/log.hpp"
#include "redis/commands/replication/failover.hpp"
#include "redis/persist/loading.hpp"
#include "redis/rdb/rdb_file.hpp"
#include "redis/resp/reply_writer.hpp"

namespace compozy::redis {

namespace {

constexpr int64_t kStepMs = 100;  // how soon the end is noticed
constexpr int64_t kRetryMs = 1000;
constexpr int64_t kConnectMaxMs = 5000;
constexpr int64_t kAcknowledgeMs = 1000;
constexpr int64_t kBusyStepMs = 10;

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
    was_up_ = false;
    const auto result = follow_once();
    if (stopping_) break;
    set_link(Following::Link::connect);
    if (!result) log::warn(result.error().message, {});
    // A connection that was good once is tried again at once.
    for (int64_t waited = was_up_ ? kRetryMs : 0; waited < kRetryMs && !stopping_; waited += kStepMs)
      ::poll(nullptr, 0, static_cast<int>(kStepMs));
  }
  ended_ = true;
}

// What CONFIG SET and INFO may see; a link that was stopped has no say any more.
void ReplicaLink::set_link(Following::Link link) {
  const Engine::Hold hold(engine_);
  if (stopping_) return;
  Following& following = engine_.state().following;
  const int64_t now_ms = engine_.state().keyspace.clock().wall_ms();
  if (following.link == Following::Link::up && link != Following::Link::up) following.down_since_ms = now_ms;
  following.link = link;
  following.last_io_ms = now_ms;
}

// repl-timeout: how long the master may say nothing.
int64_t ReplicaLink::timeout_ms() {
  const Engine::Hold hold(engine_);
  return engine_.state().settings.repl_timeout * 1000;
}

Result<std::string> ReplicaLink::next_line(RedisPeer& peer) {
  const Clock& clock = engine_.state().keyspace.clock();
  const int64_t until_us = clock.monotonic_us() + timeout_ms() * 1000;
  std::string line;
  while (!peer.read_line(line, kStepMs)) {
    if (stopping_) return lost("stopped");
    if (!peer.timed_out()) return lost("The master closed the connection during the handshake");
    if (clock.monotonic_us() > until_us) return lost("Timeout connecting to the MASTER...");
  }
  return line;
}

Result<std::string> ReplicaLink::ask(RedisPeer& peer, std::initializer_list<std::string_view> command) {
  std::string bytes;
  append_command(bytes, std::vector<std::string_view>(command));
  if (!peer.write(bytes)) return lost("The master does not take " + std::string(*command.begin()));
  return next_line(peer);
}

Result<void> ReplicaLink::introduce(RedisPeer& peer) {
  std::string user;
  std::string password;
  std::string port;
  std::string address;
  {
    const Engine::Hold hold(engine_);
    const Settings& settings = engine_.state().settings;
    user = settings.masteruser;
    password = settings.masterauth;
    address = settings.replica_announce_ip;
    port = std::to_string(settings.replica_announce_port != 0 ? settings.replica_announce_port : settings.port);
  }
  TRY(const std::string pong, ask(peer, {"PING"}));
  if (!pong.starts_with('+') && !pong.starts_with("-NOAUTH") && !pong.starts_with("-NOPERM") &&
      !pong.starts_with("-ERR operation not permitted"))
    return lost("Error reply to PING from master: '" + pong + "'");
  log::info("Master replied to PING, replication can continue...", {});
  if (!password.empty()) {
    TRY(const std::string authenticated,
        user.empty() ? ask(peer, {"AUTH", password}) : ask(peer, {"AUTH", user, password}));
    if (!authenticated.starts_with('+')) return lost("Unable to AUTH to MASTER: " + authenticated);
  }
  // A master that does not know these is old, and no worse for it.
  TRY(ask(peer, {"REPLCONF", "listening-port", port}));
  if (!address.empty()) TRY(ask(peer, {"REPLCONF", "ip-address", address}));
  TRY(ask(peer, {"REPLCONF", "capa", "eof", "capa", "psync2"}));
  return {};
}

// Asks to go on in the history that this server's data is of; a master that cannot sends everything.
Result<ReplicaLink::Answer> ReplicaLink::ask_to_go_on(RedisPeer& peer) {
  std::string id;
  std::string next;
  bool failover = false;
  {
    const Engine::Hold hold(engine_);
    id = engine_.state().replication.id();
    next = std::to_string(engine_.state().replication.offset() + 1);
    failover = engine_.state().replication.failover.state == Failover::State::in_progress;
  }
  log::info("Trying a partial resynchronization (request " + id + ":" + next + ").", {});
  TRY(std::string line, failover ? ask(peer, {"PSYNC", id, next, "FAILOVER"}) : ask(peer, {"PSYNC", id, next}));
  while (line.empty()) {  // It waits with its answer, and says so.
    TRY(line, next_line(peer));
  }
  const auto words = split(line, ' ');
  const bool goes_on = words[0] == "+CONTINUE";
  int64_t offset = 0;
  const bool whole = words[0] == "+FULLRESYNC" && words.size() == 3 && parse_int64(words[2], offset) && offset >= 0;
  if (failover) {
    const Engine::Hold hold(engine_);
    if (stopping_) return lost("stopped");
    if (goes_on || whole) {
      end_failover(engine_.state());
    } else {
      abort_failover(engine_.state(), "Failover target rejected psync request");
      return lost("stopped");
    }
  }
  if (goes_on) return Answer{.goes_on = true, .id = words.size() > 1 ? std::string(words[1]) : ""};
  if (whole) {
    log::info("Full resync from master: " + std::string(words[1]) + ":" + std::string(words[2]), {});
    return Answer{.id = std::string(words[1]), .offset = static_cast<uint64_t>(offset)};
  }
  if (line.starts_with("-NOMASTERLINK") || line.starts_with("-LOADING"))
    return lost("Master is currently unable to PSYNC but should be in the future: " + line);
  log::warn("Unexpected reply to PSYNC from master: " + line, {});
  if (!peer.write("*1\r\n$4\r\nSYNC\r\n")) return lost("The connection to the master broke");
  return Answer{.id = std::string(40, '0')};
}

// repl-diskless-load: where the file goes.
ReplicaLink::Way ReplicaLink::way() {
  const Engine::Hold hold(engine_);
  const std::string& choice = engine_.state().settings.repl_diskless_load;
  if (choice == "swapdb") return Way::aside;
  return choice == "on-empty-db" && engine_.state().keyspace.key_count() == 0 ? Way::parsed : Way::memory;
}

// The RDB file is announced: "$<length>", or "$EOF:<mark>" and the mark again at its end.
Result<ReplicaLink::Payload> ReplicaLink::begin_payload(RedisPeer& peer) {
  std::string line;
  while (line.empty()) {  // It makes the file, and says with each empty line that it is there.
    TRY(line, next_line(peer));
  }
  if (!line.starts_with('$')) return lost("MASTER aborted replication with an error: " + line);
  Payload payload{.way = way(), .mark = line.starts_with("$EOF:") ? line.substr(5) : ""};
  if (payload.mark.empty() && (!parse_int64(line.substr(1), payload.size) || payload.size < 0))
    return lost("Bad protocol from MASTER, the first byte is not '$': '" + line + "'");
  payload.silence_max_ms = timeout_ms();
  log::info("MASTER <-> REPLICA sync: receiving " +
                (payload.mark.empty() ? std::to_string(payload.size) + " bytes from master"
                                      : std::string("streamed RDB from master with EOF")) +
                (payload.way == Way::memory ? " to memory" : " to parser"),
            {});
  return payload;
}

// Appends what has come; false: nothing did, this moment.
Result<bool> ReplicaLink::receive_some(RedisPeer& peer, Payload& payload, std::string& bytes) {
  if (stopping_) return lost("stopped");
  const size_t had = bytes.size();
  const bool came = peer.read_some(bytes, kStepMs);
  payload.silent_ms = came ? 0 : payload.silent_ms + kStepMs;
  payload.received += static_cast<int64_t>(bytes.size() - had);
  if (!came && !peer.timed_out()) return lost("I/O error trying to sync with MASTER: connection lost");
  if (payload.silent_ms > payload.silence_max_ms) return lost("Timeout receiving bulk data from MASTER...");
  const Engine::Hold hold(engine_);
  Following& following = engine_.state().following;
  following.sync_total_bytes = payload.size;
  following.sync_read_bytes = payload.received;
  if (came) following.last_io_ms = engine_.state().keyspace.clock().wall_ms();
  return came;
}

Result<void> ReplicaLink::receive_all(RedisPeer& peer, Payload& payload) {
  std::string& data = payload.data;
  const auto whole = static_cast<size_t>(payload.size);
  while (payload.mark.empty() ? data.size() < whole : !data.ends_with(payload.mark)) {
    TRY(receive_some(peer, payload, data));
  }
  const size_t end = payload.mark.empty() ? whole : data.size() - payload.mark.size();
  if (payload.mark.empty()) peer.give_back(std::string_view(data).substr(end));
  data.resize(end);
  return {};
}

// After a file that was read as it arrived: its end must be where the master said.
Result<void> ReplicaLink::end_payload(RedisPeer& peer, Payload& payload, RdbLoaded& loaded, const More& more) {
  if (payload.mark.empty() && loaded.end != static_cast<size_t>(payload.size))
    return lost("the file has " + std::to_string(loaded.end) + " bytes, " + std::to_string(payload.size) +
                " were announced");
  while (loaded.rest.size() < payload.mark.size()) {
    TRY(more(loaded.rest));
  }
  if (!loaded.rest.starts_with(payload.mark)) return lost("Replication stream EOF marker is broken");
  peer.give_back(std::string_view(loaded.rest).substr(payload.mark.size()));
  return {};
}

// Reads the file into the data, or into `spare`; `hold` is the caller's.
Result<RdbLoaded> ReplicaLink::read_file(RedisPeer& peer, Payload& payload, Loading& loading,
                                         std::optional<Engine::Hold>& hold, Databases* spare) {
  Keyspace& space = engine_.state().keyspace;
  const Clock& clock = space.clock();
  int64_t next_sign_us = clock.monotonic_us() + kAcknowledgeMs * 1000;
  RdbLoading how{.keep_expired = true, .databases = spare};
  how.between_keys = [&](size_t position) -> Result<void> {
    if (clock.monotonic_us() >= next_sign_us) {
      next_sign_us = clock.monotonic_us() + kAcknowledgeMs * 1000;
      if (!peer.write("\n")) return lost("The connection to the master broke while its data was loaded");
    }
    space.set_replaying(false);
    TRY(loading.pause(hold, position));
    space.set_replaying(true);
    return {};
  };
  const More more = [&](std::string& bytes) -> Result<bool> {
    space.set_replaying(false);
    hold.reset();
    auto came = receive_some(peer, payload, bytes);
    hold.emplace(engine_);
    space.begin_unit();
    space.set_replaying(true);
    return came;
  };
  if (payload.way != Way::memory) how.more = more;
  space.set_replaying(true);
  auto loaded = load_rdb_and_tell(payload.data, space, std::move(how));
  if (loaded && payload.way != Way::memory) {
    if (auto ended = end_payload(peer, payload, *loaded, more); !ended) loaded = std::unexpected(ended.error());
  }
  space.set_replaying(false);
  return loaded;
}

// What the data is of ends here, for this server's own replicas too.
void ReplicaLink::give_up_history() {
  ServerState& state = engine_.state();
  state.replication.forget_history();
  state.tracking.invalidate_all();
}

void ReplicaLink::put_in_place(Databases& spare) {
  ServerState& state = engine_.state();
  log::info("MASTER <-> REPLICA sync: Swapping active DB with loaded DB", {});
  give_up_history();
  state.keyspace.exchange_databases(spare);
  for (size_t i = 0; i < spare.size(); ++i) state.blocked.touch_database(i);
  log::info("MASTER <-> REPLICA sync: Discarding old DB in background", {});
}

Result<void> ReplicaLink::load(RedisPeer& peer, Payload& payload, const Answer& answer) {
  ServerState& state = engine_.state();
  Databases spare;
  const bool aside = payload.way == Way::aside;
  // Of the same history, only older: clients may go on with it. Otherwise it is shown again only if the loading fails.
  const auto clients = aside && is_of(answer.id) ? Loading::Clients::go_on : Loading::Clients::wait;
  Loading loading(engine_, [this] { return stopping_.load(); }, clients);
  std::optional<Engine::Hold> hold(std::in_place, engine_);
  if (stopping_) return lost("stopped");
  loading.expect(static_cast<uint64_t>(std::max<int64_t>(payload.size, 0)));
  if (aside) {
    spare = state.keyspace.make_spare_databases();
  } else {
    log::info("MASTER <-> REPLICA sync: Flushing old data", {});
    give_up_history();
    state.keyspace.clear();
  }
  state.keyspace.begin_unit();
  log::info("MASTER <-> REPLICA sync: Loading DB in memory", {});
  auto loaded = read_file(peer, payload, loading, hold, aside ? &spare : nullptr);
  if (loaded) {
    auto restored = state.scripts->restore_libraries(loaded->libraries, RestorePolicy::flush);
    if (!restored) loaded = std::unexpected(restored.error());
  }
  state.replication.received_bytes += static_cast<uint64_t>(payload.received);
  if (loaded && aside) put_in_place(spare);
  if (!loaded && aside) log::info("MASTER <-> REPLICA sync: Discarding temporary DB in background", {});
  if (!loaded && !aside) state.keyspace.clear();
  for (const auto& database : spare) database->clear(Release::lazily);
  spare.clear();
  if (!loaded && payload.way == Way::memory) return std::unexpected(loaded.error());
  if (!loaded) {
    log::warn("Internal error in RDB reading offset " + std::to_string(payload.received), {});
    return lost("Failed trying to load the MASTER synchronization DB from socket: " + loaded.error().message);
  }
  ++state.stats.dirty;
  state.replication.take_over(answer.id, answer.offset);
  state.replication.database = loaded->history.database;
  // The log so far tells of other data.
  if (engine_.persistence() != nullptr && state.settings.appendonly) engine_.persistence()->rewrite(false);
  log::info("MASTER <-> REPLICA sync: Finished with success", {});
  return {};
}

bool ReplicaLink::is_of(std::string_view history) {
  const Engine::Hold hold(engine_);
  return engine_.state().replication.id() == history;
}

Result<void> ReplicaLink::synchronize(RedisPeer& peer) {
  TRY(const Answer answer, ask_to_go_on(peer));
  if (answer.goes_on) {
    const Engine::Hold hold(engine_);
    if (stopping_) return lost("stopped");
    Replication& replication = engine_.state().replication;
    if (!answer.id.empty() && answer.id != replication.id())
      log::info("Master replication ID changed to " + answer.id, {});
    replication.continue_as(answer.id);
    log::info("Successful partial resynchronization with master.", {});
    return {};
  }
  set_link(Following::Link::syncing);
  TRY(Payload payload, begin_payload(peer));
  if (payload.way == Way::memory) TRY(receive_all(peer, payload));
  return load(peer, payload, answer);
}

Session* ReplicaLink::open_session() {
  const Engine::Hold hold(engine_);
  if (stopping_) return nullptr;
  Session& session = engine_.open(nullptr, host_ + ":" + std::to_string(port_));
  session.user = nullptr;
  session.authenticated = true;
  session.master = true;
  session.database = std::min(engine_.state().replication.database, engine_.state().keyspace.database_count() - 1);
  engine_.state().following.read_offset = engine_.state().replication.offset();
  return &session;
}

Result<void> ReplicaLink::follow_once() {
  RedisPeer peer;
  std::string source;
  {
    const Engine::Hold hold(engine_);
    source = engine_.state().settings.bind_source_addr;
  }
  log::info("Connecting to MASTER " + host_ + ":" + std::to_string(port_), {});
  set_link(Following::Link::connecting);
  log::info("MASTER <-> REPLICA sync started", {});
  if (!peer.connect(host_, std::to_string(port_), std::min(kConnectMaxMs, timeout_ms()), source))
    return lost("Error condition on socket for SYNC: no connection to " + host_ + ":" + std::to_string(port_));
  set_link(Following::Link::handshake);
  TRY(introduce(peer));
  TRY(synchronize(peer));
  Session* const session = open_session();
  if (session == nullptr) return {};
  set_link(Following::Link::up);
  was_up_ = true;
  input_.clear();
  executed_ = 0;
  parser_.restart();
  const auto ended = apply_stream(peer, *session);
  const Engine::Hold hold(engine_);
  engine_.close(*session);
  return ended;
}

bool ReplicaLink::acknowledge(RedisPeer& peer) {
  uint64_t offset = 0;
  {
    const Engine::Hold hold(engine_);
    offset = engine_.state().replication.offset();
  }
  std::string bytes;
  append_command(bytes, std::vector<std::string>{"REPLCONF", "ACK", std::to_string(offset)});
  return peer.write(bytes);
}

Result<void> ReplicaLink::apply_stream(RedisPeer& peer, Session& session) {
  const Clock& clock = engine_.state().keyspace.clock();
  int64_t heard_us = clock.monotonic_us();
  int64_t next_acknowledge_us = 0;
  while (!stopping_) {
    if (clock.monotonic_us() >= next_acknowledge_us) {
      next_acknowledge_us = clock.monotonic_us() + kAcknowledgeMs * 1000;
      if (!acknowledge(peer)) return lost("Connection with master lost.");
    }
    if (!peer.read_some(input_, kStepMs)) {
      if (!peer.timed_out()) return lost("Connection with master lost.");
      if (clock.monotonic_us() - heard_us > timeout_ms() * 1000)
        return lost("MASTER timeout: no data nor PING received...");
      const Engine::Hold hold(engine_);
      if (session.killed) return lost("Connection with master lost.");
      continue;
    }
    heard_us = clock.monotonic_us();
    TRY(apply_part(peer, session));
  }
  return {};
}

// Executes what is complete of the input.
Result<void> ReplicaLink::apply_part(RedisPeer& peer, Session& session) {
  bool more = true;
  while (more && !stopping_) {
    bool asked = false;
    bool busy = false;
    {
      const Engine::Hold hold(engine_);
      if (stopping_) return {};
      if (session.killed) return lost("Connection with master lost.");
      engine_.state().following.read_offset = engine_.state().replication.offset() + input_.size();
      // Somebody's script is half done, or CLIENT PAUSE holds what changes data: the master's writes come after it.
      busy = engine_.state().scripts->busy() || engine_.state().pause.what != ClientPause::What::nothing;
      if (!busy) {
        TRY(more, apply_some(session, asked));
      }
    }
    if (busy) ::poll(nullptr, 0, static_cast<int>(kBusyStepMs));
    if (asked && !acknowledge(peer)) return lost("Connection with master lost.");
  }
  return {};
}

// One hold's work; whether there may be more.
Result<bool> ReplicaLink::apply_some(Session& session, bool& asked) {
  constexpr int kCommandsPerHold = 64;
  ServerState& state = engine_.state();
  size_t passed_on = 0;
  bool more = true;
  for (int i = 0; i < kCommandsPerHold && more; ++i) {
    const auto status = parser_.parse(std::string_view(input_).substr(executed_));
    if (status == RequestParser::Status::error) return lost("The master's stream is broken: " + parser_.error());
    more = status == RequestParser::Status::complete;
    if (!more) break;
    const Args args = parser_.args();
    executed_ += parser_.consumed();
    state.replication.received_bytes += parser_.consumed();
    if (!args.empty() && equals_ignoring_case(args[0], "replconf")) {
      asked = true;
    } else if (!args.empty() && !equals_ignoring_case(args[0], "ping")) {
      engine_.apply(session, args);
    }
    if (session.in_multi) continue;
    state.replication.database = session.database;
    engine_.relay(std::string_view(input_).substr(passed_on, executed_ - passed_on));
    passed_on = executed_;
  }
  input_.erase(0, passed_on);
  executed_ -= passed_on;
  state.following.last_io_ms = state.keyspace.clock().wall_ms();
  return more;
}

}  // namespace compozy::redis
