// SPDX-License-Identifier: Apache-2.0
//
// GEOADD, GEODIST, GEOHASH, GEOPOS. A geospatial index is a sorted set whose scores are cells.
// Source: redis.io/commands/?group=geo.
#include "redis/keyspace/geo_cells.hpp"

#include <array>
#include <cstdio>
#include <string>
#include <vector>

#include "base/text.hpp"
#include "redis/commands/context.hpp"
#include "redis/commands/handlers.hpp"
#include "redis/commands/sorted_sets/geo_search.hpp"

namespace compozy::redis {

bool parse_place(Context& ctx, size_t at, geo::Place& place) {
  if (!ctx.number(ctx.arg(at), place.longitude) || !ctx.number(ctx.arg(at + 1), place.latitude)) return false;
  if (geo::is_on_map(place)) return true;
  std::array<char, 1024> text;
  std::snprintf(text.data(), text.size(), "ERR invalid longitude,latitude pair %f,%f", place.longitude, place.latitude);
  return ctx.error(text.data());
}

bool parse_unit(Context& ctx, std::string_view text, double& metres) {
  const std::string unit = to_lower(text);
  if (unit == "m") {
    metres = 1;
  } else if (unit == "km") {
    metres = 1000;
  } else if (unit == "ft") {
    metres = 0.3048;
  } else if (unit == "mi") {
    metres = 1609.34;
  } else {
    return ctx.error("ERR unsupported unit provided. please use M, KM, FT, MI");
  }
  return true;
}

std::string format_distance(double distance) {
  std::array<char, 400> text;
  const int size = std::snprintf(text.data(), text.size(), "%.4f", distance);
  return {text.data(), static_cast<size_t>(size)};
}

void run_geoadd(Context& ctx) {
  size_t at = 2;
  bool nx = false;
  bool xx = false;
  for (; at < ctx.size(); ++at) {
    if (ctx.is(at, "NX")) {
      nx = true;
    } else if (ctx.is(at, "XX")) {
      xx = true;
    } else if (!ctx.is(at, "CH")) {
      break;
    }
  }
  if ((ctx.size() - at) % 3 != 0 || (nx && xx)) {
    ctx.error(kSyntaxError);
    return;
  }
  // It is a ZADD with computed scores, also in the log.
  std::vector<std::string> command{"ZADD"};
  for (size_t i = 1; i < at; ++i) command.emplace_back(ctx.arg(i));
  for (; at < ctx.size(); at += 3) {
    geo::Place place;
    if (!parse_place(ctx, at, place)) return;
    command.push_back(std::to_string(geo::score_of(place)));
    command.emplace_back(ctx.arg(at + 2));
  }
  const std::vector<std::string_view> args(command.begin(), command.end());
  const uint64_t before = ctx.server.stats.dirty;
  ctx.args = args;
  run_zadd(ctx);
  if (ctx.server.stats.dirty != before && !ctx.propagated) ctx.propagate_as(args);
}

void run_geodist(Context& ctx) {
  double metres = 1;
  if (ctx.size() > 5) {
    ctx.error(kSyntaxError);
    return;
  }
  if (ctx.size() == 5 && !parse_unit(ctx, ctx.arg(4), metres)) return;
  const ZSetValue* zset = nullptr;
  if (!ctx.read(ctx.arg(1), zset)) return;
  if (zset == nullptr) return ctx.reply.null();
  const auto a = zset->score(ctx.arg(2));
  const auto b = zset->score(ctx.arg(3));
  if (!a || !b) return ctx.reply.null();
  ctx.reply.bulk(format_distance(geo::distance(geo::place_of(*a), geo::place_of(*b)) / metres));
}

void run_geohash(Context& ctx) {
  const ZSetValue* zset = nullptr;
  if (!ctx.read(ctx.arg(1), zset)) return;
  ctx.reply.array(ctx.size() - 2);
  for (const std::string_view member : ctx.args.subspan(2)) {
    const auto score = zset == nullptr ? std::nullopt : zset->score(member);
    if (score) {
      ctx.reply.bulk(geo::text_of(*score));
    } else {
      ctx.reply.null();
    }
  }
}

void run_geopos(Context& ctx) {
  const ZSetValue* zset = nullptr;
  if (!ctx.read(ctx.arg(1), zset)) return;
  ctx.reply.array(ctx.size() - 2);
  for (const std::string_view member : ctx.args.subspan(2)) {
    const auto score = zset == nullptr ? std::nullopt : zset->score(member);
    if (score) {
      const geo::Place place = geo::place_of(*score);
      ctx.reply.array(2);
      ctx.reply.long_number(format_long_double(place.longitude));
      ctx.reply.long_number(format_long_double(place.latitude));
    } else {
      ctx.reply.null_array();
    }
  }
}

}  // namespace compozy::redis
