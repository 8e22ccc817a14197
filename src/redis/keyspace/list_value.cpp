// SPDX-License-Identifier: Apache-2.0
#include "redis/keyspace/list_value.hpp"

#include <algorithm>
#include <utility>

namespace compozy::redis {

void ListValue::insert_chunk(size_t index, Packed chunk) {
  if (index == first_) {
    if (first_ == 0) {
      // Room in front grows with the ring, so that pushing is O(1) on average.
      const size_t room = chunks_.size() / 2 + (chunks_.empty() ? 0 : 1);
      chunks_.resize(chunks_.size() + room);
      std::rotate(chunks_.begin(), chunks_.end() - static_cast<ptrdiff_t>(room), chunks_.end());
      first_ = room;
    }
    if (first_ > 0) {
      chunks_[--first_] = std::move(chunk);
      return;
    }
    index = 0;
  }
  chunks_.insert(chunks_.begin() + static_cast<ptrdiff_t>(index), std::move(chunk));
}

void ListValue::drop_chunk(size_t index) {
  if (index == first_) {
    chunks_[first_++] = Packed();
    if (first_ > 16 && first_ > chunks_.size() * 3 / 4) {
      chunks_.erase(chunks_.begin(), chunks_.begin() + static_cast<ptrdiff_t>(first_));
      first_ = 0;
    }
  } else {
    chunks_.erase(chunks_.begin() + static_cast<ptrdiff_t>(index));
  }
}

// A chunk for pushes. Small lists let it grow; in a large one it will be filled most of the time, so it is whole at
// once.
Packed ListValue::new_chunk(bool in_front, size_t bytes) const {
  constexpr size_t kLargeChunks = 32;
  Packed chunk;
  if (chunks_.size() - first_ >= kLargeChunks && bytes <= Packed::kListChunk / 2)
    chunk.reserve(Packed::kListChunk, in_front);
  return chunk;
}

void ListValue::push_front(std::string_view value) {
  if (size_ == 0 || !fits(chunks_[first_], value.size())) insert_chunk(first_, new_chunk(true, value.size()));
  chunks_[first_].push_front(value);
  ++size_;
}

void ListValue::push_back(std::string_view value) {
  if (size_ == 0 || !fits(chunks_.back(), value.size())) chunks_.push_back(new_chunk(false, value.size()));
  chunks_.back().push_back(value);
  ++size_;
}

std::string_view ListValue::back() const { return chunks_.back().get(chunks_.back().previous(chunks_.back().end())); }

void ListValue::pop_front() {
  Packed& chunk = chunks_[first_];
  chunk.erase(chunk.begin());
  --size_;
  if (chunk.count() == 0) drop_chunk(first_);
}

void ListValue::pop_back() {
  Packed& chunk = chunks_.back();
  chunk.erase(chunk.previous(chunk.end()));
  --size_;
  if (chunk.count() == 0) drop_chunk(chunks_.size() - 1);
}

ListValue::Cursor ListValue::locate(size_t index) const {
  if (index >= size_ / 2) {
    size_t from_end = size_ - index;  // 1 is the last element
    size_t chunk = chunks_.size() - 1;
    while (from_end > chunks_[chunk].count()) from_end -= chunks_[chunk--].count();
    uint32_t at = chunks_[chunk].end();
    for (; from_end > 0; --from_end) at = chunks_[chunk].previous(at);
    return {chunk, at};
  }
  size_t chunk = first_;
  while (index >= chunks_[chunk].count()) index -= chunks_[chunk++].count();
  uint32_t at = chunks_[chunk].begin();
  for (; index > 0; --index) at = chunks_[chunk].next(at);
  return {chunk, at};
}

bool ListValue::advance(Cursor& cursor) const {
  cursor.at = chunks_[cursor.chunk].next(cursor.at);
  if (cursor.at < chunks_[cursor.chunk].end()) return true;
  if (cursor.chunk + 1 == chunks_.size()) return false;
  cursor = {cursor.chunk + 1, chunks_[cursor.chunk + 1].begin()};
  return true;
}

bool ListValue::retreat(Cursor& cursor) const {
  if (cursor.at == chunks_[cursor.chunk].begin()) {
    if (cursor.chunk == first_) return false;
    cursor = {cursor.chunk - 1, chunks_[cursor.chunk - 1].end()};
  }
  cursor.at = chunks_[cursor.chunk].previous(cursor.at);
  return true;
}

void ListValue::set(size_t index, std::string_view value) {
  const Cursor cursor = locate(index);
  chunks_[cursor.chunk].replace(cursor.at, value);
}

void ListValue::insert(size_t index, std::string_view value) {
  if (index == 0) return push_front(value);
  if (index == size_) return push_back(value);
  const Cursor cursor = locate(index);
  ++size_;
  if (fits(chunks_[cursor.chunk], value.size())) {
    chunks_[cursor.chunk].insert(cursor.at, value);
    return;
  }
  // The chunk is full: what follows the place moves to a chunk of its own.
  Packed tail;
  chunks_[cursor.chunk].move_tail_to(cursor.at, tail);
  insert_chunk(cursor.chunk + 1, std::move(tail));
  Packed& chunk = chunks_[cursor.chunk];
  if (fits(chunk, value.size())) {
    chunk.push_back(value);
    return;
  }
  Packed own;
  own.push_back(value);
  insert_chunk(cursor.chunk + 1, std::move(own));
}

void ListValue::erase(size_t index, size_t count) {
  count = std::min(count, size_ - index);
  size_ -= count;
  if (count == 0) return;
  size_t chunk = first_;
  while (index >= chunks_[chunk].count()) index -= chunks_[chunk++].count();
  while (count > 0) {
    Packed& packed = chunks_[chunk];
    const auto here = static_cast<uint32_t>(std::min<size_t>(count, packed.count() - index));
    count -= here;
    if (here == packed.count()) {
      const bool was_first = chunk == first_;
      drop_chunk(chunk);
      if (was_first) chunk = first_;
    } else {
      uint32_t at = packed.begin();
      for (size_t i = 0; i < index; ++i) at = packed.next(at);
      packed.erase(at, here);
      ++chunk;
    }
    index = 0;
  }
}

size_t ListValue::remove(std::string_view value, size_t count, bool backwards) {
  size_t removed = 0;
  const auto enough = [&] { return count != 0 && removed == count; };
  // Chunk by chunk; `left` counts from the side the walk comes from, so dropping a chunk does not disturb it.
  for (size_t left = chunks_.size() - first_; left > 0 && !enough(); --left) {
    const size_t index = backwards ? first_ + left - 1 : chunks_.size() - left;
    Packed& chunk = chunks_[index];
    if (backwards) {
      for (uint32_t at = chunk.end(); at > chunk.begin() && !enough();) {
        at = chunk.previous(at);
        if (chunk.get(at) != value) continue;
        at = chunk.erase(at);
        ++removed;
      }
    } else {
      for (uint32_t at = chunk.begin(); at < chunk.end() && !enough();) {
        if (chunk.get(at) == value) {
          at = chunk.erase(at);
          ++removed;
        } else {
          at = chunk.next(at);
        }
      }
    }
    if (chunk.count() == 0) drop_chunk(index);
  }
  size_ -= removed;
  return removed;
}

}  // namespace compozy::redis
