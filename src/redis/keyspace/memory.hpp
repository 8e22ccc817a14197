// SPDX-License-Identifier: Apache-2.0
//
// Counted memory: every byte of the keyspace is allocated and freed by size here, so `used_memory` is a plain counter.
// Process-wide allocator statistics would count SQLite and HTTP as well.
//
// Thread: the counter belongs to whoever holds the engine's gate. Each engine has a MemoryAccount; entering the gate
// makes it the thread's current one. Without an engine (unit tests) a thread counts into its own default account.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace compozy::redis {

struct MemoryAccount {
  int64_t used = 0;
  int64_t peak = 0;
};

MemoryAccount& current_account();
// Returns the previous one; nullptr means the thread's default.
MemoryAccount* set_current_account(MemoryAccount* account);

class AccountScope {
 public:
  explicit AccountScope(MemoryAccount& account) : previous_(set_current_account(&account)) {}
  ~AccountScope() { set_current_account(previous_); }
  AccountScope(const AccountScope&) = delete;
  AccountScope& operator=(const AccountScope&) = delete;

 private:
  MemoryAccount* previous_;
};

// Aborts when the system has no memory left, as Redis does.
void* counted_alloc(size_t bytes, size_t alignment = 16);
void counted_free(void* memory, size_t bytes);
// What an allocation of this size really takes.
size_t allocation_size(size_t bytes);

template <class T>
struct CountedAllocator {
  using value_type = T;
  CountedAllocator() = default;
  template <class U>
  CountedAllocator(const CountedAllocator<U>&) {}  // allocators convert implicitly
  T* allocate(size_t n) { return static_cast<T*>(counted_alloc(n * sizeof(value_type))); }
  void deallocate(T* memory, size_t n) { counted_free(static_cast<void*>(memory), n * sizeof(value_type)); }
  bool operator==(const CountedAllocator&) const { return true; }
};

template <class T>
using CountedVector = std::vector<T, CountedAllocator<T>>;

template <class T, class... Arguments>
T* counted_new(Arguments&&... arguments) {
  return new (counted_alloc(sizeof(T))) T(static_cast<Arguments&&>(arguments)...);
}

template <class T>
void counted_delete(T* value) {
  value->~T();
  counted_free(value, sizeof(T));
}

}  // namespace compozy::redis
