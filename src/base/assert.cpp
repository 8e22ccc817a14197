// SPDX-License-Identifier: Apache-2.0
#include "base/assert.hpp"

#include <cstdio>
#include <cstdlib>

namespace compozy {

void assertion_failed(const char* condition, const char* file, int line, const char* function) {
  std::fprintf(stderr, "compozy: broken invariant: %s\n  at %s:%d in %s\n", condition, file, line, function);
  std::abort();
}

}  // namespace compozy
