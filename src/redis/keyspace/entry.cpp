// SPDX-License-Identifier: Apache-2.0
#include "redis/keyspace/entry.hpp"

#include <array>
#include <cstring>

#include "redis/keyspace/hash_value.hpp"
#include "redis/keyspace/list_value.hpp"
#include "redis/keyspace/set_value.hpp"
#include "redis/keyspace/stream_value.hpp"
#include "redis/keyspace/zset_value.hpp"

namespace compozy::redis {

std::string_view type_name(Type type) {
  constexpr std::array<std::string_view, 6> kNames{"string", "list", "set", "zset", "hash", "stream"};
  return kNames[static_cast<size_t>(type)];
}

size_t Entry::footprint() const { return sizeof(Entry) + key_offset() + key_size() + value_size(); }

Entry* Entry::make(std::string_view key, Type type, bool deadline, bool embedded, size_t value_size) {
  const bool long_key = !embedded && key.size() >= kLongKey;
  const size_t size =
      sizeof(Entry) + (deadline ? 8 : 0) + (embedded ? value_size : 8) + (long_key ? 4 : 0) + key.size();
  auto* entry = static_cast<Entry*>(counted_alloc(size));
  entry->lru = 0;
  entry->epoch = 0;
  entry->type = type;
  entry->flags = static_cast<uint8_t>((deadline ? kHasDeadline : 0) | (embedded ? kEmbedded : 0));
  entry->sizes = static_cast<uint16_t>(embedded ? key.size() | value_size << 8 : long_key ? kLongKey : key.size());
  if (long_key) {
    const auto long_size = static_cast<uint32_t>(key.size());
    std::memcpy(entry->payload() + entry->long_size_offset(), &long_size, sizeof long_size);
  }
  if (!key.empty()) std::memcpy(entry->payload() + entry->key_offset(), key.data(), key.size());
  return entry;
}

void Entry::free_shell(Entry* entry) { counted_free(entry, entry->footprint()); }

void Entry::free(Entry* entry) {
  if (!entry->embedded()) free_value(entry->type, entry->pointer());
  free_shell(entry);
}

LargeString* make_large_string(size_t size, size_t capacity) {
  auto* string = static_cast<LargeString*>(counted_alloc(sizeof(LargeString) + capacity));
  string->size = size;
  string->capacity = capacity;
  return string;
}

void free_large_string(LargeString* string) { counted_free(string, sizeof(LargeString) + string->capacity); }

void free_value(Type type, void* value) {
  switch (type) {
    case Type::string: free_large_string(static_cast<LargeString*>(value)); return;
    case Type::list: counted_delete(static_cast<ListValue*>(value)); return;
    case Type::hash: counted_delete(static_cast<HashValue*>(value)); return;
    case Type::set: counted_delete(static_cast<SetValue*>(value)); return;
    case Type::zset: counted_delete(static_cast<ZSetValue*>(value)); return;
    case Type::stream: counted_delete(static_cast<StreamValue*>(value)); return;
  }
}

}  // namespace compozy::redis
