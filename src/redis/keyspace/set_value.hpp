// SPDX-License-Identifier: Apache-2.0
//
// SetValue: unique members. Up to the limit a set of integers is one sorted array ("intset"); anything else is a table
// ("hashtable"). It never goes back, as in Redis. Views that are returned are valid until the next change of this set;
// a member of an intset is written into the caller's buffer.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "redis/keyspace/table.hpp"

namespace compozy::redis {

struct SetMember {
  uint32_t size;

  std::string_view text() const { return {reinterpret_cast<const char*>(this + 1), size}; }
};

class SetValue {
 public:
  SetValue() = default;
  ~SetValue();
  SetValue(const SetValue&) = delete;
  SetValue& operator=(const SetValue&) = delete;

  size_t size() const { return table_ ? table_->size() : integers_.size(); }
  void use_table() {
    if (table_ == nullptr) convert();
  }
  size_t bucket_count() const { return table_ ? table_->buckets() : 0; }
  bool is_table() const { return table_ != nullptr; }
  bool contains(std::string_view member) const;
  bool add(std::string_view member, size_t intset_limit);  // whether it is new
  bool erase(std::string_view member);

  using Visit = std::function<void(std::string_view member)>;
  void for_each(const Visit& visit) const;
  // Stops when visit answers false.
  void for_each_until(const std::function<bool(std::string_view member)>& visit) const;
  uint64_t scan(uint64_t cursor, const Visit& visit) const;
  std::string random(Random& random) const;
  bool step_rehash(size_t buckets) { return table_ && table_->step(buckets); }

 private:
  struct Traits {
    using Item = SetMember;
    static std::string_view key(const SetMember& member) { return member.text(); }
  };
  using Members = Table<Traits>;

  void convert();
  void add_to_table(std::string_view member);

  CountedVector<int64_t> integers_;
  Members* table_ = nullptr;
};

// Whether the text is the canonical form of an integer: no spaces, zeros or plus in front. Redis stores such texts as
// integers.
bool is_canonical_integer(std::string_view text, int64_t& value);

}  // namespace compozy::redis
