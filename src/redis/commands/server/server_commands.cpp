// SPDX-License-Identifier: Apache-2.0
//
// FLUSHALL, SWAPDB, TIME and other commands about the server. Source: redis.io/commands/?group=server.
#include <algorithm>
#include <string>
#include <vector>

#include "redis/commands/context.hpp"
#include "redis/commands/handlers.hpp"

namespace compozy::redis {

namespace {

bool flush_option(Context& ctx, Release& release) {
  const bool lazily = ctx.size() == 1 ? ctx.server.settings.lazyfree_lazy_user_flush : ctx.is(1, "ASYNC");
  release = lazily ? Release::lazily : Release::now;
  if (ctx.size() == 1 || (ctx.size() == 2 && (lazily || ctx.is(1, "SYNC")))) return true;
  return ctx.error(kSyntaxError);
}

}  // namespace

void run_dbsize(Context& ctx) { ctx.reply.integer(static_cast<int64_t>(ctx.db().size())); }

void run_flushdb(Context& ctx) {
  Release release{};
  if (!flush_option(ctx, release)) return;
  ctx.db().clear(release);
  ctx.server.blocked.touch_database(ctx.session.database);
  ctx.server.tracking.invalidate_all();
  ++ctx.server.stats.dirty;
  ctx.reply.ok();
}

void run_flushall(Context& ctx) {
  Release release{};
  if (!flush_option(ctx, release)) return;
  ctx.space().clear(release);
  for (size_t i = 0; i < ctx.space().database_count(); ++i) ctx.server.blocked.touch_database(i);
  ctx.server.tracking.invalidate_all();
  ++ctx.server.stats.dirty;
  // What the dump file holds is gone; it shall not come back with a restart.
  if (ctx.server.storage != nullptr && !ctx.server.settings.save.empty() && !ctx.space().replaying())
    ctx.server.storage->save_flushed();
  ctx.reply.ok();
}

void run_swapdb(Context& ctx) {
  int64_t a = 0;
  int64_t b = 0;
  if (!ctx.integer(ctx.arg(1), a, "ERR invalid first DB index")) return;
  if (!ctx.integer(ctx.arg(2), b, "ERR invalid second DB index")) return;
  const auto count = static_cast<int64_t>(ctx.space().database_count());
  if (a < 0 || b < 0 || a >= count || b >= count) {
    ctx.error("ERR DB index is out of range");
    return;
  }
  ctx.space().swap_databases(static_cast<size_t>(a), static_cast<size_t>(b));
  ctx.server.blocked.touch_database(static_cast<size_t>(a));
  ctx.server.blocked.touch_database(static_cast<size_t>(b));
  ++ctx.server.stats.dirty;
  ctx.reply.ok();
}

void run_time(Context& ctx) {
  const int64_t now = ctx.space().clock().wall_ms();
  ctx.reply.array(2);
  ctx.reply.bulk(std::to_string(now / 1000));
  ctx.reply.bulk(std::to_string(now % 1000 * 1000));
}

void run_lastsave(Context& ctx) {
  const bool dumped = ctx.server.storage != nullptr;
  ctx.reply.integer(dumped ? ctx.server.storage->last_save_s() : ctx.server.started_ms / 1000);
}

void run_bgrewriteaof(Context& ctx) {
  bool scheduled = false;
  const std::string refused = ctx.server.engine->rewrite_log(scheduled);
  if (refused.empty()) {
    return ctx.reply.simple(scheduled ? "Background append only file rewriting scheduled"
                                      : "Background append only file rewriting started");
  }
  ctx.error(refused);
}

void run_memory_usage(Context& ctx) {
  const Entry* entry = ctx.db().peek(ctx.arg(2));
  if (entry == nullptr) return ctx.reply.null();
  // The copy's cost is the value's cost.
  size_t size = allocation_size(entry->footprint()) + 9;
  if (!entry->embedded()) {
    const int64_t before = current_account().used;
    void* copy = copy_value(*entry, ctx.space());
    size += static_cast<size_t>(current_account().used - before);
    free_value(entry->type, copy);
  }
  ctx.reply.integer(static_cast<int64_t>(size));
}

}  // namespace compozy::redis
