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

int64_t Entry::deadline_ms() const {
  if (!has_deadline()) return -1;
  int64_t deadline = 0;
  std::memcpy(&deadline, payload(), sizeof deadline);
  return deadline;
}

void Entry::set_deadline(int64_t deadline_ms) { std::memcpy(payload(), &deadline_ms, sizeof deadline_ms); }

size_t Entry::key_size() const {
  if (embedded()) return sizes & 0xff;
  if (sizes != kLongKey) return sizes;
  uint32_t size = 0;
  std::memcpy(&size, payload() + long_size_offset(), sizeof size);
  return size;
}

std::string_view Entry::key() const { return {payload() + key_offset(), key_size()}; }

void* Entry::pointer() const {
  void* value = nullptr;
  std::memcpy(static_cast<void*>(&value), payload() + (has_deadline() ? 8 : 0), sizeof value);
  return value;
}

void Entry::set_pointer(void* value) {
  std::memcpy(payload() + (has_deadline() ? 8 : 0), static_cast<const void*>(&value), sizeof value);
}

char* Entry::value_bytes() { return payload() + key_offset() + key_size(); }

std::string_view Entry::string() const {
  if (embedded()) return {payload() + key_offset() + key_size(), value_size()};
  return value<LargeString>().text();
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
