// SPDX-License-Identifier: Apache-2.0
//
// Sets. Source: redis.io/commands/?group=set.
#include <algorithm>
#include <limits>
#include <string>
#include <vector>

#include "redis/commands/context.hpp"
#include "redis/commands/handlers.hpp"

namespace compozy::redis {

namespace {

// Selection sampling: one pass, each subset equally likely.
std::vector<std::string> sample(Context& ctx, const SetValue& set, size_t count) {
  std::vector<std::string> chosen;
  size_t left = std::min(count, set.size());
  size_t seen = 0;
  chosen.reserve(left);
  set.for_each([&](std::string_view member) {
    if (left > 0 && ctx.space().random().below(set.size() - seen) < left) {
      chosen.emplace_back(member);
      --left;
    }
    ++seen;
  });
  return chosen;
}

void reply_set(Context& ctx, const std::vector<std::string>& members) {
  ctx.reply.set(members.size());
  for (const auto& member : members) ctx.reply.bulk(member);
}

void spop_many(Context& ctx) {
  int64_t count = 0;
  if (!ctx.integer(ctx.arg(2), count, kMustBePositive)) return;
  if (count < 0) {
    ctx.error(kMustBePositive);
    return;
  }
  const std::string_view key = ctx.arg(1);
  SetValue* set = nullptr;
  if (!ctx.write(key, set)) return;
  if (set == nullptr || count == 0) return ctx.reply.set(0);
  const auto chosen = sample(ctx, *set, static_cast<size_t>(count));
  reply_set(ctx, chosen);
  std::vector<std::string_view> effect{"SREM", key};
  for (const auto& member : chosen) {
    set->erase(member);
    effect.push_back(member);
  }
  ctx.erase_if_empty(key, *set);
  ctx.touched(key);
  ctx.propagate_as(effect);
}

}  // namespace

void run_sadd(Context& ctx) {
  const std::string_view key = ctx.arg(1);
  SetValue* set = nullptr;
  if (!ctx.write(key, set)) return;
  if (set == nullptr) set = &ctx.create<SetValue>(key);
  int64_t added = 0;
  for (size_t i = 2; i < ctx.size(); ++i) added += set->add(ctx.arg(i), ctx.space().limits.intset_entries) ? 1 : 0;
  if (added > 0) ctx.touched(key);
  ctx.reply.integer(added);
}

void run_srem(Context& ctx) {
  const std::string_view key = ctx.arg(1);
  SetValue* set = nullptr;
  if (!ctx.write(key, set)) return;
  int64_t removed = 0;
  if (set != nullptr) {
    for (size_t i = 2; i < ctx.size() && set->size() > 0; ++i) removed += set->erase(ctx.arg(i)) ? 1 : 0;
    ctx.erase_if_empty(key, *set);
    if (removed > 0) ctx.touched(key);
  }
  ctx.reply.integer(removed);
}

void run_scard(Context& ctx) {
  const SetValue* set = nullptr;
  if (ctx.read(ctx.arg(1), set)) ctx.reply.integer(set == nullptr ? 0 : static_cast<int64_t>(set->size()));
}

void run_sismember(Context& ctx) {
  const SetValue* set = nullptr;
  if (ctx.read(ctx.arg(1), set)) ctx.reply.integer(set != nullptr && set->contains(ctx.arg(2)) ? 1 : 0);
}

void run_smismember(Context& ctx) {
  const SetValue* set = nullptr;
  if (!ctx.read(ctx.arg(1), set)) return;
  ctx.reply.array(ctx.size() - 2);
  for (size_t i = 2; i < ctx.size(); ++i) ctx.reply.integer(set != nullptr && set->contains(ctx.arg(i)) ? 1 : 0);
}

void run_smembers(Context& ctx) {
  const SetValue* set = nullptr;
  if (!ctx.read(ctx.arg(1), set)) return;
  ctx.reply.set(set == nullptr ? 0 : set->size());
  if (set != nullptr) set->for_each([&](std::string_view member) { ctx.reply.bulk(member); });
}

void run_smove(Context& ctx) {
  SetValue* from = nullptr;
  if (!ctx.write(ctx.arg(1), from)) return;
  if (from == nullptr) return ctx.reply.integer(0);
  SetValue* to = nullptr;
  if (!ctx.write(ctx.arg(2), to)) return;
  const std::string_view member = ctx.arg(3);
  if (from == to) return ctx.reply.integer(from->contains(member) ? 1 : 0);
  if (!from->erase(member)) return ctx.reply.integer(0);
  if (to == nullptr) to = &ctx.create<SetValue>(ctx.arg(2));
  ctx.erase_if_empty(ctx.arg(1), *from);
  ctx.touched(ctx.arg(1));
  if (to->add(member, ctx.space().limits.intset_entries)) ctx.touched(ctx.arg(2));
  ctx.reply.integer(1);
}

void run_spop(Context& ctx) {
  if (ctx.size() == 3) return spop_many(ctx);
  if (ctx.size() > 3) {
    ctx.error(kSyntaxError);
    return;
  }
  const std::string_view key = ctx.arg(1);
  SetValue* set = nullptr;
  if (!ctx.write(key, set)) return;
  if (set == nullptr) return ctx.reply.null();
  const std::string member = set->random(ctx.space().random());
  set->erase(member);
  ctx.reply.bulk(member);
  ctx.erase_if_empty(key, *set);
  ctx.touched(key);
  ctx.propagate_as({"SREM", key, member});
}

void run_srandmember(Context& ctx) {
  constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
  if (ctx.size() > 3) {
    ctx.error(kSyntaxError);
    return;
  }
  int64_t count = 0;
  if (ctx.size() == 3 && !ctx.integer_in(ctx.arg(2), -kMax, kMax, count)) return;
  const SetValue* set = nullptr;
  if (!ctx.read(ctx.arg(1), set)) return;
  if (ctx.size() == 2) return set == nullptr ? ctx.reply.null() : ctx.reply.bulk(set->random(ctx.space().random()));
  if (set == nullptr || count == 0) return ctx.reply.array(0);
  if (count < 0) {
    ctx.reply.array(static_cast<size_t>(-count));
    for (; count < 0 && !ctx.reply.full(); ++count) ctx.reply.bulk(set->random(ctx.space().random()));
    return;
  }
  const auto chosen = sample(ctx, *set, static_cast<size_t>(count));
  // A count as large as the set answers with a set, a smaller one with an array, as Redis does.
  if (static_cast<size_t>(count) >= set->size()) return reply_set(ctx, chosen);
  ctx.reply.array(chosen.size());
  for (const auto& member : chosen) ctx.reply.bulk(member);
}

}  // namespace compozy::redis
