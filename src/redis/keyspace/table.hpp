// SPDX-License-Identifier: Apache-2.0
//
// Table: the hash table of the keyspace, of large hashes, sets and sorted sets. A bucket is one cache line: 7 tags of
// one byte and 7 pointers; a full bucket chains to an overflow bucket. Growing and shrinking is incremental: a key has
// exactly one home (an old bucket below the cursor has moved to the new array), writes move one bucket each, and no
// step touches more than one segment of 256 KB. Segments are allocated on first touch and freed as they drain.
//
// scan() walks buckets by a reverse-binary cursor, so an element present from the first call to the last is returned
// at least once, however often the table is resized meanwhile.
//
// Traits: `using Item`, `static std::string_view key(const Item&)`. The table does not own its items.
// Thread: as the keyspace. Pointers to slots are valid until the next insert, erase or rehash step.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <utility>

#include "base/random.hpp"
#include "redis/keyspace/buckets.hpp"
#include "redis/keyspace/table_hash.hpp"

namespace compozy::redis {

template <class Traits>
class Table {
 public:
  using Item = typename Traits::Item;

  Table() = default;
  Table(const Table&) = delete;
  Table& operator=(const Table&) = delete;
  Table(Table&& other) noexcept { swap(other); }
  Table& operator=(Table&& other) noexcept {
    swap(other);
    return *this;
  }
  ~Table() { clear(); }

  void swap(Table& other) noexcept {
    std::swap(arrays_, other.arrays_);
    std::swap(size_, other.size_);
    std::swap(cursor_, other.cursor_);
    std::swap(rehashing_, other.rehashing_);
  }

  size_t size() const { return size_; }
  bool rehashing() const { return rehashing_; }
  size_t buckets() const { return arrays_[0].buckets + (rehashing_ ? arrays_[1].buckets : 0); }

  Item* find(uint64_t hash, std::string_view key) const {
    Item** slot = find_slot(hash, key);
    return slot == nullptr ? nullptr : *slot;
  }
  Item* find(std::string_view key) const { return size_ == 0 ? nullptr : find(table_hash(key), key); }

  // Where the item's pointer stands: a caller that reallocates the item stores the new pointer there.
  Item** find_slot(uint64_t hash, std::string_view key) const {
    if (size_ == 0) return nullptr;
    for (Bucket* bucket = home(hash); bucket != nullptr; bucket = bucket->next()) {
      for (uint64_t hits = bucket->matches(tag(hash)); hits != 0; hits &= hits - 1) {
        const int at = std::countr_zero(hits) / 8 - 1;
        if (Traits::key(*bucket->slots[at].item) == key) return &bucket->slots[at].item;
      }
    }
    return nullptr;
  }

  // Fetches the bucket into the cache; then, once it is there, the items in it that the hash may mean.
  void prefetch(uint64_t hash) const {
    if (size_ != 0) __builtin_prefetch(home(hash));
  }
  void prefetch_item(uint64_t hash) const {
    const Bucket* bucket = size_ == 0 ? nullptr : home(hash);
    if (bucket == nullptr) return;
    for (uint64_t hits = bucket->matches(tag(hash)); hits != 0; hits &= hits - 1) {
      __builtin_prefetch(bucket->slots[std::countr_zero(hits) / 8 - 1].item);
    }
  }

  // The key must be absent.
  void insert(uint64_t hash, Item* item) {
    step();
    if (arrays_[0].buckets == 0) arrays_[0].resize(1);
    if (!rehashing_ && size_ >= arrays_[0].buckets * kFill) start_rehash(arrays_[0].buckets * 2);
    put(hash, item);
    ++size_;
  }

  // Returns the removed item, or nullptr.
  Item* erase(uint64_t hash, std::string_view key) {
    if (size_ == 0) return nullptr;
    step(4);  // A shrinking table is through before it is empty.
    Bucket* previous = nullptr;
    for (Bucket* bucket = home(hash); bucket != nullptr; previous = bucket, bucket = bucket->next()) {
      for (uint64_t hits = bucket->matches(tag(hash)); hits != 0; hits &= hits - 1) {
        const int at = std::countr_zero(hits) / 8 - 1;
        Item* item = bucket->slots[at].item;
        if (Traits::key(*item) != key) continue;
        bucket->present = static_cast<uint8_t>(bucket->present & ~(1U << at));
        if (previous != nullptr && bucket->count() == 0) previous->unlink(bucket);
        if (--size_ == 0) clear();
        shrink_if_sparse();
        return item;
      }
    }
    return nullptr;
  }

  // Moves up to `count` buckets; returns whether a rehash is still going on. For writes and for maintenance.
  bool step(size_t count = 1) {
    if (!rehashing_) return false;
    while (count-- > 0) {
      move_bucket(cursor_);
      if (++cursor_ % kSegment == 0) arrays_[0].free_segment(cursor_ / kSegment - 1);
      if (cursor_ == arrays_[0].buckets) {
        arrays_[0].clear();
        arrays_[0] = std::exchange(arrays_[1], Array{});
        rehashing_ = false;
        return false;
      }
    }
    return true;
  }

  // `use(item)` must not change the table.
  template <class Use>
  void for_each(Use use) const {
    for (const Array& array : arrays_) {
      for (uint64_t i = 0; i < array.buckets; ++i) visit(array.at(i), use);
    }
  }

  // Visits one bucket (and its expansions while rehashing); returns the next cursor, 0 at the end.
  template <class Use>
  uint64_t scan(uint64_t cursor, Use use) const {
    if (size_ == 0) return 0;
    if (!rehashing_) {
      visit(arrays_[0].at(cursor & arrays_[0].mask()), use);
      return next_cursor(cursor, arrays_[0].mask());
    }
    const bool grows = arrays_[0].buckets < arrays_[1].buckets;
    const Array& small = arrays_[grows ? 0 : 1];
    const Array& large = arrays_[grows ? 1 : 0];
    visit(small.at(cursor & small.mask()), use);
    do {
      visit(large.at(cursor & large.mask()), use);
      cursor = next_cursor(cursor, large.mask());
    } while ((cursor & (small.mask() ^ large.mask())) != 0);
    return cursor;
  }

  // A random item; nearly uniform: a random bucket that is not empty, then a random item of its chain.
  Item* random(Random& random) const {
    if (size_ == 0) return nullptr;
    while (true) {
      const uint64_t at = random.below(buckets());
      const bool second = at >= arrays_[0].buckets;
      const Bucket* bucket = arrays_[second ? 1 : 0].at(second ? at - arrays_[0].buckets : at);
      size_t count = 0;
      visit(bucket, [&count](Item&) { ++count; });
      // Accepting a bucket in proportion to its fill makes every item equally likely.
      if (count == 0 || random.below(14) >= count) continue;
      size_t chosen = random.below(count);
      Item* result = nullptr;
      visit(bucket, [&](Item& item) {
        if (chosen-- == 0) result = &item;
      });
      return result;
    }
  }

  // Forgets all items; the caller has freed them.
  void clear() {
    arrays_[0].clear();
    arrays_[1].clear();
    size_ = 0;
    cursor_ = 0;
    rehashing_ = false;
  }

 private:
  static constexpr uint64_t kFill = 6;  // items per bucket before the table doubles

  using Bucket = HashBucket<Item>;
  using Array = BucketArray<Item>;
  static constexpr uint64_t kSegment = Array::kSegment;

  static uint8_t tag(uint64_t hash) { return static_cast<uint8_t>(hash >> 56); }

  static uint64_t reverse(uint64_t v) { return __builtin_bitreverse64(v); }

  static uint64_t next_cursor(uint64_t cursor, uint64_t mask) {
    cursor |= ~mask;
    return reverse(reverse(cursor) + 1);
  }

  Array& home_array(uint64_t hash) { return arrays_[rehashing_ && (hash & arrays_[0].mask()) < cursor_ ? 1 : 0]; }

  Bucket* home(uint64_t hash) const {
    const Array& array = arrays_[rehashing_ && (hash & arrays_[0].mask()) < cursor_ ? 1 : 0];
    return array.at(hash & array.mask());
  }

  void put(uint64_t hash, Item* item) {
    Array& array = home_array(hash);
    array.touch(hash & array.mask())->add(tag(hash), item);
  }

  template <class Use>
  static void visit(const Bucket* bucket, Use&& use) {
    if (bucket != nullptr) bucket->visit(use);
  }

  void start_rehash(uint64_t buckets) {
    arrays_[1].resize(buckets);
    rehashing_ = true;
    cursor_ = 0;
    if (arrays_[0].buckets <= 4) step(arrays_[0].buckets);  // Small tables move at once.
  }

  void shrink_if_sparse() {
    if (rehashing_ || arrays_[0].buckets <= 4 || size_ * 2 >= arrays_[0].buckets) return;
    start_rehash(std::bit_ceil(size_ / 3 + 1));
  }

  void move_bucket(uint64_t index) {
    Bucket* first = arrays_[0].at(index);
    if (first == nullptr) return;
    ++cursor_;  // From here on the bucket's keys have their home in the new array.
    visit(first, [this](Item& item) { put(table_hash(Traits::key(item)), &item); });
    --cursor_;
    first->free_chain();
    first->present = 0;
  }

  Array arrays_[2];
  size_t size_ = 0;
  uint64_t cursor_ = 0;
  bool rehashing_ = false;
};

}  // namespace compozy::redis
