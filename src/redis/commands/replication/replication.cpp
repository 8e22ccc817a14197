// SPDX-License-Identifier: Apache-2.0
//
// A server's history of writes, and the replicas that get it: who waits for the file with all data, who hears nothing
// any more. Source: redis.io/docs/management/replication.
#include "redis/commands/replication/replication.hpp"

#include <algorithm>
#include <utility>

#include "base/text.hpp"
#include "observe/log.hpp"
#include "redis/commands/context.hpp"
#include "redis/commands/handlers.hpp"
#include "redis/rdb/rdb_file.hpp"

namespace compozy::redis {

std::string Replication::fresh_id() {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string id;
  for (int i = 0; i < 40; ++i) id += kDigits[random_.below(kDigits.size())];
  return id;
}

void Replication::activate(bool master) {
  if (active_) return;
  active_ = true;
  // Whoever followed before this server kept a stream cannot go on with it.
  if (master) begin_history(fresh_id());
}

void Replication::deactivate() {
  active_ = false;
  stream.restart(stream.end());
  begin_history(fresh_id());
}

void Replication::begin_history(std::string id) {
  id_ = std::move(id);
  second_id_.assign(40, '0');
  second_offset_ = -1;
}

void Replication::feed(std::string_view bytes, int64_t backlog_bytes) {
  if (!active_ || bytes.empty()) return;
  stream.append(bytes, static_cast<size_t>(backlog_bytes));
  trim(backlog_bytes);
  for (Session* replica : replicas) {
    if (replica->follower.streams() && !replica->killed) replica->notify();
  }
}

void Replication::trim(int64_t backlog_bytes) {
  uint64_t needed = stream.end();
  for (const Session* replica : replicas) {
    if (replica->follower.holds_stream()) needed = std::min(needed, replica->follower.position);
  }
  stream.trim(needed, static_cast<size_t>(backlog_bytes));
}

void Replication::branch_off(std::string id) {
  second_id_ = std::exchange(id_, std::move(id));
  second_offset_ = static_cast<int64_t>(stream.end()) + 1;
  disconnect_replicas();
}

void Replication::take_over(const std::string& id, uint64_t offset) {
  disconnect_replicas();
  begin_history(id);
  stream.restart(offset);
  active_ = true;
}

void Replication::continue_as(const std::string& id) {
  active_ = true;
  if (!id.empty() && id != id_) branch_off(id);
}

void Replication::forget_history() { take_over(fresh_id(), 0); }

void Replication::resume(const std::string& id, uint64_t offset) {
  second_id_ = id;
  second_offset_ = static_cast<int64_t>(offset) + 1;
  stream.restart(offset);
  active_ = true;
}

bool Replication::can_continue(std::string_view id, uint64_t offset) const {
  const bool same = equals_ignoring_case(id, id_);
  const bool before = equals_ignoring_case(id, second_id_) && static_cast<int64_t>(offset) < second_offset_;
  return active_ && (same || before) && stream.holds(offset);
}

void Replication::disconnect_replicas() {
  for (Session* replica : replicas) replica->kill();
}

int64_t Replication::acknowledged(uint64_t offset) const {
  return std::ranges::count_if(replicas, [&](const Session* replica) {
    return replica->follower.state == Follower::State::online && replica->follower.acknowledged >= offset;
  });
}

std::string replica_name(const Session& replica) {
  const Follower& follower = replica.follower;
  std::string host =
      follower.address.empty() ? replica.address.substr(0, replica.address.rfind(':')) : follower.address;
  if (follower.port != 0) return host + ":" + std::to_string(follower.port);
  return replica.address;
}

int64_t good_replicas(const ServerState& server) {
  const int64_t since_ms = server.keyspace.clock().wall_ms() - server.settings.min_replicas_max_lag * 1000;
  return std::ranges::count_if(server.replication.replicas, [&](const Session* one) {
    return one->follower.state == Follower::State::online && one->follower.acknowledged_at_ms >= since_ms;
  });
}

size_t stream_database(const ServerState& server) {
  if (server.following.on()) return server.replication.database;
  return static_cast<size_t>(std::max<int64_t>(0, server.effects.selected()));
}

std::string follow(ServerState& server, const std::string& host, int64_t port) {
  if (server.host == nullptr) return "ERR REPLICAOF is not allowed: the engine is part of another program";
  const bool was_master = !server.following.on();
  if (was_master && host.empty()) return {};
  server.following = {.host = host, .port = port};
  if (!host.empty()) server.following.down_since_ms = server.keyspace.clock().wall_ms();
  server.settings.replicaof = host.empty() ? "" : host + " " + std::to_string(port);
  server.keyspace.set_expiry_paused(server.following.on());  // A key goes when the master says so.
  server.host->follow(host, port);
  if (host.empty()) {
    server.replication.begin_own_history();
    server.replication.alone_since_ms = server.keyspace.clock().wall_ms();
    server.effects.select_again();
  } else if (was_master) {
    // What they wait for may come with the master's writes, and then they would change data that is not theirs.
    server.engine->unblock_all(
        "UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)");
  }
  server.effects.replicated = server.replication.active() && !server.following.on();
  return {};
}

namespace {

using Waiting = std::vector<Session*>;

void attach(ServerState& server, Session& replica, uint64_t offset) {
  Follower& follower = replica.follower;
  follower.state = Follower::State::attached;
  follower.position = offset;
  if (follower.knows_psync)
    replica.outbox.bytes += "+FULLRESYNC " + server.replication.id() + " " + std::to_string(offset) + "\r\n";
  replica.notify();
}

// Without a dump file, the data goes from here to the replica's buffer.
void send_from_memory(ServerState& server, Session& replica) {
  const std::string bytes = make_rdb(server.keyspace, {.version = std::string(kRedisVersion)});
  attach(server, replica, server.replication.offset());
  replica.outbox.bytes += "$" + std::to_string(bytes.size()) + "\r\n";
  replica.outbox.bytes += bytes;
  replica.follower.end_transfer(server.keyspace.clock().wall_ms());
  server.effects.select_again();
}

bool same_file(const Session& a, const Session& b) {
  return a.follower.without_data == b.follower.without_data &&
         a.follower.without_functions == b.follower.without_functions;
}

// More replicas may come, and one file would do for all of them.
bool should_wait(const ServerState& server, const Waiting& waiting) {
  const Settings& settings = server.settings;
  const int64_t now_ms = server.keyspace.clock().wall_ms();
  int64_t longest_s = 0;
  for (const Session* replica : waiting)
    longest_s = std::max(longest_s, (now_ms - replica->follower.waiting_since_ms) / 1000);
  const int64_t enough = settings.repl_diskless_sync_max_replicas;
  return longest_s < settings.repl_diskless_sync_delay &&
         (enough == 0 || static_cast<int64_t>(waiting.size()) < enough);
}

}  // namespace

void start_full_sync(ServerState& server) {
  Waiting waiting;
  for (Session* replica : server.replication.replicas) {
    const bool wants = replica->follower.state == Follower::State::waiting && !replica->killed;
    if (wants && (waiting.empty() || same_file(*waiting.front(), *replica))) waiting.push_back(replica);
  }
  if (waiting.empty()) return;
  if (server.storage == nullptr) {
    for (Session* replica : waiting) send_from_memory(server, *replica);
    return;
  }
  const auto is_attached = [](const Session* one) { return one->follower.state == Follower::State::attached; };
  if (const auto running = server.storage->syncing(); running && !running->to_sockets) {
    const auto other = std::ranges::find_if(server.replication.replicas, is_attached);
    if (other == server.replication.replicas.end() || !same_file(**other, *waiting.front())) return;
    for (Session* replica : waiting) attach(server, *replica, (*other)->follower.position);
    return;
  }
  if (server.storage->saving() || server.keyspace.snapshot() != nullptr) return;
  const Follower& first = waiting.front()->follower;
  StoragePort::ForReplicas how{.without_data = first.without_data, .without_functions = first.without_functions};
  how.to_sockets = (server.settings.repl_diskless_sync || how.without_data || how.without_functions) &&
                   std::ranges::all_of(waiting, [](const Session* one) { return one->follower.eof_capable; });
  if (how.to_sockets && should_wait(server, waiting)) return;
  log::info(std::string("Starting BGSAVE for SYNC with target: ") + (how.to_sockets ? "replicas sockets" : "disk"), {});
  if (const std::string problem = server.storage->start_sync(how); !problem.empty()) {
    log::warn("BGSAVE for replication failed", {{"reason", problem}});
    for (Session* replica : waiting) replica->kill();
    return;
  }
  server.effects.select_again();
  for (Session* replica : waiting) attach(server, *replica, server.replication.offset());
}

namespace {

void greet_and_time_out(ServerState& server) {
  const int64_t now_ms = server.keyspace.clock().wall_ms();
  const auto running = server.storage == nullptr ? std::nullopt : server.storage->syncing();
  for (Session* replica : server.replication.replicas) {
    const Follower& follower = replica->follower;
    const bool waits = follower.state == Follower::State::waiting ||
                       (follower.state == Follower::State::attached && running && !running->to_sockets);
    if (waits) {
      replica->outbox.bytes += '\n';  // The file is being made.
      replica->notify();
    }
    const bool silent = follower.state == Follower::State::online && follower.knows_psync &&
                        now_ms - follower.acknowledged_at_ms > server.settings.repl_timeout * 1000;
    if (!silent || replica->killed) continue;
    log::warn("Disconnecting timedout replica (streaming sync): " + replica_name(*replica), {});
    replica->kill();
  }
}

}  // namespace

void tend_replicas(ServerState& server) {
  Replication& replication = server.replication;
  greet_and_time_out(server);
  const int64_t now_ms = server.keyspace.clock().wall_ms();
  const int64_t ttl_s = server.settings.repl_backlog_ttl;
  if (server.following.on() || !replication.replicas.empty() || !replication.active() || ttl_s == 0 ||
      now_ms - replication.alone_since_ms <= ttl_s * 1000)
    return;
  replication.deactivate();
  server.effects.replicated = false;
  log::info("Replication backlog freed after " + std::to_string(ttl_s) + " seconds without connected replicas.", {});
}

}  // namespace compozy::redis
