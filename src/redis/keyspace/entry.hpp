// SPDX-License-Identifier: Apache-2.0
//
// Entry: one key of a database in one allocation: header, [deadline], [value pointer], [size of a long key], key,
// [small string].
// A string value stands inside the entry while the whole is at most kEmbeddedMax bytes; larger strings and all other
// types are behind a pointer. The epoch byte and the two LRU/LFU readings share one word.
//
// Only Database makes, moves and frees entries: adding a deadline or changing a small string moves the entry.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

#include "redis/keyspace/memory.hpp"

namespace compozy::redis {

class ListValue;
class HashValue;
class SetValue;
class ZSetValue;
class StreamValue;

enum class Type : uint8_t { string, list, set, zset, hash, stream };

std::string_view type_name(Type type);

struct LargeString {
  size_t size;
  size_t capacity;

  char* bytes() { return reinterpret_cast<char*>(this + 1); }
  std::string_view text() const { return {reinterpret_cast<const char*>(this + 1), size}; }
};

struct Entry {
  static constexpr size_t kEmbeddedMax = 192;
  static constexpr uint8_t kHasDeadline = 1;
  static constexpr uint8_t kEmbedded = 2;
  static constexpr uint8_t kRaw = 4;         // a string that APPEND or SETRANGE wrote: OBJECT ENCODING says "raw"
  static constexpr uint8_t kNotInteger = 8;  // a string that INCRBYFLOAT wrote: never "int"
  static constexpr uint8_t kEncoding = kRaw | kNotInteger;

  uint32_t lru : 24;
  uint32_t epoch : 8;
  Type type;
  uint8_t flags;
  // Embedded: the key's size, and the value's in the upper byte. Otherwise the key's; kLongKey: it stands in the
  // payload.
  uint16_t sizes;

  bool has_deadline() const { return (flags & kHasDeadline) != 0; }
  bool embedded() const { return (flags & kEmbedded) != 0; }
  int64_t deadline_ms() const { return has_deadline() ? load<int64_t>(0) : -1; }  // -1: none
  size_t key_size() const {
    if (embedded()) return sizes & 0xff;
    return sizes != kLongKey ? sizes : load<uint32_t>(long_size_offset());
  }
  size_t value_size() const { return embedded() ? sizes >> 8 : 0; }  // of an embedded string
  std::string_view key() const { return {payload() + key_offset(), key_size()}; }
  std::string_view string() const {  // type must be string
    if (embedded()) return {payload() + key_offset() + key_size(), value_size()};
    return value<LargeString>().text();
  }

  template <class V>
  V& value() const {
    return *static_cast<V*>(pointer());
  }

  void* pointer() const { return load<void*>(has_deadline() ? 8 : 0); }
  void set_pointer(void* value) { store(has_deadline() ? 8 : 0, value); }
  void set_deadline(int64_t deadline_ms) { store(0, deadline_ms); }
  char* value_bytes() { return payload() + key_offset() + key_size(); }  // of an embedded string
  size_t footprint() const;

  // A new entry with an uninitialised value part.
  static Entry* make(std::string_view key, Type type, bool deadline, bool embedded, size_t value_size);
  static void free(Entry* entry);        // with its value
  static void free_shell(Entry* entry);  // without it

 private:
  const char* payload() const { return reinterpret_cast<const char*>(this + 1); }
  char* payload() { return reinterpret_cast<char*>(this + 1); }
  template <class T>
  T load(size_t offset) const {
    T result;
    std::memcpy(static_cast<void*>(&result), payload() + offset, sizeof result);
    return result;
  }
  template <class T>
  void store(size_t offset, T stored) {
    std::memcpy(payload() + offset, static_cast<const void*>(&stored), sizeof stored);
  }
  static constexpr uint16_t kLongKey = 0xffff;
  bool has_long_key() const { return !embedded() && sizes == kLongKey; }
  size_t long_size_offset() const { return (has_deadline() ? 8 : 0) + 8; }
  size_t key_offset() const { return (has_deadline() ? 8 : 0) + (embedded() ? 0 : 8) + (has_long_key() ? 4 : 0); }
};
static_assert(sizeof(Entry) == 8);

LargeString* make_large_string(size_t size, size_t capacity);
void free_large_string(LargeString* string);
// Frees a value that is not embedded.
void free_value(Type type, void* value);

}  // namespace compozy::redis
