// SPDX-License-Identifier: Apache-2.0
//
// Ranges over sorted sets, as their commands spell them, resolved to intervals of ranks.
#pragma once

#include <cstdint>
#include <limits>
#include <string_view>

#include "redis/commands/context.hpp"

namespace compozy::redis {

struct ScoreRange {
  double min = 0;
  double max = 0;
  bool min_open = false;
  bool max_open = false;
};

struct LexBound {
  enum class Kind : uint8_t { lowest, highest, closed, open };
  Kind kind = Kind::closed;
  std::string_view text;
};

struct LexRange {
  LexBound min;
  LexBound max;
};

// Ranks [from, to).
struct RankRange {
  size_t from = 0;
  size_t to = 0;
  size_t size() const { return to > from ? to - from : 0; }
};

bool parse_score_range(Context& ctx, std::string_view min, std::string_view max, ScoreRange& range);
bool parse_lex_range(Context& ctx, std::string_view min, std::string_view max, LexRange& range);

RankRange resolve(const ZSetValue& zset, const ScoreRange& range);
RankRange resolve(const ZSetValue& zset, const LexRange& range);
// Of ZRANGE by index; negative counts from the end.
RankRange resolve_ranks(size_t size, int64_t start, int64_t stop);

// Cuts an interval as LIMIT offset count says; a negative count means all, a negative offset nothing.
RankRange apply_limit(RankRange range, int64_t offset, int64_t count, bool reverse);

}  // namespace compozy::redis
