// SPDX-License-Identifier: Apache-2.0
//
// SINTER, SUNION, SDIFF and their STORE forms. Source: redis.io/commands/?group=set.
#include <algorithm>
#include <string>
#include <vector>

#include "redis/commands/context.hpp"
#include "redis/commands/handlers.hpp"
#include "redis/commands/several_keys.hpp"

namespace compozy::redis {

namespace {

using Sets = std::vector<const SetValue*>;

// False after a WRONGTYPE error. Absent keys are null.
bool read_sets(Context& ctx, std::span<const std::string_view> keys, Sets& sets) {
  for (const std::string_view key : keys) {
    const SetValue* set = nullptr;
    if (!ctx.read(key, set)) return false;
    sets.push_back(set);
  }
  return true;
}

using Visit = std::function<bool(std::string_view)>;  // false stops

void intersect(Sets sets, const Visit& visit) {
  if (std::ranges::find(sets, nullptr) != sets.end()) return;
  std::ranges::sort(sets, {}, [](const SetValue* set) { return set->size(); });
  sets[0]->for_each_until([&](std::string_view member) {
    const bool everywhere =
        std::ranges::all_of(sets.begin() + 1, sets.end(), [&](const auto* s) { return s->contains(member); });
    return !everywhere || visit(member);
  });
}

SetValue* unite(Context& ctx, const Sets& sets) {
  auto* result = counted_new<SetValue>();
  for (const SetValue* set : sets) {
    if (set == nullptr) continue;
    set->for_each([&](std::string_view member) { result->add(member, ctx.space().limits.intset_entries); });
  }
  return result;
}

SetValue* subtract(Context& ctx, const Sets& sets) {
  auto* result = counted_new<SetValue>();
  if (sets[0] == nullptr) return result;
  sets[0]->for_each([&](std::string_view member) {
    const bool elsewhere =
        std::any_of(sets.begin() + 1, sets.end(), [&](const auto* s) { return s != nullptr && s->contains(member); });
    if (!elsewhere) result->add(member, ctx.space().limits.intset_entries);
  });
  return result;
}

SetValue* intersection(Context& ctx, const Sets& sets) {
  auto* result = counted_new<SetValue>();
  intersect(sets, [&](std::string_view member) {
    result->add(member, ctx.space().limits.intset_entries);
    return true;
  });
  return result;
}

using Combine = SetValue* (*)(Context&, const Sets&);

void combine(Context& ctx, Combine operation) {
  Sets sets;
  if (!read_sets(ctx, ctx.args.subspan(1), sets)) return;
  SetValue* result = operation(ctx, sets);
  ctx.reply.set(result->size());
  result->for_each([&](std::string_view member) { ctx.reply.bulk(member); });
  counted_delete(result);
}

void combine_and_store(Context& ctx, Combine operation) {
  Sets sets;
  if (!read_sets(ctx, ctx.args.subspan(2), sets)) return;
  SetValue* result = operation(ctx, sets);
  const size_t size = result->size();
  const bool existed = ctx.db().exists(ctx.arg(1));
  ctx.store(ctx.arg(1), result);
  if (existed || size > 0) ctx.touched(ctx.arg(1));
  ctx.reply.integer(static_cast<int64_t>(size));
}

}  // namespace

void run_sinter(Context& ctx) { combine(ctx, intersection); }
void run_sunion(Context& ctx) { combine(ctx, unite); }
void run_sdiff(Context& ctx) { combine(ctx, subtract); }
void run_sinterstore(Context& ctx) { combine_and_store(ctx, intersection); }
void run_sunionstore(Context& ctx) { combine_and_store(ctx, unite); }
void run_sdiffstore(Context& ctx) { combine_and_store(ctx, subtract); }

void run_sintercard(Context& ctx) {
  std::span<const std::string_view> keys;
  if (!parse_keys(ctx, 1, false, keys)) return;
  int64_t limit = 0;
  for (size_t i = 2 + keys.size(); i < ctx.size(); i += 2) {
    if (!ctx.is(i, "LIMIT") || i + 1 >= ctx.size()) {
      ctx.error(kSyntaxError);
      return;
    }
    if (!parse_cardinality_limit(ctx, i + 1, limit)) return;
  }
  Sets sets;
  if (!read_sets(ctx, keys, sets)) return;
  int64_t count = 0;
  intersect(sets, [&](std::string_view) { return ++count != limit; });
  ctx.reply.integer(count);
}

}  // namespace compozy::redis
