// SPDX-License-Identifier: Apache-2.0
//
// REPLICAOF, ROLE, and for those who follow us PSYNC, SYNC and REPLCONF: all data as an RDB file, then every write in
// command form, as the log gets it. Each follower gets everything when it connects: there is no backlog.
// Source: redis.io/docs/management/replication, redis.io/commands/sync.
#include "redis/commands/replication.hpp"

#include <algorithm>
#include <string>

#include "base/text.hpp"
#include "redis/commands/context.hpp"
#include "redis/commands/handlers.hpp"
#include "redis/rdb/rdb_file.hpp"

namespace compozy::redis {

namespace {

std::string address_without_port(const Session& session) {
  std::string host = session.address.substr(0, session.address.rfind(':'));
  if (host.starts_with('[')) host = host.substr(1, host.size() - 2);
  return host;
}

int64_t lag_s(const ServerState& server, const Session& replica) {
  return (server.keyspace.clock().wall_ms() - replica.acknowledged_at_ms) / 1000;
}

void send_everything(Context& ctx) {
  const std::string bytes = make_rdb(ctx.space(), {.version = std::string(kRedisVersion)});
  ctx.session.output_limit = std::string::npos;  // It takes what it takes; the class of replicas has its own limits.
  ctx.session.replica = true;
  ReplyWriter writer = ctx.session.writer();
  writer.raw("$" + std::to_string(bytes.size()) + "\r\n");
  writer.raw(bytes);
  ctx.session.acknowledged_at_ms = ctx.server.keyspace.clock().wall_ms();
  ctx.server.replicas.push_back(&ctx.session);
  ctx.server.effects.enabled = true;
  ctx.server.effects.select_again();
}

void add_followers(Context& ctx, std::vector<std::pair<std::string, std::string>>& lines) {
  size_t number = 0;
  for (const Session* replica : ctx.server.replicas) {
    lines.emplace_back("slave" + std::to_string(number++),
                       "ip=" + address_without_port(*replica) + ",port=" + std::to_string(replica->replica_port) +
                           ",state=online,offset=" + std::to_string(replica->acknowledged) +
                           ",lag=" + std::to_string(lag_s(ctx.server, *replica)));
  }
}

void add_master(Context& ctx, std::vector<std::pair<std::string, std::string>>& lines) {
  const Following& following = ctx.server.following;
  const Settings& settings = ctx.server.settings;
  const int64_t now_ms = ctx.server.keyspace.clock().wall_ms();
  const bool up = following.link == Following::Link::up;
  lines.insert(lines.end(),
               {{"master_host", following.host},
                {"master_port", std::to_string(following.port)},
                {"master_link_status", up ? "up" : "down"},
                {"master_last_io_seconds_ago", up ? std::to_string((now_ms - following.last_io_ms) / 1000) : "-1"},
                {"master_sync_in_progress", following.link == Following::Link::syncing ? "1" : "0"},
                {"slave_read_repl_offset", std::to_string(following.offset)},
                {"slave_repl_offset", std::to_string(following.offset)}});
  if (!up) {
    lines.emplace_back("master_link_down_since_seconds",
                       following.down_since_ms == 0 ? "-1" : std::to_string((now_ms - following.down_since_ms) / 1000));
  }
  lines.insert(lines.end(), {{"slave_priority", std::to_string(settings.replica_priority)},
                             {"slave_read_only", settings.replica_read_only ? "1" : "0"},
                             {"replica_announced", settings.replica_announced ? "1" : "0"}});
}

}  // namespace

std::string follow(ServerState& server, const std::string& host, int64_t port) {
  if (server.host == nullptr) return "ERR REPLICAOF is not allowed: the engine is part of another program";
  server.following = {.host = host, .port = port};
  server.settings.replicaof = host.empty() ? "" : host + " " + std::to_string(port);
  server.keyspace.set_expiry_paused(server.following.on());  // A key goes when the master says so.
  server.host->follow(host, port);
  return {};
}

void run_replicaof(Context& ctx) {
  const bool nobody = ctx.is(1, "no") && ctx.is(2, "one");
  int64_t port = 0;
  if (!nobody && (!parse_int64(ctx.arg(2), port) || port < 0 || port > 65535)) {
    ctx.error("ERR Invalid master port");
    return;
  }
  const Following& now = ctx.server.following;
  if (nobody && !now.on()) return ctx.reply.ok();
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
    ctx.reply.bulk(following.link == Following::Link::up        ? "connected"
                   : following.link == Following::Link::syncing ? "sync"
                                                                : "connect");
    ctx.reply.integer(following.link == Following::Link::up ? static_cast<int64_t>(following.offset) : -1);
    return;
  }
  ctx.reply.array(3);
  ctx.reply.bulk("master");
  ctx.reply.integer(static_cast<int64_t>(ctx.server.replication_offset));
  ctx.reply.array(ctx.server.replicas.size());
  for (const Session* replica : ctx.server.replicas) {
    ctx.reply.array(3);
    ctx.reply.bulk(address_without_port(*replica));
    ctx.reply.bulk(std::to_string(replica->replica_port));
    ctx.reply.bulk(std::to_string(replica->acknowledged));
  }
}

void run_sync(Context& ctx) {
  if (ctx.session.replica) return;  // As in Redis, asking twice is no error.
  send_everything(ctx);
}

void run_psync(Context& ctx) {
  if (ctx.session.replica) return;
  ctx.reply.raw("+FULLRESYNC " + ctx.server.run_id + " " + std::to_string(ctx.server.replication_offset) + "\r\n");
  send_everything(ctx);
}

void run_replconf(Context& ctx) {
  if (ctx.size() % 2 == 0) {
    ctx.error(kSyntaxError);
    return;
  }
  for (size_t i = 1; i + 1 < ctx.size(); i += 2) {
    int64_t number = 0;
    if (ctx.is(i, "listening-port")) {
      if (!ctx.integer(ctx.arg(i + 1), number)) return;
      ctx.session.replica_port = number;
    } else if (ctx.is(i, "ack")) {
      if (!ctx.session.replica || !parse_int64(ctx.arg(i + 1), number)) return;
      ctx.session.acknowledged =
          std::max(ctx.session.acknowledged, static_cast<uint64_t>(std::max<int64_t>(0, number)));
      ctx.session.acknowledged_at_ms = ctx.server.keyspace.clock().wall_ms();
      return;  // An acknowledgement has no answer.
    } else if (!ctx.is(i, "capa") && !ctx.is(i, "ip-address") && !ctx.is(i, "getack") && !ctx.is(i, "rdb-only") &&
               !ctx.is(i, "rdb-filter-only")) {
      ctx.error("ERR Unrecognized REPLCONF option: " + std::string(ctx.arg(i)));
      return;
    }
  }
  ctx.reply.ok();
}

void add_replication_info(Context& ctx, std::vector<std::pair<std::string, std::string>>& lines) {
  const ServerState& server = ctx.server;
  lines = {{"role", server.following.on() ? "slave" : "master"}};
  if (server.following.on()) add_master(ctx, lines);
  lines.emplace_back("connected_slaves", std::to_string(server.replicas.size()));
  add_followers(ctx, lines);
  const uint64_t offset = server.following.on() ? server.following.offset : server.replication_offset;
  lines.insert(lines.end(), {{"master_failover_state", "no-failover"},
                             {"master_replid", server.run_id},
                             {"master_replid2", std::string(40, '0')},
                             {"master_repl_offset", std::to_string(offset)},
                             {"second_repl_offset", "-1"},
                             {"repl_backlog_active", "0"},
                             {"repl_backlog_size", std::to_string(server.settings.repl_backlog_size)},
                             {"repl_backlog_first_byte_offset", "0"},
                             {"repl_backlog_histlen", "0"}});
}

}  // namespace compozy::redis
