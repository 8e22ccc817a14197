// SPDX-License-Identifier: Apache-2.0
//
// GET, SET and their kin. Source: redis.io/commands/?group=string.
#include <limits>
#include <string>

#include "redis/commands/context.hpp"
#include "redis/commands/generic/expiry_options.hpp"
#include "redis/commands/handlers.hpp"

namespace compozy::redis {

bool read_deadline_option(Context& ctx, size_t& i, DeadlineOption& option) {
  const bool ex = ctx.is(i, "EX");
  const bool px = ctx.is(i, "PX");
  const bool exat = ctx.is(i, "EXAT");
  const bool pxat = ctx.is(i, "PXAT");
  if (!(ex || px || exat || pxat) || option.given || i + 1 >= ctx.size()) return false;
  option = {.given = true,
            .absolute = exat || pxat,
            .unit = ex || exat ? TimeUnit::seconds : TimeUnit::milliseconds,
            .text = ctx.arg(++i)};
  return true;
}

bool resolve_deadline(Context& ctx, const DeadlineOption& option, int64_t& deadline_ms) {
  constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
  int64_t value = 0;
  if (!ctx.integer(option.text, value)) return false;
  const bool seconds = option.unit == TimeUnit::seconds;
  bool valid = value > 0 && !(seconds && value > kMax / 1000);
  if (valid && seconds) value *= 1000;
  if (valid && !option.absolute) {
    valid = value <= kMax - ctx.now_ms();
    if (valid) value += ctx.now_ms();
  }
  if (!valid) return ctx.error("ERR invalid expire time in '" + std::string(ctx.row.name) + "' command");
  deadline_ms = value;
  return true;
}

namespace {

struct SetOptions {
  bool nx = false;
  bool xx = false;
  bool get = false;
  bool keep_ttl = false;
  DeadlineOption deadline;
};

bool parse_set_options(Context& ctx, SetOptions& options) {
  for (size_t i = 3; i < ctx.size(); ++i) {
    if (ctx.is(i, "NX") && !options.xx) {
      options.nx = true;
    } else if (ctx.is(i, "XX") && !options.nx) {
      options.xx = true;
    } else if (ctx.is(i, "GET")) {
      options.get = true;
    } else if (ctx.is(i, "KEEPTTL") && !options.deadline.given) {
      options.keep_ttl = true;
    } else if (options.keep_ttl || !read_deadline_option(ctx, i, options.deadline)) {
      return ctx.error(kSyntaxError);
    }
  }
  return true;
}

bool too_long(Context& ctx, int64_t size) {
  if (size <= ctx.server.settings.proto_max_bulk_len) return false;
  ctx.error("ERR string exceeds maximum allowed size (proto-max-bulk-len)");
  return true;
}

void set_with_deadline(Context& ctx, std::string_view key, std::string_view value, int64_t deadline_ms) {
  ctx.db().set_string(key, value);
  ctx.db().set_deadline(key, deadline_ms);
  ctx.touched(key);
  const std::string deadline = std::to_string(deadline_ms);
  ctx.propagate_as({"SET", key, value, "PXAT", deadline});
}

void reply_or_null(Context& ctx, const std::optional<std::string_view>& value) {
  if (value) {
    ctx.reply.bulk(*value);
  } else {
    ctx.reply.null();
  }
}

void setex(Context& ctx, TimeUnit unit) {
  int64_t deadline_ms = 0;
  if (!resolve_deadline(ctx, {.given = true, .unit = unit, .text = ctx.arg(2)}, deadline_ms)) return;
  set_with_deadline(ctx, ctx.arg(1), ctx.arg(3), deadline_ms);
  ctx.reply.ok();
}

}  // namespace

void run_get(Context& ctx) {
  std::optional<std::string_view> value;
  if (ctx.read_string(ctx.arg(1), value)) reply_or_null(ctx, value);
}

void run_set(Context& ctx) {
  SetOptions options;
  if (!parse_set_options(ctx, options)) return;
  int64_t deadline_ms = 0;
  if (options.deadline.given && !resolve_deadline(ctx, options.deadline, deadline_ms)) return;
  const std::string_view key = ctx.arg(1);
  if (options.get) {
    std::optional<std::string_view> old;
    if (!ctx.read_string(key, old)) return;
    reply_or_null(ctx, old);
  }
  if (options.nx || options.xx) {
    if (ctx.db().exists(key) == options.nx) {
      if (!options.get) ctx.reply.null();
      return;
    }
  }
  if (options.deadline.given) {
    set_with_deadline(ctx, key, ctx.arg(2), deadline_ms);
  } else {
    ctx.db().set_string(key, ctx.arg(2), options.keep_ttl);
    ctx.touched(key);
  }
  if (!options.get) ctx.reply.ok();
}

void run_setnx(Context& ctx) {
  const bool absent = !ctx.db().exists(ctx.arg(1));
  if (absent) {
    ctx.db().set_string(ctx.arg(1), ctx.arg(2));
    ctx.touched(ctx.arg(1));
  }
  ctx.reply.integer(absent ? 1 : 0);
}

void run_setex(Context& ctx) { setex(ctx, TimeUnit::seconds); }

void run_psetex(Context& ctx) { setex(ctx, TimeUnit::milliseconds); }

void run_getset(Context& ctx) {
  std::optional<std::string_view> old;
  if (!ctx.read_string(ctx.arg(1), old)) return;
  reply_or_null(ctx, old);
  ctx.db().set_string(ctx.arg(1), ctx.arg(2));
  ctx.touched(ctx.arg(1));
  ctx.propagate_as({"SET", ctx.arg(1), ctx.arg(2)});
}

void run_getdel(Context& ctx) {
  std::optional<std::string_view> old;
  if (!ctx.read_string(ctx.arg(1), old)) return;
  reply_or_null(ctx, old);
  if (!old) return;
  ctx.db().erase(ctx.arg(1));
  ctx.touched(ctx.arg(1));
  ctx.propagate_as({"DEL", ctx.arg(1)});
}

void run_getex(Context& ctx) {
  bool persist = false;
  DeadlineOption option;
  for (size_t i = 2; i < ctx.size(); ++i) {
    if (ctx.is(i, "PERSIST") && !option.given && !persist) {
      persist = true;
    } else if (persist || !read_deadline_option(ctx, i, option)) {
      ctx.error(kSyntaxError);
      return;
    }
  }
  const std::string_view key = ctx.arg(1);
  std::optional<std::string_view> value;
  if (!ctx.read_string(key, value)) return;
  int64_t deadline_ms = 0;
  if (!value) return ctx.reply.null();
  if (option.given && !resolve_deadline(ctx, option, deadline_ms)) return;
  ctx.reply.bulk(*value);
  if (option.given && option.absolute && deadline_ms <= ctx.now_ms()) {
    ctx.db().erase(key);
    ctx.touched(key);
    ctx.propagate_as({"DEL", key});
  } else if (option.given) {
    ctx.db().set_deadline(key, deadline_ms);
    ctx.touched(key);
    ctx.propagate_as({"PEXPIREAT", key, std::to_string(deadline_ms)});
  } else if (persist && ctx.db().persist(key)) {
    ctx.touched(key);
    ctx.propagate_as({"PERSIST", key});
  }
}

void run_mget(Context& ctx) {
  ctx.reply.array(ctx.size() - 1);
  for (size_t i = 1; i < ctx.size(); ++i) {
    if (i % Database::kAheadMax == 1) ctx.db().prefetch_keys(ctx.args.subspan(i));
    const Entry* entry = ctx.find_counted(ctx.arg(i));
    if (entry == nullptr || entry->type != Type::string) {
      ctx.reply.null();
    } else {
      ctx.reply.bulk(entry->string());
    }
  }
}

void run_mset(Context& ctx) {
  if (ctx.size() % 2 == 0) return ctx.wrong_arguments();
  for (size_t i = 1; i < ctx.size(); i += 2) {
    ctx.db().set_string(ctx.arg(i), ctx.arg(i + 1));
    ctx.touched(ctx.arg(i));
  }
  ctx.reply.ok();
}

void run_msetnx(Context& ctx) {
  if (ctx.size() % 2 == 0) return ctx.wrong_arguments();
  for (size_t i = 1; i < ctx.size(); i += 2) {
    if (ctx.db().exists(ctx.arg(i))) return ctx.reply.integer(0);
  }
  for (size_t i = 1; i < ctx.size(); i += 2) {
    ctx.db().set_string(ctx.arg(i), ctx.arg(i + 1));
    ctx.touched(ctx.arg(i));
  }
  ctx.reply.integer(1);
}

void run_strlen(Context& ctx) {
  std::optional<std::string_view> value;
  if (ctx.read_string(ctx.arg(1), value)) ctx.reply.integer(value ? static_cast<int64_t>(value->size()) : 0);
}

void run_append(Context& ctx) {
  const std::string_view key = ctx.arg(1);
  const std::string_view more = ctx.arg(2);
  std::optional<std::string_view> old;
  if (!ctx.read_string(key, old)) return;
  const size_t before = old ? old->size() : 0;
  const size_t after = before + more.size();
  if (!old) {
    ctx.db().set_string(key, more);
  } else {
    if (too_long(ctx, static_cast<int64_t>(after))) return;
    char* bytes = ctx.db().resize_string(key, after);
    if (!more.empty()) more.copy(bytes + before, more.size());
  }
  ctx.touched(key);
  ctx.reply.integer(static_cast<int64_t>(after));
}

void run_setrange(Context& ctx) {
  int64_t offset = 0;
  if (!ctx.integer(ctx.arg(2), offset)) return;
  if (offset < 0) {
    ctx.error("ERR offset is out of range");
    return;
  }
  const std::string_view key = ctx.arg(1);
  const std::string_view value = ctx.arg(3);
  std::optional<std::string_view> old;
  if (!ctx.read_string(key, old)) return;
  const size_t before = old ? old->size() : 0;
  if (value.empty()) return ctx.reply.integer(static_cast<int64_t>(before));
  if (too_long(ctx, offset > (1LL << 40) ? offset : offset + static_cast<int64_t>(value.size()))) return;
  const auto start = static_cast<size_t>(offset);
  const size_t after = std::max(before, start + value.size());
  value.copy(ctx.db().resize_string(key, after) + start, value.size());
  ctx.touched(key);
  ctx.reply.integer(static_cast<int64_t>(after));
}

void run_getrange(Context& ctx) {
  int64_t start = 0;
  int64_t end = 0;
  if (!ctx.integer(ctx.arg(2), start) || !ctx.integer(ctx.arg(3), end)) return;
  std::optional<std::string_view> value;
  if (!ctx.read_string(ctx.arg(1), value)) return;
  const auto size = value ? static_cast<int64_t>(value->size()) : 0;
  if (start < 0 && end < 0 && start > end) return ctx.reply.bulk("");
  if (start < 0) start = std::max<int64_t>(0, size + start);
  if (end < 0) end = std::max<int64_t>(0, size + end);
  end = std::min(end, size - 1);
  if (start > end || size == 0) return ctx.reply.bulk("");
  ctx.reply.bulk(value->substr(static_cast<size_t>(start), static_cast<size_t>(end - start + 1)));
}

}  // namespace compozy::redis
