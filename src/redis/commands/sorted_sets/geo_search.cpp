// SPDX-License-Identifier: Apache-2.0
//
// GEOSEARCH and the older GEORADIUS family: members inside a circle or a box. Source: redis.io/commands/geosearch.
#include "redis/commands/sorted_sets/geo_search.hpp"

#include <algorithm>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "redis/commands/context.hpp"
#include "redis/commands/handlers.hpp"
#include "redis/commands/sorted_sets/zset_ranges.hpp"
#include "redis/keyspace/geo_cells.hpp"

namespace compozy::redis {

namespace {

enum class Form : uint8_t { radius, member, search, search_store };
enum class Sorting : uint8_t { none, ascending, descending };

struct Query {
  Form form{};
  bool may_store = false;
  geo::Shape shape;
  double unit = 1;  // metres
  bool has_centre = false;
  bool has_shape = false;
  bool with_distance = false;
  bool with_hash = false;
  bool with_place = false;
  bool any = false;
  int64_t count = 0;  // 0: all
  Sorting sorting = Sorting::none;
  std::optional<std::string_view> target;
  bool store_distance = false;

  bool searches() const { return form == Form::search || form == Form::search_store; }
};

struct Hit {
  std::string member;
  double score;
  double distance;
  geo::Place place;
  size_t order;  // equal distances stay as they were found
};

bool centre_on_member(Context& ctx, const ZSetValue* zset, std::string_view member, Query& query) {
  query.has_centre = true;
  if (zset == nullptr) return true;  // The rest is still checked.
  const auto score = zset->score(member);
  if (!score) return ctx.error("ERR could not decode requested zset member");
  query.shape.centre = geo::place_of(*score);
  return true;
}

bool parse_radius(Context& ctx, size_t at, Query& query) {
  if (!ctx.number(ctx.arg(at), query.shape.radius, "ERR need numeric radius")) return false;
  if (query.shape.radius < 0) return ctx.error("ERR radius cannot be negative");
  if (!parse_unit(ctx, ctx.arg(at + 1), query.unit)) return false;
  query.shape.circle = true;
  query.shape.radius *= query.unit;
  query.has_shape = true;
  return true;
}

bool parse_box(Context& ctx, size_t at, Query& query) {
  if (!ctx.number(ctx.arg(at), query.shape.width, "ERR need numeric width") ||
      !ctx.number(ctx.arg(at + 1), query.shape.height, "ERR need numeric height")) {
    return false;
  }
  if (query.shape.width < 0 || query.shape.height < 0) return ctx.error("ERR height or width cannot be negative");
  if (!parse_unit(ctx, ctx.arg(at + 2), query.unit)) return false;
  query.shape.circle = false;
  query.shape.width *= query.unit;
  query.shape.height *= query.unit;
  query.has_shape = true;
  return true;
}

// An option that only GEOSEARCH has; nothing: it is none of them.
std::optional<bool> parse_search_option(Context& ctx, size_t& i, const ZSetValue* zset, Query& query) {
  const size_t left = ctx.size() - i - 1;
  if (ctx.is(i, "FROMMEMBER") && left >= 1 && !query.has_centre)
    return centre_on_member(ctx, zset, ctx.arg(++i), query);
  if (ctx.is(i, "FROMLONLAT") && left >= 2 && !query.has_centre) {
    query.has_centre = true;
    i += 2;
    return parse_place(ctx, i - 1, query.shape.centre);
  }
  if (ctx.is(i, "BYRADIUS") && left >= 2 && !query.has_shape) {
    i += 2;
    return parse_radius(ctx, i - 1, query);
  }
  if (ctx.is(i, "BYBOX") && left >= 3 && !query.has_shape) {
    i += 3;
    return parse_box(ctx, i - 2, query);
  }
  if (ctx.is(i, "STOREDIST") && query.form == Form::search_store) {
    query.store_distance = true;
    return true;
  }
  return std::nullopt;
}

bool parse_option(Context& ctx, size_t& i, const ZSetValue* zset, Query& query) {
  const size_t left = ctx.size() - i - 1;
  if (ctx.is(i, "WITHDIST")) {
    query.with_distance = true;
  } else if (ctx.is(i, "WITHHASH")) {
    query.with_hash = true;
  } else if (ctx.is(i, "WITHCOORD")) {
    query.with_place = true;
  } else if (ctx.is(i, "ANY")) {
    query.any = true;
  } else if (ctx.is(i, "ASC")) {
    query.sorting = Sorting::ascending;
  } else if (ctx.is(i, "DESC")) {
    query.sorting = Sorting::descending;
  } else if (ctx.is(i, "COUNT") && left >= 1) {
    if (!ctx.integer(ctx.arg(++i), query.count)) return false;
    if (query.count <= 0) return ctx.error("ERR COUNT must be > 0");
  } else if (!query.searches() && query.may_store && left >= 1 && (ctx.is(i, "STORE") || ctx.is(i, "STOREDIST"))) {
    query.store_distance = ctx.is(i, "STOREDIST");
    query.target = ctx.arg(++i);
  } else {
    const auto parsed = query.searches() ? parse_search_option(ctx, i, zset, query) : std::nullopt;
    return parsed ? *parsed : ctx.error(kSyntaxError);
  }
  return true;
}

bool check_options(Context& ctx, const Query& query) {
  if (query.target && (query.with_distance || query.with_hash || query.with_place)) {
    return ctx.error("ERR " +
                     std::string(query.form == Form::search_store ? "GEOSEARCHSTORE" : "STORE option in GEORADIUS") +
                     " is not compatible with WITHDIST, WITHHASH and WITHCOORD options");
  }
  if (query.searches() && !query.has_centre) {
    return ctx.error("ERR exactly one of FROMMEMBER or FROMLONLAT can be specified for " + std::string(ctx.arg(0)));
  }
  if (query.searches() && !query.has_shape) {
    return ctx.error("ERR exactly one of BYRADIUS and BYBOX can be specified for " + std::string(ctx.arg(0)));
  }
  if (query.any && query.count == 0) return ctx.error("ERR the ANY argument requires COUNT argument");
  return true;
}

bool parse(Context& ctx, const ZSetValue* zset, Query& query) {
  size_t i = 2;
  if (query.form == Form::radius) {
    if (!parse_place(ctx, 2, query.shape.centre) || !parse_radius(ctx, 4, query)) return false;
    i = 6;
  } else if (query.form == Form::member) {
    if (!centre_on_member(ctx, zset, ctx.arg(2), query)) return false;
    if (zset != nullptr && !parse_radius(ctx, 3, query)) return false;
    i = 5;
  } else if (query.form == Form::search_store) {
    query.target = ctx.arg(1);
    i = 3;
  }
  for (; i < ctx.size(); ++i) {
    if (!parse_option(ctx, i, zset, query)) return false;
  }
  return check_options(ctx, query);
}

std::vector<Hit> find(const ZSetValue& zset, const Query& query) {
  std::vector<Hit> hits;
  const size_t limit = query.any ? static_cast<size_t>(query.count) : 0;
  geo::Cell last;
  for (const geo::Cell cell : geo::cells_around(query.shape)) {
    // With a huge radius neighbours can be one and the same cell.
    if (cell.steps == 0 || cell == last) continue;
    if (limit != 0 && hits.size() >= limit) break;
    last = cell;
    const auto [from, to] = geo::scores_of(cell);
    const RankRange ranks =
        resolve(zset, ScoreRange{.min = static_cast<double>(from), .max = static_cast<double>(to), .max_open = true});
    zset.for_each(ranks.from, ranks.to, false, [&](const ScoredMember& member) {
      if (limit != 0 && hits.size() >= limit) return;
      const geo::Place place = geo::place_of(member.score);
      double distance = 0;
      if (!query.shape.contains(place, distance)) return;
      hits.push_back({std::string(member.text()), member.score, distance, place, hits.size()});
    });
  }
  return hits;
}

void reply_hits(Context& ctx, const Query& query, const std::vector<Hit>& hits) {
  const size_t extras = (query.with_distance ? 1U : 0U) + (query.with_hash ? 1U : 0U) + (query.with_place ? 1U : 0U);
  ctx.reply.array(hits.size());
  for (const Hit& hit : hits) {
    if (extras > 0) ctx.reply.array(extras + 1);
    ctx.reply.bulk(hit.member);
    if (query.with_distance) ctx.reply.bulk(format_distance(hit.distance / query.unit));
    if (query.with_hash) ctx.reply.integer(static_cast<int64_t>(hit.score));
    if (!query.with_place) continue;
    ctx.reply.array(2);
    ctx.reply.long_number(format_long_double(hit.place.longitude));
    ctx.reply.long_number(format_long_double(hit.place.latitude));
  }
}

void store_hits(Context& ctx, const Query& query, const std::vector<Hit>& hits) {
  auto* result = counted_new<ZSetValue>();
  for (const Hit& hit : hits) {
    result->set(hit.member, query.store_distance ? hit.distance / query.unit : hit.score, ctx.space().limits.zset);
  }
  const bool existed = ctx.db().exists(*query.target);
  ctx.store(*query.target, result);
  if (existed || !hits.empty()) ctx.touched(*query.target);
  ctx.reply.integer(static_cast<int64_t>(hits.size()));
}

void sort_hits(const Query& query, std::vector<Hit>& hits) {
  // Without an order the nearest ones are still what COUNT means, unless any will do.
  const bool forced = query.count != 0 && !query.any && query.sorting == Sorting::none;
  if (query.sorting == Sorting::descending) {
    std::ranges::sort(hits, [](const Hit& a, const Hit& b) {
      return a.distance != b.distance ? a.distance > b.distance : a.order < b.order;
    });
  } else if (forced || query.sorting == Sorting::ascending) {
    std::ranges::sort(hits, [](const Hit& a, const Hit& b) {
      return a.distance != b.distance ? a.distance < b.distance : a.order < b.order;
    });
  }
  if (query.count != 0 && hits.size() > static_cast<size_t>(query.count)) hits.resize(static_cast<size_t>(query.count));
}

void search(Context& ctx, Form form, bool may_store) {
  Query query{.form = form, .may_store = may_store};
  const ZSetValue* zset = nullptr;
  if (!ctx.read(ctx.arg(form == Form::search_store ? 2 : 1), zset)) return;
  if (!parse(ctx, zset, query)) return;
  std::vector<Hit> hits;
  if (zset != nullptr) hits = find(*zset, query);
  sort_hits(query, hits);
  if (query.target) {
    store_hits(ctx, query, hits);
  } else {
    reply_hits(ctx, query, hits);
  }
}

}  // namespace

void run_georadius(Context& ctx) { search(ctx, Form::radius, true); }
void run_georadius_ro(Context& ctx) { search(ctx, Form::radius, false); }
void run_georadiusbymember(Context& ctx) { search(ctx, Form::member, true); }
void run_georadiusbymember_ro(Context& ctx) { search(ctx, Form::member, false); }
void run_geosearch(Context& ctx) { search(ctx, Form::search, false); }
void run_geosearchstore(Context& ctx) { search(ctx, Form::search_store, false); }

}  // namespace compozy::redis
