// SPDX-License-Identifier: Apache-2.0
//
// REPLICAOF, ROLE, WAIT, INFO replication, and for those who follow us PSYNC, SYNC and REPLCONF.
// Source: redis.io/docs/management/replication, redis.io/commands/wait.
#include <algorithm>
#include <string>

#include "base/text.hpp"
#include "observe/log.hpp"
#include "redis/commands/context.hpp"
#include "redis/commands/handlers.hpp"
#include "redis/commands/replication/failover.hpp"
#include "redis/commands/replication/replication.hpp"

namespace compozy::redis {

namespace {

std::string address_of(const Session& replica) {
  if (!replica.follower.address.empty()) return replica.follower.address;
  std::string host = replica.address.substr(0, replica.address.rfind(':'));
  if (host.starts_with('[')) host = host.substr(1, host.size() - 2);
  return host;
}

std::string_view state_of(const Follower& follower) {
  switch (follower.state) {
    case Follower::State::waiting:
    case Follower::State::attached: return "wait_bgsave";
    case Follower::State::receiving: return "send_bulk";
    case Follower::State::online: return "online";
    default: return {};
  }
}

std::string_view link_name(Following::Link link) {
  switch (link) {
    case Following::Link::connect: return "connect";
    case Following::Link::connecting: return "connecting";
    case Following::Link::handshake: return "handshake";
    case Following::Link::syncing: return "sync";
    case Following::Link::up: return "connected";
  }
  return {};
}

using Lines = std::vector<std::pair<std::string, std::string>>;

void add_followers(Context& ctx, Lines& lines) {
  size_t number = 0;
  const int64_t now_ms = ctx.server.keyspace.clock().wall_ms();
  for (const Session* replica : ctx.server.replication.replicas) {
    const Follower& follower = replica->follower;
    const std::string_view state = state_of(follower);
    if (state.empty()) continue;
    const int64_t lag_s = state == "online" ? (now_ms - follower.acknowledged_at_ms) / 1000 : 0;
    lines.emplace_back("slave" + std::to_string(number++),
                       "ip=" + address_of(*replica) + ",port=" + std::to_string(follower.port) +
                           ",state=" + std::string(state) + ",offset=" + std::to_string(follower.acknowledged) +
                           ",lag=" + std::to_string(lag_s));
  }
}

void add_transfer(const Following& following, int64_t now_ms, Lines& lines) {
  const int64_t total = following.sync_total_bytes;
  const int64_t read = following.sync_read_bytes;
  const int64_t percent = total > 0 ? read * 10000 / total : 0;
  std::string hundredths = std::to_string(percent % 100);
  if (hundredths.size() == 1) hundredths.insert(0, "0");
  lines.insert(lines.end(),
               {{"master_sync_total_bytes", std::to_string(std::max<int64_t>(0, total))},
                {"master_sync_read_bytes", std::to_string(read)},
                {"master_sync_left_bytes", std::to_string(total > 0 ? total - read : 0)},
                {"master_sync_perc", std::to_string(percent / 100) + "." + hundredths},
                {"master_sync_last_io_seconds_ago", std::to_string((now_ms - following.last_io_ms) / 1000)}});
}

void add_master(Context& ctx, Lines& lines) {
  const Following& following = ctx.server.following;
  const Settings& settings = ctx.server.settings;
  const int64_t now_ms = ctx.server.keyspace.clock().wall_ms();
  const bool up = following.link == Following::Link::up;
  const std::string offset = std::to_string(ctx.server.replication.offset());
  lines.insert(lines.end(),
               {{"master_host", following.host},
                {"master_port", std::to_string(following.port)},
                {"master_link_status", up ? "up" : "down"},
                {"master_last_io_seconds_ago", up ? std::to_string((now_ms - following.last_io_ms) / 1000) : "-1"},
                {"master_sync_in_progress", following.link == Following::Link::syncing ? "1" : "0"},
                {"slave_read_repl_offset", up ? std::to_string(following.read_offset) : offset},
                {"slave_repl_offset", offset}});
  if (following.link == Following::Link::syncing) add_transfer(following, now_ms, lines);
  if (!up) {
    lines.emplace_back("master_link_down_since_seconds",
                       following.down_since_ms == 0 ? "-1" : std::to_string((now_ms - following.down_since_ms) / 1000));
  }
  lines.insert(lines.end(), {{"slave_priority", std::to_string(settings.replica_priority)},
                             {"slave_read_only", settings.replica_read_only ? "1" : "0"},
                             {"replica_announced", settings.replica_announced ? "1" : "0"}});
}

}  // namespace

void run_replicaof(Context& ctx) {
  if (ctx.server.replication.failover.state != Failover::State::none) {
    ctx.error("ERR REPLICAOF not allowed while failing over.");
    return;
  }
  const bool nobody = ctx.is(1, "no") && ctx.is(2, "one");
  int64_t port = 0;
  if (!nobody && !parse_int64(ctx.arg(2), port)) {
    ctx.error(kNotInteger);
    return;
  }
  if (port < 0 || port > 65535) {
    ctx.error("ERR Invalid master port");
    return;
  }
  const Following& now = ctx.server.following;
  if (nobody && !now.on()) return ctx.reply.ok();
  if (ctx.session.replica && !nobody) {
    ctx.error("ERR Command is not valid when client is a replica.");
    return;
  }
  if (now.on() && now.host == ctx.arg(1) && now.port == port)
    return ctx.reply.simple("OK Already connected to specified master");
  if (const std::string refused = follow(ctx.server, nobody ? "" : std::string(ctx.arg(1)), port); !refused.empty()) {
    ctx.error(refused);
    return;
  }
  ctx.reply.ok();
}

void run_role(Context& ctx) {
  const Following& following = ctx.server.following;
  if (following.on()) {
    ctx.reply.array(5);
    ctx.reply.bulk("slave");
    ctx.reply.bulk(following.host);
    ctx.reply.integer(following.port);
    ctx.reply.bulk(link_name(following.link));
    const bool up = following.link == Following::Link::up;
    ctx.reply.integer(up ? static_cast<int64_t>(ctx.server.replication.offset()) : -1);
    return;
  }
  ctx.reply.array(3);
  ctx.reply.bulk("master");
  ctx.reply.integer(static_cast<int64_t>(ctx.server.replication.offset()));
  const auto online = [](const Session* one) { return one->follower.state == Follower::State::online; };
  const auto& replicas = ctx.server.replication.replicas;
  ctx.reply.array(static_cast<size_t>(std::ranges::count_if(replicas, online)));
  for (const Session* replica : replicas) {
    if (!online(replica)) continue;
    ctx.reply.array(3);
    ctx.reply.bulk(address_of(*replica));
    ctx.reply.bulk(std::to_string(replica->follower.port));
    ctx.reply.bulk(std::to_string(replica->follower.acknowledged));
  }
}

namespace {

void add_replica(Context& ctx) {
  Replication& replication = ctx.server.replication;
  ctx.session.replica = true;
  ctx.session.output_limit = std::string::npos;  // Limits of a replica's output look at its place in the stream.
  ctx.session.follower.acknowledged_at_ms = ctx.session.follower.waiting_since_ms = ctx.now_ms();
  replication.replicas.push_back(&ctx.session);
  if (!replication.active() && !ctx.session.follower.file_only) {
    replication.activate(!ctx.server.following.on());
    ctx.server.effects.replicated = !ctx.server.following.on();
    log::info("Replication backlog created, my new replication IDs are '" + replication.id() + "' and '" +
                  replication.second_id() + "'",
              {});
  }
}

// Whether a replica may come now; otherwise the error was sent.
bool takes_replicas(Context& ctx) {
  if (ctx.server.replication.failover.state != Failover::State::none)
    return ctx.error("NOMASTERLINK Can't SYNC while failing over");
  if (ctx.server.following.on() && ctx.server.following.link != Following::Link::up)
    return ctx.error("NOMASTERLINK Can't SYNC while not connected with my master");
  return true;
}

void begin_with_all_data(Context& ctx) {
  ++ctx.server.replication.full_syncs;
  add_replica(ctx);
  ctx.session.follower.state = Follower::State::waiting;
  start_full_sync(ctx.server);
  if (ctx.session.follower.state == Follower::State::waiting)
    log::info("BGSAVE for SYNC of replica " + replica_name(ctx.session) + " is delayed", {});
}

// "PSYNC id offset": whether the replica goes on where it was.
bool go_on(Context& ctx, uint64_t had) {
  Replication& replication = ctx.server.replication;
  Follower& follower = ctx.session.follower;
  if (!replication.can_continue(ctx.arg(1), had)) {
    if (ctx.arg(1) != "?") ++replication.refused_syncs;
    return false;
  }
  add_replica(ctx);
  follower.state = Follower::State::online;
  follower.position = had;
  follower.starts_with_next_ack = false;
  ctx.reply.raw(follower.knows_psync ? "+CONTINUE " + replication.id() + "\r\n" : std::string("+CONTINUE\r\n"));
  ++replication.partial_syncs;
  log::info("Partial resynchronization request from " + replica_name(ctx.session) + " accepted. Sending " +
                std::to_string(replication.offset() - had) + " bytes of backlog starting from offset " +
                std::to_string(had + 1) + ".",
            {});
  ctx.session.notify();
  return true;
}

}  // namespace

void run_sync(Context& ctx) {
  if (ctx.session.replica) return;  // As in Redis, asking twice is no error.
  if (!takes_replicas(ctx)) return;
  log::info("Replica " + replica_name(ctx.session) + " asks for synchronization", {});
  begin_with_all_data(ctx);
}

void run_psync(Context& ctx) {
  if (ctx.session.replica) return;
  if (ctx.size() > 3 && ctx.is(3, "failover")) {
    if (!take_over_from_master(ctx)) return;
  } else if (!takes_replicas(ctx)) {
    return;
  }
  int64_t next = 0;
  const bool good = parse_int64(ctx.arg(2), next);
  log::info(
      "Replica " + replica_name(ctx.session) + " asks for synchronization" + (good ? "" : " but with a wrong offset"),
      {});
  if (!good) {
    ctx.error(kNotInteger);
    return;
  }
  ctx.session.follower.knows_psync = true;
  if (next > 0 && go_on(ctx, static_cast<uint64_t>(next - 1))) return;
  if (next <= 0 && ctx.arg(1) != "?") ++ctx.server.replication.refused_syncs;
  begin_with_all_data(ctx);
}

namespace {

void acknowledge(Context& ctx, std::string_view text) {
  int64_t number = 0;
  Follower& follower = ctx.session.follower;
  if (!ctx.session.replica || !parse_int64(text, number)) return;
  follower.acknowledged = std::max(follower.acknowledged, static_cast<uint64_t>(std::max<int64_t>(0, number)));
  follower.acknowledged_at_ms = ctx.server.keyspace.clock().wall_ms();
  ctx.server.replication.acknowledged_lately = true;
  if (follower.state == Follower::State::online && std::exchange(follower.starts_with_next_ack, false)) {
    log::info("Streamed replica with replica " + replica_name(ctx.session) + " succeeded (socket).", {});
    ctx.session.notify();
  }
}

// One pair of REPLCONF. False: the error was sent.
bool configure(Context& ctx, size_t at) {
  Follower& follower = ctx.session.follower;
  const std::string_view value = ctx.arg(at + 1);
  int64_t number = 0;
  if (ctx.is(at, "listening-port")) {
    if (!ctx.integer(value, number)) return false;
    follower.port = number;
  } else if (ctx.is(at, "ip-address")) {
    if (value.size() >= 256)
      return ctx.error("ERR REPLCONF ip-address provided by replica instance is too long: " +
                       std::to_string(value.size()) + " bytes");
    follower.address = value;
  } else if (ctx.is(at, "capa")) {
    if (equals_ignoring_case(value, "eof")) follower.eof_capable = true;
    if (equals_ignoring_case(value, "psync2")) follower.knows_psync = true;
  } else if (ctx.is(at, "rdb-only")) {
    if (!ctx.integer_in(value, 0, 1, number)) return false;
    follower.file_only = number == 1;
  } else if (ctx.is(at, "rdb-filter-only")) {
    bool functions = false;
    for (const std::string_view word : split(value, ' ')) {
      if (word.empty()) continue;
      if (!equals_ignoring_case(word, "functions"))
        return ctx.error("ERR Unsupported rdb-filter-only option: " + std::string(word));
      functions = true;
    }
    follower.without_data = true;
    follower.without_functions = !functions;
  } else {
    return ctx.error("ERR Unrecognized REPLCONF option: " + std::string(ctx.arg(at)));
  }
  return true;
}

}  // namespace

void run_replconf(Context& ctx) {
  if (ctx.size() % 2 == 0) {
    ctx.error(kSyntaxError);
    return;
  }
  for (size_t i = 1; i + 1 < ctx.size(); i += 2) {
    // These two have no answer.
    if (ctx.is(i, "ack")) return acknowledge(ctx, ctx.arg(i + 1));
    if (ctx.is(i, "getack")) return;
    if (!configure(ctx, i)) return;
  }
  ctx.reply.ok();
}

void run_wait(Context& ctx) {
  int64_t replicas = 0;
  int64_t timeout_ms = 0;
  if (ctx.server.following.on()) {
    ctx.error(
        "ERR WAIT cannot be used with replica instances. Please also note that since Redis 4.0 if a replica is "
        "configured to be writable (which is not the default) writes to replicas are just local and are not "
        "propagated.");
    return;
  }
  if (!ctx.integer(ctx.arg(1), replicas) ||
      !ctx.integer(ctx.arg(2), timeout_ms, "ERR timeout is not an integer or out of range"))
    return;
  if (timeout_ms < 0) {
    ctx.error("ERR timeout is negative");
    return;
  }
  const uint64_t offset = ctx.session.write_offset;
  const int64_t acknowledged = ctx.server.replication.acknowledged(offset);
  if (acknowledged >= replicas || !ctx.may_block) return ctx.reply.integer(acknowledged);
  ctx.block = BlockRequest{
      .deadline_ms = timeout_ms == 0 ? 0 : ctx.now_ms() + timeout_ms, .replicas = replicas, .offset = offset};
  ctx.server.replication.asks_for_acknowledgements = true;
}

void add_replication_info(Context& ctx, Lines& lines) {
  const ServerState& server = ctx.server;
  const Replication& replication = server.replication;
  const Settings& settings = server.settings;
  lines = {{"role", server.following.on() ? "slave" : "master"}};
  if (server.following.on()) add_master(ctx, lines);
  lines.emplace_back("connected_slaves", std::to_string(replication.replicas.size()));
  if (settings.min_replicas_to_write > 0 && settings.min_replicas_max_lag > 0)
    lines.emplace_back("min_slaves_good_slaves", std::to_string(good_replicas(server)));
  add_followers(ctx, lines);
  const bool active = replication.active();
  const ReplicationStream& stream = replication.stream;
  lines.insert(lines.end(), {{"master_failover_state", std::string(failover_state(replication.failover))},
                             {"master_replid", replication.id()},
                             {"master_replid2", replication.second_id()},
                             {"master_repl_offset", std::to_string(replication.offset())},
                             {"second_repl_offset", std::to_string(replication.second_offset())},
                             {"repl_backlog_active", active ? "1" : "0"},
                             {"repl_backlog_size", std::to_string(settings.repl_backlog_size)},
                             {"repl_backlog_first_byte_offset", std::to_string(active ? stream.begin() + 1 : 0)},
                             {"repl_backlog_histlen", std::to_string(stream.end() - stream.begin())}});
}

}  // namespace compozy::redis
