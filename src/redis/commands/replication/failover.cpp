// SPDX-License-Identifier: Apache-2.0
#include "redis/commands/replication/failover.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "base/text.hpp"
#include "observe/log.hpp"
#include "redis/commands/context.hpp"
#include "redis/commands/handlers.hpp"

namespace compozy::redis {

namespace {

std::string target_name(const Failover& failover) { return failover.host + ":" + std::to_string(failover.port); }

std::string host_of(const Session& replica) {
  const std::string name = replica_name(replica);
  return name.substr(0, name.rfind(':'));
}

const Session* find_replica(const ServerState& server, std::string_view host, int64_t port) {
  for (const Session* replica : server.replication.replicas) {
    if (replica->follower.port == port && host_of(*replica) == host) return replica;
  }
  return nullptr;
}

void hand_over(ServerState& server) {
  Failover& failover = server.replication.failover;
  failover.state = Failover::State::in_progress;
  follow(server, failover.host, failover.port);
}

}  // namespace

std::string_view failover_state(const Failover& failover) {
  switch (failover.state) {
    case Failover::State::none: return "no-failover";
    case Failover::State::waiting_for_sync: return "waiting-for-sync";
    case Failover::State::in_progress: return "failover-in-progress";
  }
  return {};
}

void end_failover(ServerState& server) {
  server.replication.failover = {};
  server.end_pause();
}

void abort_failover(ServerState& server, std::string_view reason) {
  const Failover failover = server.replication.failover;
  if (failover.state == Failover::State::none) return;
  log::info("Aborting failover to " + (failover.host.empty() ? std::string("any replica") : target_name(failover)) +
                " while " + std::string(failover_state(failover)) + ": " + std::string(reason),
            {});
  if (failover.state == Failover::State::in_progress) follow(server, {}, 0);
  end_failover(server);
}

void continue_failover(ServerState& server) {
  Failover& failover = server.replication.failover;
  if (failover.state != Failover::State::waiting_for_sync) return;
  if (failover.deadline_ms != 0 && server.keyspace.clock().wall_ms() >= failover.deadline_ms) {
    if (!failover.force) return abort_failover(server, "Replica never caught up before timeout");
    log::info("Failover to " + target_name(failover) + " time out exceeded, failing over.", {});
    return hand_over(server);
  }
  const uint64_t offset = server.replication.offset();
  const auto caught_up = [&](const Session* one) {
    return one->follower.state == Follower::State::online && one->follower.acknowledged == offset;
  };
  const Session* target = nullptr;
  if (!failover.host.empty()) {
    target = find_replica(server, failover.host, failover.port);
    if (target == nullptr) return;
  } else {
    const auto first = std::ranges::find_if(server.replication.replicas, caught_up);
    if (first == server.replication.replicas.end()) return;
    target = *first;
  }
  if (!caught_up(target)) return;
  failover.host = host_of(*target);
  failover.port = target->follower.port;
  log::info("Failover target " + target_name(failover) + " is synced, failing over.", {});
  hand_over(server);
}

bool take_over_from_master(Context& ctx) {
  ServerState& server = ctx.server;
  if (!server.following.on()) return ctx.error("ERR PSYNC FAILOVER can't be sent to a master.");
  if (!equals_ignoring_case(ctx.arg(1), server.replication.id()))
    return ctx.error("ERR PSYNC FAILOVER replid must match my replid.");
  follow(server, {}, 0);
  log::info("MASTER MODE enabled (failover request from '" + ctx.session.address + "')", {});
  return true;
}

namespace {

struct Asked {
  Failover wanted;
  int64_t timeout_ms = 0;
  bool abort = false;
};

bool parse(Context& ctx, Asked& asked) {
  for (size_t i = 1; i < ctx.size(); ++i) {
    if (ctx.is(i, "timeout") && i + 1 < ctx.size() && asked.timeout_ms == 0) {
      if (!ctx.integer(ctx.arg(++i), asked.timeout_ms)) return false;
      if (asked.timeout_ms <= 0) return ctx.error("ERR FAILOVER timeout must be greater than 0");
    } else if (ctx.is(i, "to") && i + 2 < ctx.size() && asked.wanted.host.empty()) {
      asked.wanted.host = ctx.arg(i + 1);
      if (!ctx.integer(ctx.arg(i + 2), asked.wanted.port)) return false;
      i += 2;
    } else if (ctx.is(i, "force") && !asked.wanted.force) {
      asked.wanted.force = true;
    } else if (ctx.is(i, "abort") && ctx.size() == 2) {
      asked.abort = true;
    } else {
      return ctx.error(kSyntaxError);
    }
  }
  return true;
}

bool possible(Context& ctx, const Asked& asked) {
  const ServerState& server = ctx.server;
  if (server.replication.failover.state != Failover::State::none) return ctx.error("ERR FAILOVER already in progress.");
  if (server.following.on()) return ctx.error("ERR FAILOVER is not valid when server is a replica.");
  if (server.replication.replicas.empty()) return ctx.error("ERR FAILOVER requires connected replicas.");
  if (asked.wanted.force && (asked.timeout_ms == 0 || asked.wanted.host.empty()))
    return ctx.error("ERR FAILOVER with force option requires both a timeout and target HOST and IP.");
  if (asked.wanted.host.empty()) return true;
  const Session* target = find_replica(server, asked.wanted.host, asked.wanted.port);
  if (target == nullptr) return ctx.error("ERR FAILOVER target HOST and PORT is not a replica.");
  if (target->follower.state != Follower::State::online) return ctx.error("ERR FAILOVER target replica is not online.");
  return true;
}

}  // namespace

void run_failover(Context& ctx) {
  ServerState& server = ctx.server;
  Asked asked;
  if (!parse(ctx, asked)) return;
  if (asked.abort) {
    if (server.replication.failover.state == Failover::State::none) {
      ctx.error("ERR No failover in progress.");
      return;
    }
    abort_failover(server, "Failover manually aborted");
    return ctx.reply.ok();
  }
  if (!possible(ctx, asked)) return;
  Failover& failover = server.replication.failover;
  failover = std::move(asked.wanted);
  failover.state = Failover::State::waiting_for_sync;
  if (asked.timeout_ms > 0) failover.deadline_ms = server.keyspace.clock().wall_ms() + asked.timeout_ms;
  log::info(failover.host.empty() ? "FAILOVER requested." : "FAILOVER requested to " + target_name(failover) + ".", {});
  server.pause = {.what = ClientPause::What::writes, .until_ms = std::numeric_limits<int64_t>::max()};
  server.keyspace.set_expiry_paused(true);
  server.replication.asks_for_acknowledgements = true;
  ctx.reply.ok();
}

}  // namespace compozy::redis
