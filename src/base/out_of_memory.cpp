// SPDX-License-Identifier: Apache-2.0
#include "base/out_of_memory.hpp"

#include <unistd.h>

#include <cstdlib>
#include <string_view>

namespace compozy {

void out_of_memory() {
  constexpr std::string_view kText =
      "compozy: out of memory, so the process ends; what was acknowledged is on disk. Give it more memory, or limit "
      "the embedded Redis with redis.standalone.max_memory\n";
  static_cast<void>(::write(STDERR_FILENO, kText.data(), kText.size()));
  std::abort();
}

}  // namespace compozy
