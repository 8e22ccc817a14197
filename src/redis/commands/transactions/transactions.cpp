// SPDX-License-Identifier: Apache-2.0
//
// MULTI, EXEC, DISCARD, WATCH, UNWATCH. Source: redis.io/docs/manual/transactions. Queueing itself is the engine's.
#include <string>
#include <vector>

#include "redis/commands/context.hpp"
#include "redis/commands/handlers.hpp"

namespace compozy::redis {

void run_multi(Context& ctx) {
  if (ctx.session.in_multi) {
    ctx.error("ERR MULTI calls can not be nested");
    return;
  }
  ctx.session.in_multi = true;
  ctx.reply.ok();
}

void run_discard(Context& ctx) {
  if (!ctx.session.in_multi) {
    ctx.error("ERR DISCARD without MULTI");
    return;
  }
  ctx.session.discard_transaction(ctx.space());
  ctx.reply.ok();
}

void run_watch(Context& ctx) {
  if (ctx.session.in_multi) {
    ctx.error("ERR WATCH inside MULTI is not allowed");
    return;
  }
  for (const std::string_view key : ctx.args.subspan(1)) ctx.session.watch(ctx.space(), ctx.session.database, key);
  ctx.reply.ok();
}

void run_unwatch(Context& ctx) {
  ctx.session.unwatch_all(ctx.space());
  ctx.reply.ok();
}

void run_exec(Context& ctx) {
  Session& session = ctx.session;
  if (!session.in_multi) {
    ctx.error("ERR EXEC without MULTI");
    return;
  }
  const bool failed = session.multi_failed;
  const bool changed = session.watched_key_changed(ctx.space());
  std::vector<QueuedCommand> queue = std::move(session.queue);
  session.discard_transaction(ctx.space());
  if (failed) {
    ctx.error("EXECABORT Transaction discarded because of previous errors.");
    return;
  }
  if (changed) return ctx.reply.null_array();
  ctx.reply.array(queue.size());
  ctx.server.in_transaction = true;
  session.executing = queue.size();
  std::vector<std::string_view> args;
  for (const QueuedCommand& command : queue) {
    args.assign(command.args.begin(), command.args.end());
    if (const std::string reason = ctx.server.engine->denied(session, *command.row, args, "multi"); !reason.empty()) {
      ctx.error(
          "NOPERM ACLs rules changed between the moment the transaction was accumulated and the EXEC call. This "
          "command is no longer allowed for the following reason: " +
          reason);
      continue;
    }
    ctx.server.engine->call(session, *command.row, args, ctx.reply, false);
    ctx.reply.set_protocol(session.protocol);  // HELLO may stand in a transaction.
  }
  session.executing = 0;
  ctx.server.in_transaction = false;
  ctx.propagated = true;
}

}  // namespace compozy::redis
