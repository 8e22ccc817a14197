// SPDX-License-Identifier: Apache-2.0
//
// What the allocator says of itself, for INFO and MEMORY. Nothing where the program is not linked with jemalloc.
// Thread: any.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace compozy::redis {

struct AllocatorFigures {
  int64_t allocated = 0;  // handed out
  int64_t active = 0;     // pages with something in them
  int64_t resident = 0;   // pages that the system has given
};

std::optional<AllocatorFigures> allocator_figures();
std::string allocator_report();

}  // namespace compozy::redis
