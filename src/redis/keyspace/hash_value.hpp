// SPDX-License-Identifier: Apache-2.0
//
// HashValue: fields and values. Up to the limits it is one packed buffer in insertion order ("listpack"), beyond them a
// table that is resized incrementally ("hashtable"); it never goes back, as in Redis.
// Views that are returned are valid until the next change of this hash.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include "redis/keyspace/packed.hpp"
#include "redis/keyspace/table.hpp"

namespace compozy::redis {

struct HashField {
  uint32_t name_size;
  uint32_t value_size;

  char* bytes() { return reinterpret_cast<char*>(this + 1); }
  const char* bytes() const { return reinterpret_cast<const char*>(this + 1); }
  std::string_view name() const { return {bytes(), name_size}; }
  std::string_view value() const { return {bytes() + name_size, value_size}; }
  static size_t footprint(size_t name, size_t value) { return sizeof(HashField) + name + value; }
};

class HashValue {
 public:
  struct Limits {
    size_t entries = 512;
    size_t value_bytes = 64;
  };

  HashValue() = default;
  ~HashValue();
  HashValue(const HashValue&) = delete;
  HashValue& operator=(const HashValue&) = delete;

  size_t size() const { return table_ ? table_->size() : packed_.count() / 2; }
  void use_table() {
    if (table_ == nullptr) convert();
  }
  size_t bucket_count() const { return table_ ? table_->buckets() : 0; }
  bool is_table() const { return table_ != nullptr; }
  std::optional<std::string_view> get(std::string_view name) const;
  bool set(std::string_view name, std::string_view value, const Limits& limits);  // whether the field is new
  bool erase(std::string_view name);
  // Converts beforehand when one of the texts is longer than the limit.
  void prepare_for(size_t longest, const Limits& limits);

  using Visit = std::function<void(std::string_view name, std::string_view value)>;
  void for_each(const Visit& visit) const;
  uint64_t scan(uint64_t cursor, const Visit& visit) const;  // a packed hash answers whole
  std::pair<std::string_view, std::string_view> random(Random& random) const;
  std::pair<std::string_view, std::string_view> at(size_t index) const;  // of a packed hash
  bool step_rehash(size_t buckets) { return table_ && table_->step(buckets); }

 private:
  struct Traits {
    using Item = HashField;
    static std::string_view key(const HashField& field) { return field.name(); }
  };
  using Fields = Table<Traits>;

  std::optional<uint32_t> find_packed(std::string_view name) const;
  void convert();
  bool set_in_table(std::string_view name, std::string_view value);

  Packed packed_{Packed::Walk::forwards};
  Fields* table_ = nullptr;
};

}  // namespace compozy::redis
