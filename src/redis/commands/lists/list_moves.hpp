// SPDX-License-Identifier: Apache-2.0
//
// What the list families share: the two ends of a list, and the clamping of index ranges.
#pragma once

#include <cstdint>
#include <string>

#include "redis/keyspace/list_value.hpp"

namespace compozy::redis {

enum class Side : uint8_t { left, right };

std::string pop_side(ListValue& list, Side side);

// Turns negative indexes into positions and cuts to the size; false when nothing is left.
bool clamp_range(int64_t size, int64_t& start, int64_t& stop);

}  // namespace compozy::redis
