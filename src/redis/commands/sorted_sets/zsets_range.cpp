// SPDX-License-Identifier: Apache-2.0
//
// ZRANGE and its older forms, and ZRANGESTORE. Source: redis.io/commands/zrange.
#include <algorithm>
#include <limits>
#include <string>

#include "redis/commands/context.hpp"
#include "redis/commands/handlers.hpp"
#include "redis/commands/sorted_sets/zset_ranges.hpp"

namespace compozy::redis {

namespace {

bool parse_score_bound(std::string_view text, double& value, bool& open) {
  open = !text.empty() && text[0] == '(';
  if (open) text.remove_prefix(1);
  return parse_redis_double(text, value);
}

bool parse_lex_bound(std::string_view text, LexBound& bound) {
  if (text == "-" || text == "+") {
    bound.kind = text == "-" ? LexBound::Kind::lowest : LexBound::Kind::highest;
    return true;
  }
  if (text.empty() || (text[0] != '(' && text[0] != '[')) return false;
  bound.kind = text[0] == '(' ? LexBound::Kind::open : LexBound::Kind::closed;
  bound.text = text.substr(1);
  return true;
}

// Whether the member lies before the lower end, or (for the upper end) not behind it.
bool lies_before(std::string_view member, const LexBound& bound, bool upper) {
  if (bound.kind == LexBound::Kind::lowest) return false;
  if (bound.kind == LexBound::Kind::highest) return true;
  const bool include_equal = (bound.kind == LexBound::Kind::open) != upper;
  return include_equal ? member <= bound.text : member < bound.text;
}

enum class By : uint8_t { unknown, index, score, lex };

struct RangeQuery {
  By by = By::unknown;
  bool reverse = false;
  bool direction_fixed = false;
  bool with_scores = false;
  bool limited = false;
  int64_t offset = 0;
  int64_t count = -1;
};

bool parse_range_options(Context& ctx, size_t at, RangeQuery& query, bool store) {
  const bool by_fixed = query.by != By::unknown;
  for (size_t i = at; i < ctx.size(); ++i) {
    if (!store && ctx.is(i, "WITHSCORES")) {
      query.with_scores = true;
    } else if (ctx.is(i, "LIMIT") && i + 2 < ctx.size()) {
      if (!ctx.integer(ctx.arg(i + 1), query.offset) || !ctx.integer(ctx.arg(i + 2), query.count)) return false;
      query.limited = true;
      i += 2;
    } else if (!query.direction_fixed && ctx.is(i, "REV")) {
      query.reverse = true;
    } else if (!by_fixed && ctx.is(i, "BYLEX")) {
      query.by = By::lex;
    } else if (!by_fixed && ctx.is(i, "BYSCORE")) {
      query.by = By::score;
    } else {
      return ctx.error(kSyntaxError);
    }
  }
  if (query.by == By::unknown) query.by = By::index;
  if (query.limited && query.by == By::index && query.count != -1) {
    return ctx.error("ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX");
  }
  if (query.with_scores && query.by == By::lex) {
    return ctx.error("ERR syntax error, WITHSCORES not supported in combination with BYLEX");
  }
  return true;
}

struct Bounds {
  int64_t start = 0;
  int64_t stop = 0;
  ScoreRange score;
  LexRange lex;
};

bool parse_bounds(Context& ctx, const RangeQuery& query, std::string_view first, std::string_view second,
                  Bounds& bounds) {
  if (query.by == By::index) return ctx.integer(first, bounds.start) && ctx.integer(second, bounds.stop);
  if (query.reverse) std::swap(first, second);
  return query.by == By::score ? parse_score_range(ctx, first, second, bounds.score)
                               : parse_lex_range(ctx, first, second, bounds.lex);
}

RankRange ranks_of(const ZSetValue& zset, const RangeQuery& query, const Bounds& bounds) {
  if (query.by == By::index) {
    const RankRange range = resolve_ranks(zset.size(), bounds.start, bounds.stop);
    return query.reverse ? RankRange{zset.size() - range.to, zset.size() - range.from} : range;
  }
  const RankRange range = query.by == By::score ? resolve(zset, bounds.score) : resolve(zset, bounds.lex);
  return query.limited ? apply_limit(range, query.offset, query.count, query.reverse) : range;
}

void range(Context& ctx, RangeQuery query) {
  if (!parse_range_options(ctx, 4, query, false)) return;
  Bounds bounds;
  if (!parse_bounds(ctx, query, ctx.arg(2), ctx.arg(3), bounds)) return;
  const ZSetValue* zset = nullptr;
  if (!ctx.read(ctx.arg(1), zset)) return;
  if (zset == nullptr) return ctx.reply.array(0);
  const RankRange ranks = ranks_of(*zset, query, bounds);
  const bool nested = query.with_scores && ctx.reply.resp3();
  ctx.reply.array(query.with_scores && !nested ? ranks.size() * 2 : ranks.size());
  zset->for_each(ranks.from, ranks.to, query.reverse, [&](const ScoredMember& member) {
    if (nested) ctx.reply.array(2);
    ctx.reply.bulk(member.text());
    if (query.with_scores) ctx.reply.number(member.score);
  });
}

}  // namespace

bool parse_score_range(Context& ctx, std::string_view min, std::string_view max, ScoreRange& range) {
  if (parse_score_bound(min, range.min, range.min_open) && parse_score_bound(max, range.max, range.max_open))
    return true;
  return ctx.error("ERR min or max is not a float");
}

bool parse_lex_range(Context& ctx, std::string_view min, std::string_view max, LexRange& range) {
  if (parse_lex_bound(min, range.min) && parse_lex_bound(max, range.max)) return true;
  return ctx.error("ERR min or max not valid string range item");
}

RankRange resolve(const ZSetValue& zset, const ScoreRange& range) {
  const size_t from = zset.partition(
      [&](const ScoredMember& m) { return range.min_open ? m.score <= range.min : m.score < range.min; });
  const size_t to = zset.partition(
      [&](const ScoredMember& m) { return range.max_open ? m.score < range.max : m.score <= range.max; });
  return {from, std::max(from, to)};
}

RankRange resolve(const ZSetValue& zset, const LexRange& range) {
  const size_t from = zset.partition([&](const ScoredMember& m) { return lies_before(m.text(), range.min, false); });
  const size_t to = zset.partition([&](const ScoredMember& m) { return lies_before(m.text(), range.max, true); });
  return {from, std::max(from, to)};
}

RankRange resolve_ranks(size_t size, int64_t start, int64_t stop) {
  const auto length = static_cast<int64_t>(size);
  if (start < 0) start = std::max<int64_t>(0, length + start);
  if (stop < 0) stop = length + stop;
  if (start > stop || start >= length) return {};
  return {static_cast<size_t>(start), static_cast<size_t>(std::min(stop, length - 1)) + 1};
}

RankRange apply_limit(RankRange range, int64_t offset, int64_t count, bool reverse) {
  if (offset < 0) return {};
  const size_t skipped = std::min(static_cast<size_t>(offset), range.size());
  const size_t left = range.size() - skipped;
  const size_t kept = count < 0 ? left : std::min(left, static_cast<size_t>(count));
  if (reverse) return {range.to - skipped - kept, range.to - skipped};
  return {range.from + skipped, range.from + skipped + kept};
}

void run_zrange(Context& ctx) { range(ctx, {}); }
void run_zrevrange(Context& ctx) { range(ctx, {.by = By::index, .reverse = true, .direction_fixed = true}); }
void run_zrangebyscore(Context& ctx) { range(ctx, {.by = By::score, .direction_fixed = true}); }
void run_zrevrangebyscore(Context& ctx) { range(ctx, {.by = By::score, .reverse = true, .direction_fixed = true}); }
void run_zrangebylex(Context& ctx) { range(ctx, {.by = By::lex, .direction_fixed = true}); }
void run_zrevrangebylex(Context& ctx) { range(ctx, {.by = By::lex, .reverse = true, .direction_fixed = true}); }

void run_zrangestore(Context& ctx) {
  RangeQuery query;
  if (!parse_range_options(ctx, 5, query, true)) return;
  Bounds bounds;
  if (!parse_bounds(ctx, query, ctx.arg(3), ctx.arg(4), bounds)) return;
  const ZSetValue* zset = nullptr;
  if (!ctx.read(ctx.arg(2), zset)) return;
  auto* result = counted_new<ZSetValue>();
  if (zset != nullptr) {
    const RankRange ranks = ranks_of(*zset, query, bounds);
    zset->for_each(ranks.from, ranks.to, query.reverse,
                   [&](const ScoredMember& m) { result->set(m.text(), m.score, ctx.space().limits.zset); });
  }
  const size_t size = result->size();
  const bool existed = ctx.db().exists(ctx.arg(1));
  ctx.store(ctx.arg(1), result);
  if (existed || size > 0) ctx.touched(ctx.arg(1));
  ctx.reply.integer(static_cast<int64_t>(size));
}

}  // namespace compozy::redis
