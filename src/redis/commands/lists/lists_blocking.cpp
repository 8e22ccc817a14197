// SPDX-License-Identifier: Apache-2.0
//
// Moves between lists, pops from several keys, and their blocking forms. A blocking command that finds nothing asks to
// be blocked; the engine runs it again when one of its keys was touched. The log gets the pop that happened.
#include <array>
#include <limits>
#include <string>
#include <vector>

#include "redis/commands/context.hpp"
#include "redis/commands/handlers.hpp"
#include "redis/commands/lists/list_moves.hpp"
#include "redis/commands/several_keys.hpp"

namespace compozy::redis {

namespace {

std::string_view side_name(Side side) { return side == Side::left ? "LEFT" : "RIGHT"; }
std::string_view pop_name(Side side) { return side == Side::left ? "LPOP" : "RPOP"; }

bool parse_side(Context& ctx, size_t i, Side& side) {
  if (ctx.is(i, "LEFT")) {
    side = Side::left;
  } else if (ctx.is(i, "RIGHT")) {
    side = Side::right;
  } else {
    return ctx.error(kSyntaxError);
  }
  return true;
}

void block_on(Context& ctx, std::span<const std::string_view> keys, int64_t deadline_ms, bool null_is_array) {
  if (!ctx.may_block) return null_is_array ? ctx.reply.null_array() : ctx.reply.null();
  ctx.block =
      BlockRequest{.keys = {keys.begin(), keys.end()}, .deadline_ms = deadline_ms, .null_is_array = null_is_array};
}

// Answers whether the source existed. Replies with the moved element or with WRONGTYPE.
bool move(Context& ctx, std::string_view from, std::string_view to, Side take, Side put) {
  ListValue* source = nullptr;
  if (!ctx.write(from, source)) return true;
  if (source == nullptr) return false;
  ListValue* target = nullptr;
  if (!ctx.write(to, target)) return true;
  if (!ctx.write(from, source)) return true;
  const std::string value = pop_side(*source, take);
  if (target == nullptr) target = &ctx.create<ListValue>(to);
  if (put == Side::left) {
    target->push_front(value);
  } else {
    target->push_back(value);
  }
  // The source may be the target; it is looked up again because creating a key may have moved entries.
  if (ctx.write(from, source) && source != nullptr) ctx.erase_if_empty(from, *source);
  ctx.touched(to);
  ctx.touched(from);
  ctx.reply.bulk(value);
  if (ctx.row.run == run_brpoplpush) {
    ctx.propagate_as({"RPOPLPUSH", from, to});
  } else if (ctx.row.has(kBlocking)) {
    ctx.propagate_as({"LMOVE", from, to, side_name(take), side_name(put)});
  }
  return true;
}

void blocking_pop(Context& ctx, Side side) {
  int64_t deadline_ms = 0;
  if (!ctx.timeout(ctx.args.back(), deadline_ms)) return;
  const auto keys = ctx.args.subspan(1, ctx.size() - 2);
  for (const std::string_view key : keys) {
    ListValue* list = nullptr;
    if (!ctx.write(key, list)) return;
    if (list == nullptr) continue;
    ctx.reply.array(2);
    ctx.reply.bulk(key);
    ctx.reply.bulk(pop_side(*list, side));
    ctx.erase_if_empty(key, *list);
    ctx.touched(key);
    ctx.propagate_as({pop_name(side), key});
    return;
  }
  block_on(ctx, keys, deadline_ms, true);
}

void blocking_move(Context& ctx, Side take, Side put) {
  int64_t deadline_ms = 0;
  if (!ctx.timeout(ctx.args.back(), deadline_ms)) return;
  if (!move(ctx, ctx.arg(1), ctx.arg(2), take, put)) block_on(ctx, ctx.args.subspan(1, 1), deadline_ms, false);
}

struct MultiPop {
  std::span<const std::string_view> keys;
  Side side = Side::left;
  int64_t count = 1;
};

bool parse_multi_pop(Context& ctx, size_t at, MultiPop& pop) {
  return parse_pop(ctx, at, pop.keys, pop.count, [&](size_t where) { return parse_side(ctx, where, pop.side); });
}

// Whether a reply was sent.
bool multi_pop(Context& ctx, const MultiPop& pop) {
  for (const std::string_view key : pop.keys) {
    ListValue* list = nullptr;
    if (!ctx.write(key, list)) return true;
    if (list == nullptr) continue;
    const size_t taken = std::min(static_cast<size_t>(pop.count), list->size());
    ctx.reply.array(2);
    ctx.reply.bulk(key);
    ctx.reply.array(taken);
    for (size_t i = 0; i < taken; ++i) ctx.reply.bulk(pop_side(*list, pop.side));
    ctx.erase_if_empty(key, *list);
    ctx.touched(key);
    ctx.propagate_as({pop_name(pop.side), key, std::to_string(taken)});
    return true;
  }
  return false;
}

}  // namespace

void run_rpoplpush(Context& ctx) {
  if (!move(ctx, ctx.arg(1), ctx.arg(2), Side::right, Side::left)) ctx.reply.null();
}

void run_lmove(Context& ctx) {
  Side take{};
  Side put{};
  if (!parse_side(ctx, 3, take) || !parse_side(ctx, 4, put)) return;
  if (!move(ctx, ctx.arg(1), ctx.arg(2), take, put)) ctx.reply.null();
}

void run_blmove(Context& ctx) {
  Side take{};
  Side put{};
  if (parse_side(ctx, 3, take) && parse_side(ctx, 4, put)) blocking_move(ctx, take, put);
}

void run_brpoplpush(Context& ctx) { blocking_move(ctx, Side::right, Side::left); }

void run_blpop(Context& ctx) { blocking_pop(ctx, Side::left); }
void run_brpop(Context& ctx) { blocking_pop(ctx, Side::right); }

void run_lmpop(Context& ctx) {
  MultiPop pop;
  if (parse_multi_pop(ctx, 1, pop) && !multi_pop(ctx, pop)) ctx.reply.null_array();
}

void run_blmpop(Context& ctx) {
  int64_t deadline_ms = 0;
  MultiPop pop;
  if (!ctx.timeout(ctx.arg(1), deadline_ms) || !parse_multi_pop(ctx, 2, pop)) return;
  if (!multi_pop(ctx, pop)) block_on(ctx, pop.keys, deadline_ms, true);
}

}  // namespace compozy::redis
