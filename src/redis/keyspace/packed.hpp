// SPDX-License-Identifier: Apache-2.0
//
// Packed: a sequence of byte strings in one allocation, a head of 16 bytes and a buffer with room at both ends. Lists
// are rings of them, walkable both ways: two bytes of overhead for an element below 254 bytes. Small hashes are one
// (field, value, field, value …), walkable forwards only: one byte. The object itself is one pointer: an empty sequence
// points to a head that all empty ones share and none writes.
//
//   element = length, bytes, and both ways: length again; a length is one byte, or 254 and four bytes (mirrored at the
//   end)
//
// Positions are byte offsets; end() is one past the last. Any change invalidates positions behind it.
#pragma once

#include <cstdint>
#include <string_view>
#include <utility>

#include "redis/keyspace/memory.hpp"

namespace compozy::redis {

class Packed {
 public:
  enum class Walk : uint8_t { both_ways, forwards };

  static constexpr uint32_t kHeadBytes = 16;
  static constexpr uint32_t kListChunk = 8192 - kHeadBytes;  // of a list; with the head one of the allocator's sizes

  explicit Packed(Walk walk = Walk::both_ways) : head_(empty(walk)) {}
  ~Packed() { release(); }
  Packed(const Packed&) = delete;
  Packed& operator=(const Packed&) = delete;
  Packed(Packed&& other) noexcept : head_(std::exchange(other.head_, empty(Walk::both_ways))) {}
  Packed& operator=(Packed&& other) noexcept {
    std::swap(head_, other.head_);
    return *this;
  }

  uint32_t count() const { return head_->count; }
  uint32_t bytes() const { return head_->end - head_->begin; }
  static uint32_t footprint(size_t size);  // of one element, both ways

  uint32_t begin() const { return head_->begin; }
  uint32_t end() const { return head_->end; }
  uint32_t next(uint32_t at) const;
  uint32_t previous(uint32_t at) const;  // at > begin(); both ways only
  std::string_view get(uint32_t at) const;

  // Takes room for this many bytes now, at the end where elements will come. It must be empty.
  void reserve(uint32_t bytes, bool in_front);

  void push_back(std::string_view value) { insert(end(), value); }
  void push_front(std::string_view value) { insert(begin(), value); }
  uint32_t insert(uint32_t at, std::string_view value);  // before `at`; returns where it stands
  uint32_t erase(uint32_t at, uint32_t elements = 1);    // returns the position of what followed
  uint32_t replace(uint32_t at, std::string_view value);
  void move_tail_to(uint32_t at, Packed& other);  // everything from `at` on goes to the end of `other`

 private:
  struct Head {
    uint32_t begin;
    uint32_t end;
    uint32_t capacity;  // of the buffer behind the head; 0: the shared head of empty sequences
    uint32_t count : 31;
    uint32_t forwards : 1;
  };
  static_assert(sizeof(Head) == kHeadBytes);

  static Head* empty(Walk walk);
  static Head* make(uint32_t bytes, const Head& like);  // with room for at least these
  void release();
  char* data() const { return reinterpret_cast<char*>(head_ + 1); }
  uint32_t open_gap(uint32_t at, uint32_t bytes);
  uint32_t room_for(size_t size) const;

  Head* head_;
};

}  // namespace compozy::redis
