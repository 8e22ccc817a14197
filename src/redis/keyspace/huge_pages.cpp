// SPDX-License-Identifier: Apache-2.0
#include "redis/keyspace/huge_pages.hpp"

#include <cstdint>
#include <mutex>
#include <string>

#include <jemalloc/jemalloc.h>
#include <sys/mman.h>

#pragma weak mallctl  // the program's allocator, where it is jemalloc

namespace compozy::redis {

namespace {

const extent_hooks_t* original = nullptr;
extent_hooks_t hooks;

// jemalloc asks for 2 MB and more at a time, and cuts what it needs from that.
void* allocate(extent_hooks_t*, void* wanted, size_t size, size_t alignment, bool* zero, bool* commit, unsigned arena) {
  if (wanted == nullptr && size >= kHugePage && alignment <= kHugePage) {
    if (void* memory = map_huge(size); memory != nullptr) {
      *zero = *commit = true;
      return memory;
    }
  }
  return original->alloc(const_cast<extent_hooks_t*>(original), wanted, size, alignment, zero, commit, arena);
}

void hook_arena() {
  if (mallctl == nullptr) return;
  unsigned arena = 0;
  size_t size = sizeof arena;
  if (mallctl("thread.arena", &arena, &size, nullptr, 0) != 0) return;
  const std::string name = "arena." + std::to_string(arena) + ".extent_hooks";
  extent_hooks_t* present = nullptr;
  size = sizeof present;
  static std::mutex mutex;
  const std::lock_guard lock(mutex);
  if (mallctl(name.c_str(), static_cast<void*>(&present), &size, nullptr, 0) != 0 || present == &hooks) return;
  if (original == nullptr) {
    original = present;
    hooks = *present;
    hooks.alloc = allocate;
  }
  extent_hooks_t* fresh = &hooks;
  mallctl(name.c_str(), nullptr, nullptr, static_cast<void*>(&fresh), sizeof fresh);
}

}  // namespace

void* map_huge(size_t bytes) {
  const size_t mapped = bytes + kHugePage;
  void* place = ::mmap(nullptr, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (place == MAP_FAILED) return nullptr;
  char* first = static_cast<char*>(place);
  const size_t before = -reinterpret_cast<uintptr_t>(first) & (kHugePage - 1);
  if (before > 0) ::munmap(first, before);
  ::munmap(first + before + bytes, kHugePage - before);
  ::madvise(first + before, bytes, MADV_HUGEPAGE);
  return first + before;
}

void prefer_huge_pages() {
  thread_local bool done = false;
  if (done) return;
  done = true;
  hook_arena();
}

}  // namespace compozy::redis
