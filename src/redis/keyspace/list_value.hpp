// SPDX-License-Identifier: Apache-2.0
//
// ListValue: a list as a ring of chunks of at most 8 KB (one larger element has a chunk of its own). Both ends are
// O(1), an index costs one step per chunk, an insert or removal moves at most one chunk. Redis calls this a quicklist.
#pragma once

#include <cstdint>
#include <string_view>

#include "redis/keyspace/memory.hpp"
#include "redis/keyspace/packed.hpp"

namespace compozy::redis {

class ListValue {
 public:
  ListValue() = default;
  ListValue(const ListValue&) = delete;
  ListValue& operator=(const ListValue&) = delete;

  // A place in the list. Any change of the list invalidates it unless the change returned it.
  struct Cursor {
    size_t chunk = 0;
    uint32_t at = 0;
  };

  size_t size() const { return size_; }
  void push_front(std::string_view value);
  void push_back(std::string_view value);
  std::string_view front() const { return get(Cursor{.chunk = first_, .at = chunks_[first_].begin()}); }
  std::string_view back() const;
  void pop_front();
  void pop_back();

  Cursor locate(size_t index) const;  // index < size()
  std::string_view get(Cursor cursor) const { return chunks_[cursor.chunk].get(cursor.at); }
  std::string_view at(size_t index) const { return get(locate(index)); }
  bool advance(Cursor& cursor) const;  // false at the end
  bool retreat(Cursor& cursor) const;

  void set(size_t index, std::string_view value);
  void insert(size_t index, std::string_view value);  // before the element at index; index <= size()
  void erase(size_t index, size_t count);
  // Removes up to `count` equal elements (0: all), from the tail when backwards; returns how many.
  size_t remove(std::string_view value, size_t count, bool backwards);

 private:
  static bool fits(const Packed& chunk, size_t size) {
    return chunk.count() == 0 || chunk.bytes() + Packed::footprint(size) <= Packed::kListChunk;
  }
  Packed new_chunk(bool in_front, size_t bytes) const;
  void drop_chunk(size_t index);
  void insert_chunk(size_t index, Packed chunk);

  CountedVector<Packed> chunks_;
  size_t first_ = 0;  // chunks_[0, first_) is room for pushes in front
  size_t size_ = 0;
};

}  // namespace compozy::redis
