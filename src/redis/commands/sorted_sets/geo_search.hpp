// SPDX-License-Identifier: Apache-2.0
//
// What the geo commands share.
#pragma once

#include <string>
#include <string_view>

#include "redis/commands/context.hpp"
#include "redis/keyspace/geo_cells.hpp"

namespace compozy::redis {

// Parsers reply with the error and answer false.
bool parse_place(Context& ctx, size_t at, geo::Place& place);
bool parse_unit(Context& ctx, std::string_view text, double& metres);
std::string format_distance(double distance);

}  // namespace compozy::redis
