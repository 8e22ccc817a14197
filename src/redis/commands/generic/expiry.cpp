// SPDX-License-Identifier: Apache-2.0
//
// EXPIRE, TTL and their kin. Source: redis.io/commands/expire. The log gets PEXPIREAT, or DEL for a past deadline.
#include <limits>
#include <string>

#include "redis/commands/context.hpp"
#include "redis/commands/generic/expiry_options.hpp"
#include "redis/commands/handlers.hpp"

namespace compozy::redis {

namespace {

struct ExpireFlags {
  bool nx = false;
  bool xx = false;
  bool gt = false;
  bool lt = false;
};

bool parse_flags(Context& ctx, ExpireFlags& flags) {
  for (size_t i = 3; i < ctx.size(); ++i) {
    if (ctx.is(i, "NX")) {
      flags.nx = true;
    } else if (ctx.is(i, "XX")) {
      flags.xx = true;
    } else if (ctx.is(i, "GT")) {
      flags.gt = true;
    } else if (ctx.is(i, "LT")) {
      flags.lt = true;
    } else {
      return ctx.error("ERR Unsupported option " + std::string(ctx.arg(i)));
    }
  }
  if (flags.nx && (flags.xx || flags.gt || flags.lt)) {
    return ctx.error("ERR NX and XX, GT or LT options at the same time are not compatible");
  }
  if (flags.gt && flags.lt) return ctx.error("ERR GT and LT options at the same time are not compatible");
  return true;
}

bool allowed(const ExpireFlags& flags, int64_t current, int64_t wanted) {
  if (flags.nx && current != -1) return false;
  if (flags.xx && current == -1) return false;
  if (flags.gt && (current == -1 || wanted <= current)) return false;
  return !(flags.lt && current != -1 && wanted >= current);
}

void expire(Context& ctx, TimeUnit unit, bool absolute) {
  constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
  ExpireFlags flags;
  if (!parse_flags(ctx, flags)) return;
  int64_t when = 0;
  if (!ctx.integer(ctx.arg(2), when)) return;
  const int64_t base = absolute ? 0 : ctx.now_ms();
  bool valid =
      unit == TimeUnit::milliseconds || (when <= kMax / 1000 && when >= std::numeric_limits<int64_t>::min() / 1000);
  if (valid && unit == TimeUnit::seconds) when *= 1000;
  valid = valid && !add_overflows(when, base, when);
  if (!valid) {
    ctx.error("ERR invalid expire time in '" + std::string(ctx.row.name) + "' command");
    return;
  }
  const std::string_view key = ctx.arg(1);
  const Entry* entry = ctx.db().peek(key);
  if (entry == nullptr || !allowed(flags, entry->deadline_ms(), when)) return ctx.reply.integer(0);
  if (when <= ctx.now_ms() && !ctx.space().replaying()) {
    ctx.db().erase(key);
    ctx.propagate_as({"DEL", key});
  } else {
    ctx.db().set_deadline(key, std::max<int64_t>(0, when));
    ctx.propagate_as({"PEXPIREAT", key, std::to_string(when)});
  }
  ctx.touched(key);
  ctx.reply.integer(1);
}

void reply_deadline(Context& ctx, TimeUnit unit, bool absolute) {
  const Entry* entry = ctx.db().peek(ctx.arg(1));
  if (entry == nullptr) return ctx.reply.integer(-2);
  int64_t value = entry->deadline_ms();
  if (value == -1) return ctx.reply.integer(-1);
  if (!absolute) value = std::max<int64_t>(0, value - ctx.now_ms());
  ctx.reply.integer(unit == TimeUnit::milliseconds ? value : (value + 500) / 1000);
}

}  // namespace

void run_expire(Context& ctx) { expire(ctx, TimeUnit::seconds, false); }
void run_pexpire(Context& ctx) { expire(ctx, TimeUnit::milliseconds, false); }
void run_expireat(Context& ctx) { expire(ctx, TimeUnit::seconds, true); }
void run_pexpireat(Context& ctx) { expire(ctx, TimeUnit::milliseconds, true); }
void run_ttl(Context& ctx) { reply_deadline(ctx, TimeUnit::seconds, false); }
void run_pttl(Context& ctx) { reply_deadline(ctx, TimeUnit::milliseconds, false); }
void run_expiretime(Context& ctx) { reply_deadline(ctx, TimeUnit::seconds, true); }
void run_pexpiretime(Context& ctx) { reply_deadline(ctx, TimeUnit::milliseconds, true); }

void run_persist(Context& ctx) {
  const bool had = ctx.db().persist(ctx.arg(1));
  if (had) ctx.touched(ctx.arg(1));
  ctx.reply.integer(had ? 1 : 0);
}

}  // namespace compozy::redis
