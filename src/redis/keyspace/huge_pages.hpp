// SPDX-License-Identifier: Apache-2.0
//
// Huge pages for a large keyspace: a look-up touches a bucket and an entry that no cache holds, and with pages of 4 KB
// their addresses miss the TLB as well. From the first large table on, what the thread's jemalloc arena maps anew is
// aligned to 2 MB and advised (MADV_HUGEPAGE); small instances stay as they are. Without jemalloc (sanitizers, unit
// tests), or where transparent huge pages are off, nothing happens. docs/adr/0022-huge-pages.md has the figures.
//
// Thread: any; each that fills tables says so for itself.
#pragma once

#include <cstddef>

namespace compozy::redis {

inline constexpr size_t kHugePage = 2UL << 20;

// Bytes of buckets from which a table counts as large: some 100,000 keys.
inline constexpr size_t kLargeTable = 1UL << 20;

// This thread's further memory comes in huge pages. Quick after the first call.
void prefer_huge_pages();

// New zeroed memory whose first byte is aligned to 2 MB, advised; nullptr: there is none.
void* map_huge(size_t bytes);

}  // namespace compozy::redis
