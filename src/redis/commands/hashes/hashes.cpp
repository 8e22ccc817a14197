// SPDX-License-Identifier: Apache-2.0
//
// Hashes. Source: redis.io/commands/?group=hash.
#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <unordered_set>

#include "redis/commands/context.hpp"
#include "redis/commands/handlers.hpp"

namespace compozy::redis {

namespace {

HashValue* hash_for_write(Context& ctx) {
  HashValue* hash = nullptr;
  if (!ctx.write(ctx.arg(1), hash)) return nullptr;
  return hash != nullptr ? hash : &ctx.create<HashValue>(ctx.arg(1));
}

enum class Part : uint8_t { names, values, both };

void reply_all(Context& ctx, Part part) {
  const HashValue* hash = nullptr;
  if (!ctx.read(ctx.arg(1), hash)) return;
  const size_t size = hash == nullptr ? 0 : hash->size();
  if (part == Part::both) {
    ctx.reply.map(size);
  } else {
    ctx.reply.array(size);
  }
  if (hash == nullptr) return;
  hash->for_each([&](std::string_view name, std::string_view value) {
    if (part != Part::values) ctx.reply.bulk(name);
    if (part != Part::names) ctx.reply.bulk(value);
  });
}

// HSET and HMSET; answers how many fields are new, or -1 after an error.
int64_t set_fields(Context& ctx) {
  if (ctx.size() % 2 != 0) {
    ctx.wrong_arguments();
    return -1;
  }
  HashValue* hash = hash_for_write(ctx);
  if (hash == nullptr) return -1;
  size_t longest = 0;
  for (size_t i = 2; i < ctx.size(); ++i) longest = std::max(longest, ctx.arg(i).size());
  hash->prepare_for(longest, ctx.space().limits.hash);
  int64_t created = 0;
  for (size_t i = 2; i < ctx.size(); i += 2)
    created += hash->set(ctx.arg(i), ctx.arg(i + 1), ctx.space().limits.hash) ? 1 : 0;
  ctx.touched(ctx.arg(1));
  return created;
}

void reply_pairs(Context& ctx, size_t count, bool with_values) {
  // RESP3 nests the pairs, RESP2 lays them flat.
  ctx.reply.array(with_values && !ctx.reply.resp3() ? count * 2 : count);
}

void reply_pair(Context& ctx, std::string_view name, std::string_view value, bool with_values) {
  if (with_values && ctx.reply.resp3()) ctx.reply.array(2);
  ctx.reply.bulk(name);
  if (with_values) ctx.reply.bulk(value);
}

void reply_distinct_fields(Context& ctx, const HashValue& hash, size_t count, bool with_values) {
  const size_t size = hash.size();
  const size_t wanted = std::min(count, size);
  reply_pairs(ctx, wanted, with_values);
  // Selection sampling: one pass, each subset equally likely, in the hash's order.
  size_t left = wanted;
  size_t seen = 0;
  hash.for_each([&](std::string_view name, std::string_view value) {
    if (left > 0 && ctx.space().random().below(size - seen) < left) {
      reply_pair(ctx, name, value, with_values);
      --left;
    }
    ++seen;
  });
}

}  // namespace

void run_hset(Context& ctx) {
  const int64_t created = set_fields(ctx);
  if (created >= 0) ctx.reply.integer(created);
}

void run_hmset(Context& ctx) {
  if (set_fields(ctx) >= 0) ctx.reply.ok();
}

void run_hsetnx(Context& ctx) {
  HashValue* hash = nullptr;
  if (!ctx.write(ctx.arg(1), hash)) return;
  if (hash != nullptr && hash->get(ctx.arg(2))) return ctx.reply.integer(0);
  if (hash == nullptr) hash = &ctx.create<HashValue>(ctx.arg(1));
  hash->set(ctx.arg(2), ctx.arg(3), ctx.space().limits.hash);
  ctx.reply.integer(1);
  ctx.touched(ctx.arg(1));
}

void run_hget(Context& ctx) {
  const HashValue* hash = nullptr;
  if (!ctx.read(ctx.arg(1), hash)) return;
  const auto value = hash == nullptr ? std::nullopt : hash->get(ctx.arg(2));
  if (!value) return ctx.reply.null();
  ctx.reply.bulk(*value);
}

void run_hmget(Context& ctx) {
  const HashValue* hash = nullptr;
  if (!ctx.read(ctx.arg(1), hash)) return;
  ctx.reply.array(ctx.size() - 2);
  for (size_t i = 2; i < ctx.size(); ++i) {
    const auto value = hash == nullptr ? std::nullopt : hash->get(ctx.arg(i));
    if (value) {
      ctx.reply.bulk(*value);
    } else {
      ctx.reply.null();
    }
  }
}

void run_hdel(Context& ctx) {
  HashValue* hash = nullptr;
  if (!ctx.write(ctx.arg(1), hash)) return;
  int64_t removed = 0;
  if (hash != nullptr) {
    for (size_t i = 2; i < ctx.size() && hash->size() > 0; ++i) removed += hash->erase(ctx.arg(i)) ? 1 : 0;
    ctx.erase_if_empty(ctx.arg(1), *hash);
    if (removed > 0) ctx.touched(ctx.arg(1));
  }
  ctx.reply.integer(removed);
}

void run_hlen(Context& ctx) {
  const HashValue* hash = nullptr;
  if (ctx.read(ctx.arg(1), hash)) ctx.reply.integer(hash == nullptr ? 0 : static_cast<int64_t>(hash->size()));
}

void run_hexists(Context& ctx) {
  const HashValue* hash = nullptr;
  if (ctx.read(ctx.arg(1), hash)) ctx.reply.integer(hash != nullptr && hash->get(ctx.arg(2)) ? 1 : 0);
}

void run_hstrlen(Context& ctx) {
  const HashValue* hash = nullptr;
  if (!ctx.read(ctx.arg(1), hash)) return;
  const auto value = hash == nullptr ? std::nullopt : hash->get(ctx.arg(2));
  ctx.reply.integer(value ? static_cast<int64_t>(value->size()) : 0);
}

void run_hkeys(Context& ctx) { reply_all(ctx, Part::names); }
void run_hvals(Context& ctx) { reply_all(ctx, Part::values); }
void run_hgetall(Context& ctx) { reply_all(ctx, Part::both); }

void run_hincrby(Context& ctx) {
  int64_t by = 0;
  if (!ctx.integer(ctx.arg(3), by)) return;
  HashValue* hash = nullptr;
  if (!ctx.write(ctx.arg(1), hash)) return;
  int64_t value = 0;
  if (hash != nullptr) {
    const auto old = hash->get(ctx.arg(2));
    if (old && !ctx.integer(*old, value, "ERR hash value is not an integer")) return;
  }
  if (add_overflows(value, by, value)) {
    ctx.error("ERR increment or decrement would overflow");
    return;
  }
  if (hash == nullptr) hash = &ctx.create<HashValue>(ctx.arg(1));
  hash->set(ctx.arg(2), std::to_string(value), ctx.space().limits.hash);
  ctx.reply.integer(value);
  ctx.touched(ctx.arg(1));
}

void run_hincrbyfloat(Context& ctx) {
  long double by = 0;
  if (!ctx.long_number(ctx.arg(3), by)) return;
  if (std::isinf(by)) {
    ctx.error("ERR value is NaN or Infinity");
    return;
  }
  HashValue* hash = nullptr;
  if (!ctx.write(ctx.arg(1), hash)) return;
  long double value = 0;
  if (hash != nullptr) {
    const auto old = hash->get(ctx.arg(2));
    if (old && !ctx.long_number(*old, value, "ERR hash value is not a float")) return;
  }
  value += by;
  if (std::isnan(value) || std::isinf(value)) {
    ctx.error("ERR increment would produce NaN or Infinity");
    return;
  }
  const std::string text = format_long_double(value);
  if (hash == nullptr) hash = &ctx.create<HashValue>(ctx.arg(1));
  hash->set(ctx.arg(2), text, ctx.space().limits.hash);
  ctx.reply.bulk(text);
  ctx.touched(ctx.arg(1));
  ctx.propagate_as({"HSET", ctx.arg(1), ctx.arg(2), text});
}

void run_hrandfield(Context& ctx) {
  constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
  int64_t count = 0;
  const bool counted = ctx.size() >= 3;
  if (counted && !ctx.integer_in(ctx.arg(2), -kMax, kMax, count)) return;
  const bool with_values = ctx.size() == 4 && ctx.is(3, "WITHVALUES");
  if (ctx.size() > 4 || (ctx.size() == 4 && !with_values)) {
    ctx.error(kSyntaxError);
    return;
  }
  if (with_values && (count < -kMax / 2 || count > kMax / 2)) {
    ctx.error("ERR value is out of range");
    return;
  }
  const HashValue* hash = nullptr;
  if (!ctx.read(ctx.arg(1), hash)) return;
  if (!counted) return hash == nullptr ? ctx.reply.null() : ctx.reply.bulk(hash->random(ctx.space().random()).first);
  if (hash == nullptr || count == 0) return ctx.reply.array(0);
  if (count > 0) return reply_distinct_fields(ctx, *hash, static_cast<size_t>(count), with_values);
  reply_pairs(ctx, static_cast<size_t>(-count), with_values);
  for (int64_t i = count; i < 0 && !ctx.reply.full(); ++i) {
    const auto [name, value] = hash->random(ctx.space().random());
    reply_pair(ctx, name, value, with_values);
  }
}

}  // namespace compozy::redis
