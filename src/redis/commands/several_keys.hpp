// SPDX-License-Identifier: Apache-2.0
//
// What commands on several keys share: "numkeys key …", COUNT, LIMIT. Parsers reply with the error and answer false.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string_view>

namespace compozy::redis {

struct Context;

// The keys whose count stands at `at`; at least one argument must follow them when `more` is set.
bool parse_keys(Context& ctx, size_t at, bool more, std::span<const std::string_view>& keys);
// LMPOP and ZMPOP: numkeys key … <where> [COUNT count]. `parse_where` reads the argument after the keys.
bool parse_pop(Context& ctx, size_t at, std::span<const std::string_view>& keys, int64_t& count,
               const std::function<bool(size_t)>& parse_where);
// The number after LIMIT at `at`.
bool parse_cardinality_limit(Context& ctx, size_t at, int64_t& limit);

}  // namespace compozy::redis
