// SPDX-License-Identifier: Apache-2.0
//
// What an expression may know besides its context: the time, chance and budgets that the caller gives. Nothing else:
// no process environment, no files, no network, no clock. So the same Environment and context give the same result.
#pragma once

#include <cstddef>
#include <cstdint>

namespace compozy::expression {

struct Environment {
  int64_t now_ms = 0;                      // `now`; the zone is UTC unless the expression names another
  uint64_t entropy = 0;                    // seeds uuidv4, randInt, shuffle, ...
  size_t steps_max = 1'000'000;            // evaluated nodes, function calls, loop rounds; kStepWeight of values
  size_t output_max = 10UL * 1024 * 1024;  // bytes of one text
};

// Each so much of the values that a function reads and makes (json::extent_of) is a step as well: a call on a list of a
// million elements is no cheaper for being one call.
inline constexpr size_t kStepWeight = 128;

}  // namespace compozy::expression
