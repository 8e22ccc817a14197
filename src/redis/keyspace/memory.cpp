// SPDX-License-Identifier: Apache-2.0
#include "redis/keyspace/memory.hpp"

#include <algorithm>
#include <bit>
#include <cstdlib>

#include "base/out_of_memory.hpp"

namespace compozy::redis {

namespace {

thread_local MemoryAccount default_account;
thread_local MemoryAccount* account = nullptr;

}  // namespace

MemoryAccount& current_account() { return account != nullptr ? *account : default_account; }

MemoryAccount* set_current_account(MemoryAccount* next) {
  MemoryAccount* previous = account;
  account = next;
  return previous;
}

size_t allocation_size(size_t bytes) {
  // jemalloc's classes: multiples of 16 up to 128, then four per doubling.
  if (bytes <= 128) return (bytes + 15) & ~size_t{15};
  const size_t step = std::bit_floor(bytes - 1) / 4;
  return (bytes + step - 1) / step * step;
}

void* counted_alloc(size_t bytes, size_t alignment) {
  void* memory =
      alignment <= 16 ? std::malloc(bytes) : std::aligned_alloc(alignment, (bytes + alignment - 1) & ~(alignment - 1));
  if (memory == nullptr) out_of_memory();
  MemoryAccount& counted = current_account();
  counted.used += static_cast<int64_t>(allocation_size(bytes));
  counted.peak = std::max(counted.peak, counted.used);
  return memory;
}

void counted_free(void* memory, size_t bytes) {
  if (memory == nullptr) return;
  current_account().used -= static_cast<int64_t>(allocation_size(bytes));
  std::free(memory);
}

}  // namespace compozy::redis
