// SPDX-License-Identifier: Apache-2.0
//
// The memory of a Table: buckets of one cache line, and arrays of them in segments of at most 256 KB that are allocated
// on first touch and freed as they drain, so that no step of a growing table takes long.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <utility>

#include "redis/keyspace/memory.hpp"

namespace compozy::redis {

template <class Item>
struct HashBucket {
  uint8_t present = 0;  // bit i: slot i is used; bit 7: slots[6] is the next bucket
  uint8_t tags[7] = {};
  union Slot {
    Item* item;
    HashBucket* next;
  } slots[7] = {};

  static constexpr uint8_t kChained = 0x80;
  bool chained() const { return (present & kChained) != 0; }
  HashBucket* next() const { return chained() ? slots[6].next : nullptr; }
  int count() const { return std::popcount(static_cast<uint8_t>(present & 0x7f)); }

  template <class Use>
  void visit(Use& use) const {
    for (const HashBucket* bucket = this; bucket != nullptr; bucket = bucket->next()) {
      for (unsigned used = bucket->present & (bucket->chained() ? 0x3fU : 0x7fU); used != 0; used &= used - 1) {
        use(*bucket->slots[std::countr_zero(used)].item);
      }
    }
  }

  void add(uint8_t tag, Item* item) {
    for (HashBucket* bucket = this;; bucket = bucket->next()) {
      const uint8_t usable = bucket->chained() ? 0x3f : 0x7f;
      const auto free_slots = static_cast<uint8_t>(~bucket->present & usable);
      if (free_slots != 0) {
        const int at = std::countr_zero(free_slots);
        bucket->present = static_cast<uint8_t>(bucket->present | (1U << at));
        bucket->tags[at] = tag;
        bucket->slots[at].item = item;
        return;
      }
      if (!bucket->chained()) bucket->chain();
    }
  }

  // Makes room for a link: the seventh item moves to the new overflow bucket.
  void chain() {
    auto* overflow = new (counted_alloc(sizeof(HashBucket), 64)) HashBucket;
    overflow->present = 1;
    overflow->tags[0] = tags[6];
    overflow->slots[0] = slots[6];
    slots[6].next = overflow;
    present = static_cast<uint8_t>((present & 0x3f) | kChained);
  }

  // Takes the empty bucket that follows this one out of the chain.
  void unlink(HashBucket* empty) {
    if (empty->chained()) {
      slots[6].next = empty->next();
    } else {
      present = static_cast<uint8_t>(present & 0x3f);
    }
    counted_free(empty, sizeof(HashBucket));
  }

  void free_chain() {
    for (HashBucket* chained = next(); chained != nullptr;) {
      HashBucket* following = chained->next();
      counted_free(chained, sizeof(HashBucket));
      chained = following;
    }
  }

  // Bit 8*(i+1)+7 is set for each used slot i whose tag is `wanted`.
  uint64_t matches(uint8_t wanted) const {
    constexpr uint64_t kLow7 = 0x7f7f7f7f7f7f7f7f;
    uint64_t word = 0;
    std::memcpy(&word, this, sizeof word);
    word ^= 0x0101010101010101ULL * wanted;
    const uint64_t zero_bytes = ~(((word & kLow7) + kLow7) | word | kLow7);
    // Spreads the presence bits to the same places.
    const uint64_t used = (present & 0x7fULL) * 0x0002040810204081ULL & 0x0101010101010101ULL;
    return zero_bytes & (used << 15);
  }
};

template <class Item>
struct BucketArray {
  static constexpr uint64_t kSegment = 4096;  // buckets: 256 KB
  using Bucket = HashBucket<Item>;
  static_assert(sizeof(Bucket) == 64);

  CountedVector<Bucket*> segments;
  uint64_t buckets = 0;

  uint64_t mask() const { return buckets - 1; }
  size_t segment_bytes() const { return sizeof(Bucket) * (buckets < kSegment ? buckets : kSegment); }
  void resize(uint64_t count) {
    buckets = count;
    segments.resize((count + kSegment - 1) / kSegment);
  }
  Bucket* at(uint64_t i) const {
    Bucket* segment = segments[i / kSegment];
    return segment == nullptr ? nullptr : segment + i % kSegment;
  }
  Bucket* touch(uint64_t i) {
    Bucket*& segment = segments[i / kSegment];
    if (segment == nullptr) {
      segment = static_cast<Bucket*>(counted_alloc(segment_bytes(), 64));
      std::memset(static_cast<void*>(segment), 0, segment_bytes());
    }
    return segment + i % kSegment;
  }
  void free_segment(size_t index) {
    Bucket* segment = std::exchange(segments[index], nullptr);
    if (segment == nullptr) return;
    for (uint64_t i = 0; i < segment_bytes() / sizeof(Bucket); ++i) segment[i].free_chain();
    counted_free(segment, segment_bytes());
  }
  void clear() {
    for (size_t i = 0; i < segments.size(); ++i) free_segment(i);
    CountedVector<Bucket*>().swap(segments);
    buckets = 0;
  }
};

}  // namespace compozy::redis
