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

uint32_t length_bytes(size_t size) { return size <= kShort ? 1 : 5; }

}  // namespace

Packed::Head* Packed::empty(Walk walk) {
  static Head both_ways{};
  static Head forwards{.begin = 0, .end = 0, .capacity = 0, .count = 0, .forwards = 1};
  return walk == Walk::forwards ? &forwards : &both_ways;
}

Packed::Head* Packed::make(uint32_t bytes, const Head& like) {
  const auto size = static_cast<uint32_t>(allocation_size(kHeadBytes + bytes));
  auto* head = static_cast<Head*>(counted_alloc(size));
  *head = like;
  head->capacity = size - kHeadBytes;
  return head;
}

void Packed::release() {
  if (head_->capacity > 0) counted_free(head_, kHeadBytes + head_->capacity);
}

uint32_t Packed::footprint(size_t size) { return static_cast<uint32_t>(size) + 2 * length_bytes(size); }

uint32_t Packed::room_for(size_t size) const {
  return static_cast<uint32_t>(size) + (head_->forwards != 0 ? 1 : 2) * length_bytes(size);
}

std::string_view Packed::get(uint32_t at) const {
  const auto lead = static_cast<uint8_t>(data()[at]);
  if (lead != kLong) return {data() + at + 1, lead};
  uint32_t size = 0;
  std::memcpy(&size, data() + at + 1, sizeof size);
  return {data() + at + 5, size};
}

uint32_t Packed::next(uint32_t at) const { return at + room_for(get(at).size()); }

uint32_t Packed::previous(uint32_t at) const {
  ASSERT(head_->forwards == 0);
  const auto last = static_cast<uint8_t>(data()[at - 1]);
  if (last != kLong) return at - footprint(last);
  uint32_t size = 0;
  std::memcpy(&size, data() + at - 5, sizeof size);
  return at - footprint(size);
}

void Packed::reserve(uint32_t bytes, bool in_front) {
  Head* head = make(bytes, *head_);
  release();
  head_ = head;
  head->begin = head->end = in_front ? head->capacity : 0;
}

// Makes room for `bytes` before `at` by moving the shorter side; returns where the room starts.
uint32_t Packed::open_gap(uint32_t at, uint32_t bytes) {
  const Head& old = *head_;
  const uint32_t before = at - old.begin;
  const uint32_t after = old.end - at;
  if (before <= after && old.begin >= bytes) {
    std::memmove(data() + old.begin - bytes, data() + old.begin, before);
    head_->begin -= bytes;
    return at - bytes;
  }
  if (old.capacity - old.end >= bytes) {
    std::memmove(data() + at + bytes, data() + at, after);
    head_->end += bytes;
    return at;
  }
  // A small buffer grows by half, a larger one to the allocator's next size (a quarter more at most), up to a list's
  // chunk size; one that takes elements in front keeps its spare room there.
  constexpr uint32_t kSmall = 128;
  const uint32_t needed = old.end - old.begin + bytes;
  uint32_t wanted = old.count == 0 || needed >= kSmall ? needed : needed + needed / 2;
  if (needed <= kListChunk) wanted = std::min(wanted, kListChunk);
  Head* head = make(wanted, old);
  char* to = reinterpret_cast<char*>(head + 1);
  const uint32_t begin = before < after ? head->capacity - needed : 0;
  if (before > 0) std::memcpy(to + begin, data() + old.begin, before);
  if (after > 0) std::memcpy(to + begin + before + bytes, data() + at, after);
  head->begin = begin;
  head->end = begin + needed;
  release();
  head_ = head;
  return begin + before;
}

uint32_t Packed::insert(uint32_t at, std::string_view value) {
  const uint32_t place = open_gap(at, room_for(value.size()));
  const auto size = static_cast<uint32_t>(value.size());
  char* p = data() + place;
  if (size <= kShort) {
    *p++ = static_cast<char>(size);
  } else {
    *p++ = static_cast<char>(kLong);
    std::memcpy(p, &size, sizeof size);
    p += sizeof size;
  }
  if (size > 0) std::memcpy(p, value.data(), size);
  p += size;
  if (head_->forwards != 0) {
    ++head_->count;
    return place;
  }
  if (size <= kShort) {
    *p = static_cast<char>(size);
  } else {
    std::memcpy(p, &size, sizeof size);
    p[4] = static_cast<char>(kLong);
  }
  ++head_->count;
  return place;
}

uint32_t Packed::erase(uint32_t at, uint32_t elements) {
  uint32_t stop = at;
  for (uint32_t i = 0; i < elements; ++i) stop = next(stop);
  head_->count -= elements;
  const uint32_t gap = stop - at;
  if (at - head_->begin < head_->end - stop) {
    std::memmove(data() + head_->begin + gap, data() + head_->begin, at - head_->begin);
    head_->begin += gap;
    return stop;
  }
  std::memmove(data() + at, data() + stop, head_->end - stop);
  head_->end -= gap;
  return at;
}

uint32_t Packed::replace(uint32_t at, std::string_view value) {
  const std::string_view old = get(at);
  if (old.size() == value.size()) {
    if (!value.empty()) std::memcpy(data() + (old.data() - data()), value.data(), value.size());
    return at;
  }
  return insert(erase(at), value);
}

void Packed::move_tail_to(uint32_t at, Packed& other) {
  const uint32_t stop = head_->end;
  uint32_t moved = 0;
  for (uint32_t p = at; p < stop; p = next(p)) {
    other.push_back(get(p));
    ++moved;
  }
  head_->end = at;
  head_->count -= moved;
}

}  // namespace compozy::redis
