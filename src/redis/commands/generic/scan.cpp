// SPDX-License-Identifier: Apache-2.0
//
// SCAN, HSCAN, SSCAN, ZSCAN. Source: redis.io/commands/scan: an element that is there from the first call to the last
// is returned at least once.
#include <charconv>
#include <limits>
#include <string>
#include <vector>

#include "base/text.hpp"
#include "redis/commands/context.hpp"
#include "redis/commands/handlers.hpp"

namespace compozy::redis {

namespace {

struct ScanQuery {
  uint64_t cursor = 0;
  int64_t count = 10;
  std::string_view pattern;  // empty: all
  std::string_view type;     // empty: all
  bool matches(std::string_view text) const { return pattern.empty() || glob_match(pattern, text); }
};

bool parse_cursor(Context& ctx, std::string_view text, uint64_t& cursor) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), cursor);
  if (error == std::errc() && end == text.data() + text.size() && !text.empty()) return true;
  return ctx.error("ERR invalid cursor");
}

bool parse_options(Context& ctx, size_t at, bool keys, ScanQuery& query) {
  for (size_t i = at; i < ctx.size(); i += 2) {
    const bool has_value = i + 1 < ctx.size();
    if (has_value && ctx.is(i, "COUNT")) {
      if (!ctx.integer(ctx.arg(i + 1), query.count)) return false;
      if (query.count < 1) return ctx.error(kSyntaxError);
    } else if (has_value && ctx.is(i, "MATCH")) {
      query.pattern = ctx.arg(i + 1) == "*" ? std::string_view() : ctx.arg(i + 1);
    } else if (has_value && keys && ctx.is(i, "TYPE")) {
      query.type = ctx.arg(i + 1);
    } else {
      return ctx.error(kSyntaxError);
    }
  }
  return true;
}

void reply_scan(Context& ctx, uint64_t cursor, const std::vector<std::string>& found) {
  ctx.reply.array(2);
  ctx.reply.bulk(std::to_string(cursor));
  ctx.reply.array(found.size());
  for (const auto& text : found) ctx.reply.bulk(text);
}

// Calls `step` until enough was seen; a sparse table may need many empty buckets, but not without end.
template <class Step>
uint64_t scan_some(const ScanQuery& query, size_t elements, Step step) {
  uint64_t cursor = query.cursor;
  size_t seen = 0;
  const int64_t steps_max = query.count > std::numeric_limits<int64_t>::max() / 10 ? query.count : query.count * 10;
  for (int64_t steps = 0; steps < steps_max && elements > 0; ++steps) {
    cursor = step(cursor, seen);
    if (cursor == 0 || seen >= static_cast<size_t>(query.count)) return cursor;
  }
  return elements == 0 ? 0 : cursor;
}

// Parses the common part of HSCAN and its kin; null when a reply was sent.
template <class V>
const V* begin_scan(Context& ctx, ScanQuery& query) {
  if (!parse_cursor(ctx, ctx.arg(2), query.cursor)) return nullptr;
  const V* value = nullptr;
  if (!ctx.read(ctx.arg(1), value)) return nullptr;
  if (value == nullptr) {
    reply_scan(ctx, 0, {});
    return nullptr;
  }
  return parse_options(ctx, 3, false, query) ? value : nullptr;
}

}  // namespace

void run_scan(Context& ctx) {
  ScanQuery query;
  if (!parse_cursor(ctx, ctx.arg(1), query.cursor) || !parse_options(ctx, 2, true, query)) return;
  std::vector<std::string> found;
  std::vector<std::string> dead;
  const int64_t now = ctx.now_ms();
  const uint64_t cursor = scan_some(query, ctx.db().size(), [&](uint64_t at, size_t& seen) {
    return ctx.db().scan(at, [&](const Entry& entry) {
      ++seen;
      if (!query.matches(entry.key())) return;
      if (entry.has_deadline() && now > entry.deadline_ms()) return void(dead.emplace_back(entry.key()));
      if (!query.type.empty() && !equals_ignoring_case(query.type, type_name(entry.type))) return;
      found.emplace_back(entry.key());
    });
  });
  // What is met dead is deleted; these deletions have nothing to do with each other.
  if (ctx.may_block) ctx.server.effects.separate = true;
  for (const auto& key : dead) ctx.db().exists(key);
  reply_scan(ctx, cursor, found);
}

void run_hscan(Context& ctx) {
  ScanQuery query;
  const auto* hash = begin_scan<HashValue>(ctx, query);
  if (hash == nullptr) return;
  std::vector<std::string> found;
  const uint64_t cursor = scan_some(query, hash->size(), [&](uint64_t at, size_t& seen) {
    return hash->scan(at, [&](std::string_view name, std::string_view value) {
      ++seen;
      if (!query.matches(name)) return;
      found.emplace_back(name);
      found.emplace_back(value);
    });
  });
  reply_scan(ctx, cursor, found);
}

void run_sscan(Context& ctx) {
  ScanQuery query;
  const auto* set = begin_scan<SetValue>(ctx, query);
  if (set == nullptr) return;
  std::vector<std::string> found;
  const uint64_t cursor = scan_some(query, set->size(), [&](uint64_t at, size_t& seen) {
    return set->scan(at, [&](std::string_view member) {
      ++seen;
      if (query.matches(member)) found.emplace_back(member);
    });
  });
  reply_scan(ctx, cursor, found);
}

void run_zscan(Context& ctx) {
  ScanQuery query;
  const auto* zset = begin_scan<ZSetValue>(ctx, query);
  if (zset == nullptr) return;
  std::vector<std::string> found;
  const uint64_t cursor = scan_some(query, zset->size(), [&](uint64_t at, size_t& seen) {
    return zset->scan(at, [&](const ScoredMember& member) {
      ++seen;
      if (!query.matches(member.text())) return;
      found.emplace_back(member.text());
      found.push_back(format_reply_double(member.score));
    });
  });
  reply_scan(ctx, cursor, found);
}

}  // namespace compozy::redis
