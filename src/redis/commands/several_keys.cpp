// SPDX-License-Identifier: Apache-2.0
#include "redis/commands/several_keys.hpp"

#include "redis/commands/context.hpp"

namespace compozy::redis {

bool parse_keys(Context& ctx, size_t at, bool more, std::span<const std::string_view>& keys) {
  int64_t count = 0;
  constexpr std::string_view kWrong = "ERR numkeys should be greater than 0";
  if (!ctx.integer(ctx.arg(at), count, kWrong)) return false;
  if (count <= 0) return ctx.error(kWrong);
  const auto left = static_cast<int64_t>(ctx.size() - at - 1);
  if (count > left || (more && count == left)) {
    return ctx.error(more ? kSyntaxError : "ERR Number of keys can't be greater than number of args");
  }
  keys = ctx.args.subspan(at + 1, static_cast<size_t>(count));
  return true;
}

bool parse_pop(Context& ctx, size_t at, std::span<const std::string_view>& keys, int64_t& count,
               const std::function<bool(size_t)>& parse_where) {
  if (!parse_keys(ctx, at, true, keys)) return false;
  const size_t where = at + 1 + keys.size();
  if (!parse_where(where)) return false;
  if (where + 1 == ctx.size()) return true;
  if (where + 3 > ctx.size() || !ctx.is(where + 1, "COUNT")) return ctx.error(kSyntaxError);
  constexpr std::string_view kWrong = "ERR count should be greater than 0";
  if (!ctx.integer(ctx.arg(where + 2), count, kWrong)) return false;
  if (count <= 0) return ctx.error(kWrong);
  return where + 3 == ctx.size() || ctx.error(kSyntaxError);
}

bool parse_cardinality_limit(Context& ctx, size_t at, int64_t& limit) {
  constexpr std::string_view kWrong = "ERR LIMIT can't be negative";
  if (!ctx.integer(ctx.arg(at), limit, kWrong)) return false;
  return limit >= 0 || ctx.error(kWrong);
}

}  // namespace compozy::redis
