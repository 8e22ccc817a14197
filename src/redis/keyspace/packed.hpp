// SPDX-License-Identifier: Apache-2.0
//
// Packed: a sequence of byte strings in one buffer, with room at both ends. Lists are rings of them, walkable both
// ways: two bytes of overhead for an element below 254 bytes. Small hashes are one (field, value, field, value …),
// walkable forwards only: one byte.
//
//   element = length, bytes, and both ways: length again; a length is one byte, or 254 and four bytes (mirrored at the
//   end)
//
// Positions are byte offsets; end() is one past the last. Any change invalidates positions behind it.
#pragma once

#include <cstdint>
#include <string_view>

#include "redis/keyspace/memory.hpp"

namespace compozy::redis {

class Packed {
 public:
  enum class Walk : uint8_t { both_ways, forwards };

  explicit Packed(Walk walk = Walk::both_ways) : count_(0), forwards_(walk == Walk::forwards) {}
  ~Packed() { counted_free(data_, capacity_); }
  Packed(const Packed&) = delete;
  Packed& operator=(const Packed&) = delete;
  Packed(Packed&& other) noexcept : Packed() { swap(other); }
  Packed& operator=(Packed&& other) noexcept {
    swap(other);
    return *this;
  }
  void swap(Packed& other) noexcept;

  uint32_t count() const { return count_; }
  uint32_t bytes() const { return end_ - begin_; }
  static uint32_t footprint(size_t size);  // of one element, both ways

  uint32_t begin() const { return begin_; }
  uint32_t end() const { return end_; }
  uint32_t next(uint32_t at) const;
  uint32_t previous(uint32_t at) const;  // at > begin(); both ways only
  std::string_view get(uint32_t at) const;

  // Takes room for this many bytes now, at the end where elements will come. It must be empty.
  void reserve(uint32_t bytes, bool in_front);

  void push_back(std::string_view value) { insert(end_, value); }
  void push_front(std::string_view value) { insert(begin_, value); }
  uint32_t insert(uint32_t at, std::string_view value);  // before `at`; returns where it stands
  uint32_t erase(uint32_t at, uint32_t elements = 1);    // returns the position of what followed
  uint32_t replace(uint32_t at, std::string_view value);
  void move_tail_to(uint32_t at, Packed& other);  // everything from `at` on goes to the end of `other`

 private:
  uint32_t open_gap(uint32_t at, uint32_t bytes);
  uint32_t room_for(size_t size) const;

  char* data_ = nullptr;
  uint32_t begin_ = 0;
  uint32_t end_ = 0;
  uint32_t capacity_ = 0;
  uint32_t count_ : 31;
  uint32_t forwards_ : 1;
};

}  // namespace compozy::redis
