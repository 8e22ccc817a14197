// SPDX-License-Identifier: Apache-2.0
//
// INCR and its kin, and LCS. Source: redis.io/commands/?group=string.
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "redis/commands/context.hpp"
#include "redis/commands/handlers.hpp"

namespace compozy::redis {

namespace {

void increment(Context& ctx, int64_t by) {
  const std::string_view key = ctx.arg(1);
  std::optional<std::string_view> old;
  if (!ctx.read_string(key, old)) return;
  int64_t value = 0;
  if (old && !ctx.integer(*old, value)) return;
  if (add_overflows(value, by, value)) {
    ctx.error("ERR increment or decrement would overflow");
    return;
  }
  ctx.db().set_string(key, std::to_string(value), true);
  ctx.touched(key);
  ctx.reply.integer(value);
}

struct LcsOptions {
  bool idx = false;
  bool len = false;
  bool with_match_len = false;
  int64_t min_match_len = 0;
};

bool parse_lcs(Context& ctx, LcsOptions& options) {
  for (size_t i = 3; i < ctx.size(); ++i) {
    if (ctx.is(i, "IDX")) {
      options.idx = true;
    } else if (ctx.is(i, "LEN")) {
      options.len = true;
    } else if (ctx.is(i, "WITHMATCHLEN")) {
      options.with_match_len = true;
    } else if (ctx.is(i, "MINMATCHLEN") && i + 1 < ctx.size()) {
      if (!ctx.integer(ctx.arg(++i), options.min_match_len)) return false;
      options.min_match_len = std::max<int64_t>(0, options.min_match_len);
    } else {
      return ctx.error(kSyntaxError);
    }
  }
  if (options.idx && options.len) {
    return ctx.error("ERR If you want both the length and indexes, please just use IDX.");
  }
  return true;
}

// The table of the classic dynamic program: at(i, j) is the length for the first i and j bytes.
class LcsTable {
 public:
  LcsTable(std::string_view a, std::string_view b) : width_(b.size() + 1), cells_((a.size() + 1) * width_) {
    for (size_t i = 1; i <= a.size(); ++i) {
      for (size_t j = 1; j <= b.size(); ++j) {
        cells_[i * width_ + j] = a[i - 1] == b[j - 1] ? at(i - 1, j - 1) + 1 : std::max(at(i - 1, j), at(i, j - 1));
      }
    }
  }
  uint32_t at(size_t i, size_t j) const { return cells_[i * width_ + j]; }

 private:
  size_t width_;
  std::vector<uint32_t> cells_;
};

struct Match {
  size_t a_start, a_end, b_start, b_end;
};

// Walks back from the end; gives the matching ranges from the last to the first, and the common text.
std::vector<Match> trace(std::string_view a, std::string_view b, const LcsTable& table, std::string& common) {
  std::vector<Match> matches;
  size_t i = a.size();
  size_t j = b.size();
  while (i > 0 && j > 0) {
    if (a[i - 1] == b[j - 1]) {
      common.push_back(a[i - 1]);
      --i;
      --j;
      if (!matches.empty() && matches.back().a_start == i + 1 && matches.back().b_start == j + 1) {
        matches.back().a_start = i;
        matches.back().b_start = j;
      } else {
        matches.push_back({i, i, j, j});
      }
    } else if (table.at(i - 1, j) > table.at(i, j - 1)) {
      --i;
    } else {
      --j;
    }
  }
  return {matches.begin(), matches.end()};
}

void reply_matches(Context& ctx, const std::vector<Match>& matches, const LcsOptions& options, uint32_t length) {
  ctx.reply.map(2);
  ctx.reply.bulk("matches");
  const size_t place = ctx.reply.begin_deferred();
  size_t shown = 0;
  for (const Match& match : matches) {
    const auto size = static_cast<int64_t>(match.a_end - match.a_start + 1);
    if (size < options.min_match_len) continue;
    ++shown;
    ctx.reply.array(options.with_match_len ? 3 : 2);
    ctx.reply.array(2);
    ctx.reply.integer(static_cast<int64_t>(match.a_start));
    ctx.reply.integer(static_cast<int64_t>(match.a_end));
    ctx.reply.array(2);
    ctx.reply.integer(static_cast<int64_t>(match.b_start));
    ctx.reply.integer(static_cast<int64_t>(match.b_end));
    if (options.with_match_len) ctx.reply.integer(size);
  }
  ctx.reply.end_array(place, shown);
  ctx.reply.bulk("len");
  ctx.reply.integer(length);
}

}  // namespace

void run_incr(Context& ctx) { increment(ctx, 1); }

void run_decr(Context& ctx) { increment(ctx, -1); }

void run_incrby(Context& ctx) {
  int64_t by = 0;
  if (ctx.integer(ctx.arg(2), by)) increment(ctx, by);
}

void run_decrby(Context& ctx) {
  int64_t by = 0;
  if (!ctx.integer(ctx.arg(2), by)) return;
  if (by == std::numeric_limits<int64_t>::min()) {
    ctx.error("ERR decrement would overflow");
    return;
  }
  increment(ctx, -by);
}

void run_incrbyfloat(Context& ctx) {
  const std::string_view key = ctx.arg(1);
  std::optional<std::string_view> old;
  if (!ctx.read_string(key, old)) return;
  long double value = 0;
  long double by = 0;
  if (old && !ctx.long_number(*old, value)) return;
  if (!ctx.long_number(ctx.arg(2), by)) return;
  value += by;
  if (std::isnan(value) || std::isinf(value)) {
    ctx.error("ERR increment would produce NaN or Infinity");
    return;
  }
  const std::string text = format_long_double(value);
  ctx.db().set_string(key, text, true);
  ctx.db().find_for_write(key)->flags |= Entry::kNotInteger;
  ctx.touched(key);
  ctx.reply.bulk(text);
  ctx.propagate_as({"SET", key, text, "KEEPTTL"});
}

void run_lcs(Context& ctx) {
  const Entry* entry_a = ctx.db().find(ctx.arg(1));
  const std::string a(entry_a != nullptr && entry_a->type == Type::string ? entry_a->string() : std::string_view());
  const Entry* entry_b = ctx.db().find(ctx.arg(2));
  entry_a = ctx.db().find(ctx.arg(1));
  if ((entry_a != nullptr && entry_a->type != Type::string) || (entry_b != nullptr && entry_b->type != Type::string)) {
    ctx.error("ERR The specified keys must contain string values");
    return;
  }
  const std::string b(entry_b != nullptr ? entry_b->string() : std::string_view());
  LcsOptions options;
  if (!parse_lcs(ctx, options)) return;
  const size_t cells = (a.size() + 1) * (b.size() + 1);
  if (cells > (1UL << 30)) {
    ctx.error("ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len");
    return;
  }
  const LcsTable table(a, b);
  const uint32_t length = table.at(a.size(), b.size());
  if (options.len) return ctx.reply.integer(length);
  std::string common;
  const auto matches = trace(a, b, table, common);
  if (options.idx) return reply_matches(ctx, matches, options, length);
  ctx.reply.bulk(std::string(common.rbegin(), common.rend()));
}

}  // namespace compozy::redis
