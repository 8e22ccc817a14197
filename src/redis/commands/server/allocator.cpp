// SPDX-License-Identifier: Apache-2.0
#include "redis/commands/server/allocator.hpp"

#include <cstddef>

// jemalloc's own; the program decides whether it is linked.
extern "C" [[gnu::weak]] int mallctl(const char* name, void* old, size_t* old_size, void* fresh, size_t fresh_size);
extern "C" [[gnu::weak]] void malloc_stats_print(void (*write)(void*, const char*), void* context, const char* options);

namespace compozy::redis {

namespace {

int64_t figure(const char* name) {
  size_t value = 0;
  size_t size = sizeof value;
  return mallctl(name, &value, &size, nullptr, 0) == 0 ? static_cast<int64_t>(value) : 0;
}

}  // namespace

std::optional<AllocatorFigures> allocator_figures() {
  if (mallctl == nullptr) return std::nullopt;
  uint64_t epoch = 1;  // The figures are of the moment at which this is written.
  size_t size = sizeof epoch;
  if (mallctl("epoch", &epoch, &size, &epoch, size) != 0) return std::nullopt;
  return AllocatorFigures{
      .allocated = figure("stats.allocated"), .active = figure("stats.active"), .resident = figure("stats.resident")};
}

std::string allocator_report() {
  std::string text;
  if (malloc_stats_print == nullptr) return "Stats not supported for the current allocator";
  const auto add = [](void* context, const char* part) { *static_cast<std::string*>(context) += part; };
  malloc_stats_print(add, &text, nullptr);
  return text;
}

}  // namespace compozy::redis
