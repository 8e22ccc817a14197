// SPDX-License-Identifier: Apache-2.0
//
// Values to RDB and back. Written: the types of Redis 7.0 (RDB version 10). Read: those of all versions since 2.4 but
// modules. What comes from outside is checked in full: no bytes lead to a value that breaks its own rules.
//
// Thread: whoever holds the engine's gate; values are allocated from its account.
#pragma once

#include <optional>
#include <string>

#include "redis/keyspace/keyspace.hpp"
#include "redis/rdb/rdb_bytes.hpp"

namespace compozy::redis {

// A value that no database owns yet.
class LoadedValue {
 public:
  LoadedValue() = default;
  LoadedValue(Type type, void* value) : type_(type), value_(value) {}
  ~LoadedValue() {
    if (value_ != nullptr) free_value(type_, value_);
  }
  LoadedValue(LoadedValue&& other) noexcept { swap(other); }
  LoadedValue& operator=(LoadedValue&& other) noexcept {
    swap(other);
    return *this;
  }
  LoadedValue(const LoadedValue&) = delete;
  LoadedValue& operator=(const LoadedValue&) = delete;

  Type type() const { return type_; }
  // A list, hash, set or sorted set of nothing, which old servers wrote by mistake: it may not be added.
  bool empty() const { return value_ == nullptr && type_ != Type::string; }
  // A string is stored as SET would; the key must be absent. Gives the value away.
  void add_to(Database& database, std::string_view key, int64_t deadline_ms);
  std::string text;  // of a string

 private:
  void swap(LoadedValue& other) noexcept {
    std::swap(type_, other.type_);
    std::swap(value_, other.value_);
    std::swap(text, other.text);
  }
  Type type_ = Type::string;
  void* value_ = nullptr;
};

// The type's byte, then the value.
void write_type(RdbWriter& out, const Entry& entry);
void write_value(RdbWriter& out, const Entry& entry);

// Nothing: not well formed.
std::optional<LoadedValue> read_value(RdbReader& in, uint8_t type, const EncodingLimits& limits);

// DUMP's payload: type, value, version, checksum.
std::string dump_payload(const Entry& entry);
enum class PayloadError : uint8_t { none, checksum, format };
PayloadError read_payload(std::string_view payload, const EncodingLimits& limits, LoadedValue& value,
                          bool verify_checksum = true);
// How Redis' log calls what a payload's first byte says it holds: "Zset ziplist", "Stream listpack", …
std::string_view encoding_name(std::string_view payload);

}  // namespace compozy::redis
