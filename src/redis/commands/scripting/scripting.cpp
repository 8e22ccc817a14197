// SPDX-License-Identifier: Apache-2.0
//
// EVAL and SCRIPT: arguments here, the virtual machine behind ScriptPort. Source: redis.io/docs/manual/programmability.
#include <string>

#include "redis/commands/context.hpp"
#include "redis/commands/handlers.hpp"

namespace compozy::redis {

void run_eval(Context& ctx) { ctx.server.scripts->eval(ctx, ScriptMode::normal); }
void run_eval_ro(Context& ctx) { ctx.server.scripts->eval(ctx, ScriptMode::readonly); }
void run_evalsha(Context& ctx) { ctx.server.scripts->evalsha(ctx, ScriptMode::normal); }
void run_evalsha_ro(Context& ctx) { ctx.server.scripts->evalsha(ctx, ScriptMode::readonly); }

void run_script_load(Context& ctx) {
  const auto sha1 = ctx.server.scripts->load(ctx.arg(2));
  if (!sha1) {
    ctx.error(sha1.error().message);
    return;
  }
  ctx.reply.bulk(*sha1);
}

void run_script_exists(Context& ctx) {
  ctx.reply.array(ctx.size() - 2);
  for (const std::string_view sha1 : ctx.args.subspan(2)) ctx.reply.integer(ctx.server.scripts->exists(sha1) ? 1 : 0);
}

void run_script_flush(Context& ctx) {
  if (ctx.size() > 3 || (ctx.size() == 3 && !ctx.is(2, "SYNC") && !ctx.is(2, "ASYNC"))) {
    ctx.error("ERR SCRIPT FLUSH only support SYNC|ASYNC option");
    return;
  }
  ctx.server.scripts->flush();
  ctx.reply.ok();
}

void run_script_kill(Context& ctx) {
  const std::string refused = ctx.server.scripts->kill(false);
  if (refused.empty()) return ctx.reply.ok();
  ctx.error(refused);
}

// YES would debug a copy of the server and drop what the script did; there are no copies here.
void run_script_debug(Context& ctx) {
  if (ctx.is(2, "YES")) {
    ctx.error("ERR debugging in a copy of the server is not available; use SCRIPT DEBUG SYNC");
    return;
  }
  if (!ctx.is(2, "NO") && !ctx.is(2, "SYNC")) {
    ctx.error("ERR Use SCRIPT DEBUG YES/SYNC/NO");
    return;
  }
  ctx.session.debugs_scripts = ctx.is(2, "SYNC");
  ctx.reply.ok();
}

}  // namespace compozy::redis
