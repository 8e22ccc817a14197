// SPDX-License-Identifier: Apache-2.0
#include "redis/keyspace/packed.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/assert.hpp"

namespace compozy::redis {

namespace {

constexpr uint32_t kShort = 253;  // the longest element with one-byte lengths
constexpr uint8_t kLong = 254;
constexpr uint32_t kListChunk = 8192;

uint32_t length_bytes(size_t size) { return size <= kShort ? 1 : 5; }

}  // namespace

void Packed::swap(Packed& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(begin_, other.begin_);
  std::swap(end_, other.end_);
  std::swap(capacity_, other.capacity_);
  const uint32_t count = count_;
  const uint32_t forwards = forwards_;
  count_ = other.count_;
  forwards_ = other.forwards_;
  other.count_ = count & 0x7fffffffU;
  other.forwards_ = forwards & 1U;
}

uint32_t Packed::footprint(size_t size) { return static_cast<uint32_t>(size) + 2 * length_bytes(size); }

uint32_t Packed::room_for(size_t size) const {
  return static_cast<uint32_t>(size) + (forwards_ != 0 ? 1 : 2) * length_bytes(size);
}

std::string_view Packed::get(uint32_t at) const {
  const auto lead = static_cast<uint8_t>(data_[at]);
  if (lead != kLong) return {data_ + at + 1, lead};
  uint32_t size = 0;
  std::memcpy(&size, data_ + at + 1, sizeof size);
  return {data_ + at + 5, size};
}

uint32_t Packed::next(uint32_t at) const { return at + room_for(get(at).size()); }

uint32_t Packed::previous(uint32_t at) const {
  ASSERT(forwards_ == 0);
  const auto last = static_cast<uint8_t>(data_[at - 1]);
  if (last != kLong) return at - footprint(last);
  uint32_t size = 0;
  std::memcpy(&size, data_ + at - 5, sizeof size);
  return at - footprint(size);
}

void Packed::reserve(uint32_t bytes, bool in_front) {
  counted_free(data_, capacity_);
  capacity_ = static_cast<uint32_t>(allocation_size(bytes));
  data_ = static_cast<char*>(counted_alloc(capacity_));
  begin_ = end_ = in_front ? capacity_ : 0;
}

// Makes room for `bytes` before `at` by moving the shorter side; returns where the room starts.
uint32_t Packed::open_gap(uint32_t at, uint32_t bytes) {
  const uint32_t before = at - begin_;
  const uint32_t after = end_ - at;
  if (before <= after && begin_ >= bytes) {
    std::memmove(data_ + begin_ - bytes, data_ + begin_, before);
    begin_ -= bytes;
    return at - bytes;
  }
  if (capacity_ - end_ >= bytes) {
    std::memmove(data_ + at + bytes, data_ + at, after);
    end_ += bytes;
    return at;
  }
  // A small buffer grows by half, a larger one to the allocator's next size (a quarter more at most), up to a list's
  // chunk size; one that takes elements in front keeps its spare room there.
  constexpr uint32_t kSmall = 128;
  const uint32_t needed = end_ - begin_ + bytes;
  uint32_t wanted = count_ == 0 || needed >= kSmall ? needed : needed + needed / 2;
  if (needed <= kListChunk) wanted = std::min(wanted, kListChunk);
  const auto capacity = static_cast<uint32_t>(allocation_size(wanted));
  char* data = static_cast<char*>(counted_alloc(capacity));
  const uint32_t begin = before < after ? capacity - needed : 0;
  if (before > 0) std::memcpy(data + begin, data_ + begin_, before);
  if (after > 0) std::memcpy(data + begin + before + bytes, data_ + at, after);
  counted_free(data_, capacity_);
  data_ = data;
  capacity_ = capacity;
  begin_ = begin;
  end_ = begin + needed;
  return begin + before;
}

uint32_t Packed::insert(uint32_t at, std::string_view value) {
  const uint32_t place = open_gap(at, room_for(value.size()));
  const auto size = static_cast<uint32_t>(value.size());
  char* p = data_ + place;
  if (size <= kShort) {
    *p++ = static_cast<char>(size);
  } else {
    *p++ = static_cast<char>(kLong);
    std::memcpy(p, &size, sizeof size);
    p += sizeof size;
  }
  if (size > 0) std::memcpy(p, value.data(), size);
  p += size;
  if (forwards_ != 0) {
    ++count_;
    return place;
  }
  if (size <= kShort) {
    *p = static_cast<char>(size);
  } else {
    std::memcpy(p, &size, sizeof size);
    p[4] = static_cast<char>(kLong);
  }
  ++count_;
  return place;
}

uint32_t Packed::erase(uint32_t at, uint32_t elements) {
  uint32_t stop = at;
  for (uint32_t i = 0; i < elements; ++i) stop = next(stop);
  count_ -= elements;
  const uint32_t gap = stop - at;
  if (at - begin_ < end_ - stop) {
    std::memmove(data_ + begin_ + gap, data_ + begin_, at - begin_);
    begin_ += gap;
    return stop;
  }
  std::memmove(data_ + at, data_ + stop, end_ - stop);
  end_ -= gap;
  return at;
}

uint32_t Packed::replace(uint32_t at, std::string_view value) {
  const std::string_view old = get(at);
  if (old.size() == value.size()) {
    if (!value.empty()) std::memcpy(data_ + (old.data() - data_), value.data(), value.size());
    return at;
  }
  return insert(erase(at), value);
}

void Packed::move_tail_to(uint32_t at, Packed& other) {
  const uint32_t stop = end_;
  uint32_t moved = 0;
  for (uint32_t p = at; p < stop; p = next(p)) {
    other.push_back(get(p));
    ++moved;
  }
  end_ = at;
  count_ -= moved;
}

}  // namespace compozy::redis
