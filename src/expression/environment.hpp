// SPDX-License-Identifier: Apache-2.0
//
// What an expression may know besides its context: the time, chance and budgets that the caller gives. Nothing else:
// no process environment, no files, no network, no clock. So the same Environment and context give the same result.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace compozy::expression {

struct Environment {
  int64_t now_ms = 0;                      // `now`; the zone is UTC unless the expression names another
  uint64_t entropy = 0;                    // seeds uuidv4, randInt, shuffle, ...
  size_t steps_max = 1'000'000;            // evaluated nodes, function calls, loop rounds; kStepWeight of values
  size_t output_max = 10UL * 1024 * 1024;  // bytes of one text
  size_t* steps_left = nullptr;            // of all expressions that are evaluated together; null = no such limit

  bool spend(size_t steps) const {
    if (steps_left == nullptr) return true;
    const bool enough = steps <= *steps_left;
    *steps_left -= enough ? steps : *steps_left;
    return enough;
  }
};
inline constexpr std::string_view kTogetherTooMany = "the expressions of this step take too many steps together";

// Each so much of the values that a function reads and makes (json::extent_of) is a step as well: a call on a list of a
// million elements is no cheaper for being one call.
inline constexpr size_t kStepWeight = 128;

}  // namespace compozy::expression
