// SPDX-License-Identifier: Apache-2.0
#include "redis/commands/server/shutdown.hpp"

#include <algorithm>
#include <limits>
#include <string>

#include "observe/log.hpp"
#include "redis/commands/context.hpp"
#include "redis/commands/handlers.hpp"

namespace compozy::redis {

namespace {

constexpr std::string_view kRefused = "ERR Errors trying to SHUTDOWN. Check logs.";

bool lags(const ServerState& server, const Session& replica) {
  return replica.follower.acknowledged != server.replication.offset();
}

bool replicas_lag(const ServerState& server) {
  return std::ranges::any_of(server.replication.replicas, [&](const Session* replica) {
    return replica->follower.knows_psync && lags(server, *replica);
  });
}

void tell_of_replicas(const ServerState& server) {
  const auto& replicas = server.replication.replicas;
  if (replicas.empty()) return;
  size_t in_sync = 0;
  for (const Session* replica : replicas) {
    if (!lags(server, *replica)) {
      ++in_sync;
      continue;
    }
    log::info("Lagging replica " + replica_name(*replica) + " reported offset " +
                  std::to_string(server.replication.offset() - replica->follower.acknowledged) + " behind master.",
              {});
  }
  log::info(
      std::to_string(in_sync) + " of " + std::to_string(replicas.size()) + " replicas are in sync when shutting down.",
      {});
}

void end_wait(ServerState& server) {
  if (!server.shutdown.on) return;
  server.shutdown = {};
  server.end_pause();
}

ShutdownOutcome finish(ServerState& server, ShutdownOptions how) {
  tell_of_replicas(server);
  if (server.host->shutdown(how).empty()) return ShutdownOutcome::ends;
  end_wait(server);
  return ShutdownOutcome::refused;
}

}  // namespace

ShutdownOutcome begin_shutdown(ServerState& server, ShutdownOptions how) {
  if (how.now || server.settings.shutdown_timeout == 0 || !replicas_lag(server)) return finish(server, how);
  const int64_t until_ms = server.keyspace.clock().wall_ms() + server.settings.shutdown_timeout * 1000;
  if (!server.shutdown.on) {
    log::info("Waiting for replicas before shutting down.", {});
    server.shutdown = {.on = true, .how = how, .until_ms = until_ms};
    server.pause = {.what = ClientPause::What::writes, .until_ms = std::numeric_limits<int64_t>::max()};
    server.keyspace.set_expiry_paused(true);
  }
  return ShutdownOutcome::waits;
}

void continue_shutdown(ServerState& server) {
  if (!server.shutdown.on) return;
  if (server.keyspace.clock().wall_ms() < server.shutdown.until_ms && replicas_lag(server)) return;
  if (finish(server, server.shutdown.how) == ShutdownOutcome::refused)
    server.engine->refuse_blocked(run_shutdown, kRefused);
}

bool abort_shutdown(ServerState& server) {
  if (!server.shutdown.on) return false;
  log::info("Shutdown manually aborted.", {});
  end_wait(server);
  server.engine->refuse_blocked(run_shutdown, kRefused);
  return true;
}

namespace {

bool parse(Context& ctx, ShutdownOptions& how, bool& abort) {
  for (size_t i = 1; i < ctx.size(); ++i) {
    if (ctx.is(i, "nosave")) {
      how.no_save = true;
    } else if (ctx.is(i, "save")) {
      how.save = true;
    } else if (ctx.is(i, "now")) {
      how.now = true;
    } else if (ctx.is(i, "force")) {
      how.force = true;
    } else if (ctx.is(i, "abort")) {
      abort = true;
    } else {
      return ctx.error(kSyntaxError);
    }
  }
  if ((abort && ctx.size() > 2) || (how.save && how.no_save)) return ctx.error(kSyntaxError);
  return true;
}

}  // namespace

void run_shutdown(Context& ctx) {
  ShutdownOptions how;
  bool abort = false;
  if (!parse(ctx, how, abort)) return;
  if (abort) {
    if (abort_shutdown(ctx.server)) return ctx.reply.ok();
    ctx.error("ERR No shutdown in progress.");
    return;
  }
  // A script that is half done can be dropped, not saved.
  if (ctx.server.scripts->busy() && !how.no_save) {
    ctx.error(ctx.server.scripts->busy_error());
    return;
  }
  if (ctx.server.host == nullptr) {
    ctx.error("ERR SHUTDOWN is not allowed: the engine is part of another program");
    return;
  }
  if (!ctx.may_block && !how.now) {
    ctx.error("ERR SHUTDOWN without NOW or ABORT isn't allowed for DENY BLOCKING client");
    return;
  }
  switch (begin_shutdown(ctx.server, how)) {
    case ShutdownOutcome::refused: ctx.error(kRefused); break;
    case ShutdownOutcome::waits: ctx.block = BlockRequest{.gone = kRefused}; break;
    case ShutdownOutcome::ends: ctx.session.blocked = true;  // Its connection breaks when nobody listens any more.
  }
}

}  // namespace compozy::redis
