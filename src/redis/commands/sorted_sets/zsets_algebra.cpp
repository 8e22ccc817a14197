// SPDX-License-Identifier: Apache-2.0
//
// ZUNION, ZINTER, ZDIFF, their STORE forms and ZINTERCARD; keys may hold sets too, whose members count with score 1.
// Source: redis.io/commands/zunionstore.
#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "redis/commands/context.hpp"
#include "redis/commands/handlers.hpp"
#include "redis/commands/several_keys.hpp"

namespace compozy::redis {

namespace {

enum class Operation : uint8_t { unite, intersect, subtract };
enum class Aggregate : uint8_t { sum, min, max };

struct Source {
  const ZSetValue* zset = nullptr;
  const SetValue* set = nullptr;
  double weight = 1;

  size_t size() const { return zset != nullptr ? zset->size() : set != nullptr ? set->size() : 0; }
  std::optional<double> score(std::string_view member) const {
    if (zset != nullptr) return zset->score(member);
    if (set != nullptr && set->contains(member)) return 1.0;
    return std::nullopt;
  }
  void for_each(const std::function<void(std::string_view, double)>& visit) const {
    if (zset != nullptr) zset->for_each([&](const ScoredMember& m) { visit(m.text(), m.score); });
    if (set != nullptr) set->for_each([&](std::string_view member) { visit(member, 1.0); });
  }
};

struct Query {
  std::vector<Source> sources;
  Aggregate aggregate = Aggregate::sum;
  bool with_scores = false;
  int64_t limit = 0;
};

double weighted(double weight, double score) {
  const double value = weight * score;
  return std::isnan(value) ? 0 : value;
}

double combine(Aggregate aggregate, double a, double b) {
  if (aggregate == Aggregate::min) return std::min(a, b);
  if (aggregate == Aggregate::max) return std::max(a, b);
  const double sum = a + b;  // inf - inf counts as 0
  return std::isnan(sum) ? 0 : sum;
}

bool read_sources(Context& ctx, size_t at, size_t count, Query& query) {
  for (size_t i = 0; i < count; ++i) {
    const Entry* entry = ctx.find_counted(ctx.arg(at + i));
    Source source;
    if (entry != nullptr && entry->type == Type::zset) {
      source.zset = &entry->value<ZSetValue>();
    } else if (entry != nullptr && entry->type == Type::set) {
      source.set = &entry->value<SetValue>();
    } else if (entry != nullptr) {
      return ctx.error(kWrongType);
    }
    query.sources.push_back(source);
  }
  return true;
}

bool parse_option(Context& ctx, size_t& i, Operation operation, bool store, bool card, Query& query) {
  const size_t left = ctx.size() - i;
  const bool scored = operation != Operation::subtract && !card;
  if (scored && left > query.sources.size() && ctx.is(i, "WEIGHTS")) {
    for (Source& source : query.sources) {
      if (!ctx.number(ctx.arg(++i), source.weight, "ERR weight value is not a float")) return false;
    }
    return true;
  }
  if (scored && left >= 2 && ctx.is(i, "AGGREGATE")) {
    ++i;
    if (ctx.is(i, "SUM")) {
      query.aggregate = Aggregate::sum;
    } else if (ctx.is(i, "MIN")) {
      query.aggregate = Aggregate::min;
    } else if (ctx.is(i, "MAX")) {
      query.aggregate = Aggregate::max;
    } else {
      return ctx.error(kSyntaxError);
    }
    return true;
  }
  if (!store && !card && ctx.is(i, "WITHSCORES")) {
    query.with_scores = true;
    return true;
  }
  if (card && left >= 2 && ctx.is(i, "LIMIT")) return parse_cardinality_limit(ctx, ++i, query.limit);
  return ctx.error(kSyntaxError);
}

bool parse(Context& ctx, size_t at, Operation operation, bool store, bool card, Query& query) {
  int64_t count = 0;
  if (!ctx.integer(ctx.arg(at), count)) return false;
  if (count < 1) return ctx.error("ERR at least 1 input key is needed for '" + std::string(ctx.row.name) + "' command");
  if (count > static_cast<int64_t>(ctx.size() - at - 1)) return ctx.error(kSyntaxError);
  if (!read_sources(ctx, at + 1, static_cast<size_t>(count), query)) return false;
  for (size_t i = at + 1 + static_cast<size_t>(count); i < ctx.size(); ++i) {
    if (!parse_option(ctx, i, operation, store, card, query)) return false;
  }
  return true;
}

void intersect(Query& query, const std::function<bool(std::string_view, double)>& visit) {
  std::ranges::sort(query.sources, {}, &Source::size);
  bool more = true;
  query.sources[0].for_each([&](std::string_view member, double score) {
    if (!more) return;
    double value = weighted(query.sources[0].weight, score);
    for (size_t i = 1; i < query.sources.size(); ++i) {
      const auto other = query.sources[i].score(member);
      if (!other) return;
      value = combine(query.aggregate, value, weighted(query.sources[i].weight, *other));
    }
    more = visit(member, value);
  });
}

ZSetValue* compute(Context& ctx, Operation operation, Query& query) {
  auto* result = counted_new<ZSetValue>();
  const auto& limits = ctx.space().limits.zset;
  if (operation == Operation::intersect) {
    intersect(query, [&](std::string_view member, double score) {
      result->set(member, score, limits);
      return true;
    });
  } else if (operation == Operation::unite) {
    std::ranges::sort(query.sources, {}, &Source::size);
    for (const Source& source : query.sources) {
      source.for_each([&](std::string_view member, double score) {
        const double value = weighted(source.weight, score);
        const auto old = result->score(member);
        result->set(member, old ? combine(query.aggregate, *old, value) : value, limits);
      });
    }
  } else {
    query.sources[0].for_each([&](std::string_view member, double score) {
      const bool elsewhere = std::any_of(query.sources.begin() + 1, query.sources.end(),
                                         [&](const Source& s) { return s.score(member).has_value(); });
      if (!elsewhere) result->set(member, score, limits);
    });
  }
  return result;
}

void run(Context& ctx, Operation operation) {
  Query query;
  if (!parse(ctx, 1, operation, false, false, query)) return;
  ZSetValue* result = compute(ctx, operation, query);
  const bool nested = query.with_scores && ctx.reply.resp3();
  ctx.reply.array(query.with_scores && !nested ? result->size() * 2 : result->size());
  result->for_each([&](const ScoredMember& member) {
    if (nested) ctx.reply.array(2);
    ctx.reply.bulk(member.text());
    if (query.with_scores) ctx.reply.number(member.score);
  });
  counted_delete(result);
}

void run_store(Context& ctx, Operation operation) {
  Query query;
  if (!parse(ctx, 2, operation, true, false, query)) return;
  ZSetValue* result = compute(ctx, operation, query);
  result->choose_encoding(ctx.space().limits.zset);
  const size_t size = result->size();
  const bool existed = ctx.db().exists(ctx.arg(1));
  ctx.store(ctx.arg(1), result);
  if (existed || size > 0) ctx.touched(ctx.arg(1));
  ctx.reply.integer(static_cast<int64_t>(size));
}

}  // namespace

void run_zunion(Context& ctx) { run(ctx, Operation::unite); }
void run_zinter(Context& ctx) { run(ctx, Operation::intersect); }
void run_zdiff(Context& ctx) { run(ctx, Operation::subtract); }
void run_zunionstore(Context& ctx) { run_store(ctx, Operation::unite); }
void run_zinterstore(Context& ctx) { run_store(ctx, Operation::intersect); }
void run_zdiffstore(Context& ctx) { run_store(ctx, Operation::subtract); }

void run_zintercard(Context& ctx) {
  Query query;
  if (!parse(ctx, 1, Operation::intersect, false, true, query)) return;
  int64_t count = 0;
  intersect(query, [&](std::string_view, double) { return ++count != query.limit; });
  ctx.reply.integer(count);
}

}  // namespace compozy::redis
