// SPDX-License-Identifier: Apache-2.0
//
// Sorted sets: adding, scores, ranks, removing, popping. Source: redis.io/commands/?group=sorted-set.
#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "redis/commands/context.hpp"
#include "redis/commands/handlers.hpp"
#include "redis/commands/sorted_sets/zset_ranges.hpp"

namespace compozy::redis {

namespace {

struct AddOptions {
  bool nx = false;
  bool xx = false;
  bool gt = false;
  bool lt = false;
  bool changed = false;
  bool increment = false;
  size_t first = 2;
};

bool parse_add(Context& ctx, AddOptions& options) {
  size_t i = 2;
  for (; i < ctx.size(); ++i) {
    if (ctx.is(i, "NX")) {
      options.nx = true;
    } else if (ctx.is(i, "XX")) {
      options.xx = true;
    } else if (ctx.is(i, "CH")) {
      options.changed = true;
    } else if (ctx.is(i, "INCR")) {
      options.increment = true;
    } else if (ctx.is(i, "GT")) {
      options.gt = true;
    } else if (ctx.is(i, "LT")) {
      options.lt = true;
    } else {
      break;
    }
  }
  options.first = i;
  const size_t rest = ctx.size() - i;
  if (rest % 2 != 0 || rest == 0) return ctx.error(kSyntaxError);
  if (options.nx && options.xx) return ctx.error("ERR XX and NX options at the same time are not compatible");
  if ((options.gt && options.nx) || (options.lt && options.nx) || (options.gt && options.lt)) {
    return ctx.error("ERR GT, LT, and/or NX options at the same time are not compatible");
  }
  if (options.increment && rest > 2) return ctx.error("ERR INCR option supports a single increment-element pair");
  return true;
}

struct AddResult {
  int64_t added = 0;
  int64_t updated = 0;
  std::optional<double> score;  // of the last element, when it was processed
  bool nan = false;
};

void add_one(Context& ctx, ZSetValue& zset, const AddOptions& options, double score, std::string_view member,
             AddResult& result) {
  const auto old = zset.score(member);
  result.score.reset();
  if (old ? options.nx : options.xx) return;
  if (old && options.increment) {
    score += *old;
    if (std::isnan(score)) {
      result.nan = true;
      return;
    }
  }
  if (old && ((options.lt && score >= *old) || (options.gt && score <= *old))) return;
  result.score = score;
  if (!old) {
    ++result.added;
  } else if (*old != score) {
    ++result.updated;
  }
  zset.set(member, score, ctx.space().limits.zset);
}

void add(Context& ctx, AddOptions options) {
  std::vector<double> scores;
  for (size_t i = options.first; i < ctx.size(); i += 2) {
    double score = 0;
    if (!ctx.number(ctx.arg(i), score)) return;
    scores.push_back(score);
  }
  const std::string_view key = ctx.arg(1);
  ZSetValue* zset = nullptr;
  if (!ctx.write(key, zset)) return;
  if (zset == nullptr) {
    if (options.xx) return options.increment ? ctx.reply.null() : ctx.reply.integer(0);
    zset = &ctx.create<ZSetValue>(key);
  }
  AddResult result;
  for (size_t n = 0; n < scores.size() && !result.nan; ++n) {
    add_one(ctx, *zset, options, scores[n], ctx.arg(options.first + 2 * n + 1), result);
  }
  if (result.added + result.updated > 0) ctx.touched(key);
  if (result.nan) {
    ctx.error("ERR resulting score is not a number (NaN)");
    return;
  }
  if (!options.increment) return ctx.reply.integer(result.added + (options.changed ? result.updated : 0));
  if (!result.score) return ctx.reply.null();
  ctx.reply.number(*result.score);
}

void reply_rank(Context& ctx, bool reverse) {
  const ZSetValue* zset = nullptr;
  if (!ctx.read(ctx.arg(1), zset)) return;
  const auto rank = zset == nullptr ? std::nullopt : zset->rank(ctx.arg(2));
  if (!rank) return ctx.reply.null();
  ctx.reply.integer(static_cast<int64_t>(reverse ? zset->size() - 1 - *rank : *rank));
}

}  // namespace

void run_zadd(Context& ctx) {
  AddOptions options;
  if (parse_add(ctx, options)) add(ctx, options);
}

void run_zincrby(Context& ctx) {
  AddOptions options;
  options.increment = true;
  add(ctx, options);
}

void run_zrem(Context& ctx) {
  ZSetValue* zset = nullptr;
  if (!ctx.write(ctx.arg(1), zset)) return;
  int64_t removed = 0;
  if (zset != nullptr) {
    for (size_t i = 2; i < ctx.size() && zset->size() > 0; ++i) removed += zset->erase(ctx.arg(i)) ? 1 : 0;
    ctx.erase_if_empty(ctx.arg(1), *zset);
    if (removed > 0) ctx.touched(ctx.arg(1));
  }
  ctx.reply.integer(removed);
}

void run_zcard(Context& ctx) {
  const ZSetValue* zset = nullptr;
  if (ctx.read(ctx.arg(1), zset)) ctx.reply.integer(zset == nullptr ? 0 : static_cast<int64_t>(zset->size()));
}

void run_zscore(Context& ctx) {
  const ZSetValue* zset = nullptr;
  if (!ctx.read(ctx.arg(1), zset)) return;
  const auto score = zset == nullptr ? std::nullopt : zset->score(ctx.arg(2));
  if (!score) return ctx.reply.null();
  ctx.reply.number(*score);
}

void run_zmscore(Context& ctx) {
  const ZSetValue* zset = nullptr;
  if (!ctx.read(ctx.arg(1), zset)) return;
  ctx.reply.array(ctx.size() - 2);
  for (size_t i = 2; i < ctx.size(); ++i) {
    const auto score = zset == nullptr ? std::nullopt : zset->score(ctx.arg(i));
    if (score) {
      ctx.reply.number(*score);
    } else {
      ctx.reply.null();
    }
  }
}

void run_zrank(Context& ctx) { reply_rank(ctx, false); }
void run_zrevrank(Context& ctx) { reply_rank(ctx, true); }

void run_zrandmember(Context& ctx) {
  constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
  int64_t count = 0;
  const bool counted = ctx.size() >= 3;
  if (counted && !ctx.integer_in(ctx.arg(2), -kMax, kMax, count)) return;
  const bool with_scores = ctx.size() == 4 && ctx.is(3, "WITHSCORES");
  if (ctx.size() > 4 || (ctx.size() == 4 && !with_scores)) {
    ctx.error(kSyntaxError);
    return;
  }
  if (with_scores && (count < -kMax / 2 || count > kMax / 2)) {
    ctx.error("ERR value is out of range");
    return;
  }
  const ZSetValue* zset = nullptr;
  if (!ctx.read(ctx.arg(1), zset)) return;
  Random& random = ctx.space().random();
  if (!counted) return zset == nullptr ? ctx.reply.null() : ctx.reply.bulk(zset->random(random).text());
  if (zset == nullptr || count == 0) return ctx.reply.array(0);
  const size_t shown = count < 0 ? static_cast<size_t>(-count) : std::min(static_cast<size_t>(count), zset->size());
  ctx.reply.array(with_scores && !ctx.reply.resp3() ? shown * 2 : shown);
  const auto reply_one = [&](const ScoredMember& member) {
    if (with_scores && ctx.reply.resp3()) ctx.reply.array(2);
    ctx.reply.bulk(member.text());
    if (with_scores) ctx.reply.number(member.score);
  };
  if (count < 0) {
    for (size_t i = 0; i < shown && !ctx.reply.full(); ++i) reply_one(zset->at(random.below(zset->size())));
    return;
  }
  size_t left = shown;
  size_t seen = 0;
  zset->for_each([&](const ScoredMember& member) {
    if (left > 0 && random.below(zset->size() - seen) < left) {
      reply_one(member);
      --left;
    }
    ++seen;
  });
}

namespace {

void remove_range(Context& ctx, ZSetValue* zset, RankRange range) {
  const size_t removed = range.size();
  if (zset != nullptr && removed > 0) {
    zset->erase_ranks(range.from, range.to);
    ctx.erase_if_empty(ctx.arg(1), *zset);
    ctx.touched(ctx.arg(1));
  }
  ctx.reply.integer(static_cast<int64_t>(removed));
}

}  // namespace

void run_zremrangebyrank(Context& ctx) {
  int64_t start = 0;
  int64_t stop = 0;
  if (!ctx.integer(ctx.arg(2), start) || !ctx.integer(ctx.arg(3), stop)) return;
  ZSetValue* zset = nullptr;
  if (!ctx.write(ctx.arg(1), zset)) return;
  remove_range(ctx, zset, zset == nullptr ? RankRange{} : resolve_ranks(zset->size(), start, stop));
}

void run_zremrangebyscore(Context& ctx) {
  ScoreRange range;
  if (!parse_score_range(ctx, ctx.arg(2), ctx.arg(3), range)) return;
  ZSetValue* zset = nullptr;
  if (!ctx.write(ctx.arg(1), zset)) return;
  remove_range(ctx, zset, zset == nullptr ? RankRange{} : resolve(*zset, range));
}

void run_zremrangebylex(Context& ctx) {
  LexRange range;
  if (!parse_lex_range(ctx, ctx.arg(2), ctx.arg(3), range)) return;
  ZSetValue* zset = nullptr;
  if (!ctx.write(ctx.arg(1), zset)) return;
  remove_range(ctx, zset, zset == nullptr ? RankRange{} : resolve(*zset, range));
}

void run_zcount(Context& ctx) {
  ScoreRange range;
  if (!parse_score_range(ctx, ctx.arg(2), ctx.arg(3), range)) return;
  const ZSetValue* zset = nullptr;
  if (!ctx.read(ctx.arg(1), zset)) return;
  ctx.reply.integer(zset == nullptr ? 0 : static_cast<int64_t>(resolve(*zset, range).size()));
}

void run_zlexcount(Context& ctx) {
  LexRange range;
  if (!parse_lex_range(ctx, ctx.arg(2), ctx.arg(3), range)) return;
  const ZSetValue* zset = nullptr;
  if (!ctx.read(ctx.arg(1), zset)) return;
  ctx.reply.integer(zset == nullptr ? 0 : static_cast<int64_t>(resolve(*zset, range).size()));
}

}  // namespace compozy::redis
