// SPDX-License-Identifier: Apache-2.0
#include "redis/keyspace/huge_pages.hpp"

#include <cstdint>
#include <fstream>
#include <sstream>
#include <string>

#include <sys/mman.h>

namespace compozy::redis {
namespace {

// The kernel's flags of the mapping that starts at this address.
std::string flags_of_mapping(const void* address) {
  std::ostringstream start;
  start << std::hex << reinterpret_cast<uintptr_t>(address) << '-';
  std::ifstream maps("/proc/self/smaps");
  std::string line;
  bool here = false;
  while (std::getline(maps, line)) {
    if (line.starts_with(start.str())) here = true;
    if (here && line.starts_with("VmFlags:")) return line + " ";
  }
  return {};
}

TEST(HugePages, AreAlignedAdvisedAndZero) {
  constexpr size_t kBytes = 3 * kHugePage + 4096 * 5;
  auto* memory = static_cast<char*>(map_huge(kBytes));
  ASSERT_NE(memory, nullptr);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(memory) % kHugePage, 0U);
  EXPECT_EQ(memory[0], 0);
  EXPECT_EQ(memory[kBytes - 1], 0);
  memory[kBytes - 1] = 1;
  // A kernel without transparent huge pages refuses the advice, and that is all.
  if (std::ifstream("/sys/kernel/mm/transparent_hugepage/enabled").good()) {
    EXPECT_NE(flags_of_mapping(memory).find(" hg "), std::string::npos);
  }
  ::munmap(memory, kBytes);
}

TEST(HugePages, MayBeAskedForByAnyAllocator) {
  prefer_huge_pages();
  prefer_huge_pages();
  std::string text(10 * kHugePage, 'x');
  EXPECT_EQ(text.back(), 'x');
}

}  // namespace
}  // namespace compozy::redis
