// SPDX-License-Identifier: Apache-2.0
//
// ZPOPMIN, ZPOPMAX, ZMPOP and their blocking forms. Source: redis.io/commands/?group=sorted-set.
#include <algorithm>
#include <string>
#include <vector>

#include "redis/commands/context.hpp"
#include "redis/commands/handlers.hpp"
#include "redis/commands/several_keys.hpp"

namespace compozy::redis {

namespace {

enum class End : uint8_t { min, max };

// How the popped elements are laid out in the reply.
enum class Layout : uint8_t { flat, pairs_in_resp3, pairs };

void pop_elements(Context& ctx, std::string_view key, ZSetValue& zset, End end, size_t count, Layout layout) {
  const size_t taken = std::min(count, zset.size());
  const bool nested = layout == Layout::pairs || (layout == Layout::pairs_in_resp3 && ctx.reply.resp3());
  if (layout != Layout::flat) ctx.reply.array(nested ? taken : taken * 2);
  const size_t from = end == End::min ? 0 : zset.size() - taken;
  zset.for_each(from, from + taken, end == End::max, [&](const ScoredMember& member) {
    if (nested) ctx.reply.array(2);
    ctx.reply.bulk(member.text());
    ctx.reply.number(member.score);
  });
  zset.erase_ranks(from, from + taken);
  ctx.erase_if_empty(key, zset);
  ctx.touched(key);
  ctx.propagate_as({end == End::min ? "ZPOPMIN" : "ZPOPMAX", key, std::to_string(taken)});
}

void pop(Context& ctx, End end) {
  if (ctx.size() > 3) {
    ctx.error(kSyntaxError);
    return;
  }
  int64_t count = 1;
  if (ctx.size() == 3) {
    if (!ctx.integer(ctx.arg(2), count, kMustBePositive)) return;
    if (count < 0) {
      ctx.error(kMustBePositive);
      return;
    }
  }
  ZSetValue* zset = nullptr;
  if (!ctx.write(ctx.arg(1), zset)) return;
  if (zset == nullptr || count == 0) return ctx.reply.array(0);
  if (ctx.size() == 3)
    return pop_elements(ctx, ctx.arg(1), *zset, end, static_cast<size_t>(count), Layout::pairs_in_resp3);
  ctx.reply.array(2);
  pop_elements(ctx, ctx.arg(1), *zset, end, 1, Layout::flat);
}

void block_on(Context& ctx, std::span<const std::string_view> keys, int64_t deadline_ms) {
  if (!ctx.may_block) return ctx.reply.null_array();
  ctx.block = BlockRequest{.keys = {keys.begin(), keys.end()}, .deadline_ms = deadline_ms, .type = Type::zset};
}

void blocking_pop(Context& ctx, End end) {
  int64_t deadline_ms = 0;
  if (!ctx.timeout(ctx.args.back(), deadline_ms)) return;
  const auto keys = ctx.args.subspan(1, ctx.size() - 2);
  for (const std::string_view key : keys) {
    ZSetValue* zset = nullptr;
    if (!ctx.write(key, zset)) return;
    if (zset == nullptr) continue;
    ctx.reply.array(3);
    ctx.reply.bulk(key);
    return pop_elements(ctx, key, *zset, end, 1, Layout::flat);
  }
  block_on(ctx, keys, deadline_ms);
}

struct MultiPop {
  std::span<const std::string_view> keys;
  End end = End::min;
  int64_t count = 1;
};

bool parse_multi_pop(Context& ctx, size_t at, MultiPop& pop) {
  return parse_pop(ctx, at, pop.keys, pop.count, [&](size_t where) {
    pop.end = ctx.is(where, "MIN") ? End::min : End::max;
    return ctx.is(where, "MIN") || ctx.is(where, "MAX") || ctx.error(kSyntaxError);
  });
}

bool multi_pop(Context& ctx, const MultiPop& pop) {
  for (const std::string_view key : pop.keys) {
    ZSetValue* zset = nullptr;
    if (!ctx.write(key, zset)) return true;
    if (zset == nullptr) continue;
    ctx.reply.array(2);
    ctx.reply.bulk(key);
    pop_elements(ctx, key, *zset, pop.end, static_cast<size_t>(pop.count), Layout::pairs);
    return true;
  }
  return false;
}

}  // namespace

void run_zpopmin(Context& ctx) { pop(ctx, End::min); }
void run_zpopmax(Context& ctx) { pop(ctx, End::max); }
void run_bzpopmin(Context& ctx) { blocking_pop(ctx, End::min); }
void run_bzpopmax(Context& ctx) { blocking_pop(ctx, End::max); }

void run_zmpop(Context& ctx) {
  MultiPop pop;
  if (parse_multi_pop(ctx, 1, pop) && !multi_pop(ctx, pop)) ctx.reply.null_array();
}

void run_bzmpop(Context& ctx) {
  int64_t deadline_ms = 0;
  MultiPop pop;
  if (!ctx.timeout(ctx.arg(1), deadline_ms) || !parse_multi_pop(ctx, 2, pop)) return;
  if (!multi_pop(ctx, pop)) block_on(ctx, pop.keys, deadline_ms);
}

}  // namespace compozy::redis
