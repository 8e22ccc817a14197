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
  size_t steps_max = 1'000'000;            // evaluated nodes, function calls and loop rounds
  size_t output_max = 10UL * 1024 * 1024;  // bytes of one text
};

}  // namespace compozy::expression
