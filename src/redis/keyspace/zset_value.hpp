// SPDX-License-Identifier: Apache-2.0
//
// ZSetValue: members with scores, ordered by score, then by bytes. A small one ("listpack" to clients) is one buffer of
// records in order. In a large one ("skiplist") a table finds a member, and a counted tree of two levels keeps the
// order: leaves of up to 256 pointers under one directory with their counts. Every range of ZRANGE and its kin becomes
// an interval of ranks [from, to), found by partition(). A large one never becomes small again, except where Redis
// converts a stored result. References to members are valid until the next change.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>

#include "redis/keyspace/table.hpp"

namespace compozy::redis {

struct ScoredMember {
  double score;
  uint32_t size;

  std::string_view text() const { return {reinterpret_cast<const char*>(this) + kHeader, size}; }
  static constexpr size_t kHeader = 12;
};

class ZSetValue {
 public:
  struct Limits {
    size_t entries = 128;
    size_t value_bytes = 64;
  };

  ZSetValue() = default;
  ~ZSetValue();
  ZSetValue(const ZSetValue&) = delete;
  ZSetValue& operator=(const ZSetValue&) = delete;

  size_t size() const { return large_ != nullptr ? large_->table.size() : count_; }
  void use_large() {
    if (large_ == nullptr) unpack();
  }
  size_t bucket_count() const { return large_ != nullptr ? large_->table.buckets() : 0; }
  bool is_large() const { return large_ != nullptr; }
  std::optional<double> score(std::string_view member) const;
  bool set(std::string_view member, double score, const Limits& limits);  // whether the member is new
  bool erase(std::string_view member);
  void erase_ranks(size_t from, size_t to);
  void choose_encoding(const Limits& limits);  // for a result that was stored as a whole

  std::optional<size_t> rank(std::string_view member) const;
  const ScoredMember& at(size_t rank) const;
  // How many members come first for which `is_before` holds; it must hold for a prefix of the order.
  size_t partition(const std::function<bool(const ScoredMember&)>& is_before) const;

  using Visit = std::function<void(const ScoredMember&)>;
  // Ranks [from, to) in order, or from the last to the first.
  void for_each(size_t from, size_t to, bool backwards, const Visit& visit) const;
  void for_each(const Visit& visit) const { for_each(0, size(), false, visit); }
  uint64_t scan(uint64_t cursor, const Visit& visit) const;
  const ScoredMember& random(Random& random) const {
    return large_ != nullptr ? *large_->table.random(random) : at(random.below(count_));
  }

 private:
  static constexpr uint32_t kLeaf = 256;

  struct Traits {
    using Item = ScoredMember;
    static std::string_view key(const ScoredMember& member) { return member.text(); }
  };
  struct Leaf {
    uint32_t count = 0;
    uint32_t capacity = 0;
    ScoredMember** members = nullptr;
  };
  struct Large {
    Table<Traits> table;
    CountedVector<Leaf> leaves;
  };
  struct Place {
    size_t leaf;
    size_t at;
  };

  // ---- the small form: records of 8-aligned size, one after another ----
  const ScoredMember& record(uint32_t at) const { return *reinterpret_cast<const ScoredMember*>(records_ + at); }
  uint32_t find_record(std::string_view text) const;  // bytes_: absent
  void insert_record(std::string_view text, double score);
  void erase_record(uint32_t at);
  void unpack();
  void pack();
  void free_large();

  // ---- the large form ----
  static bool before(const ScoredMember& a, double score, std::string_view text);
  Place lower_bound(double score, std::string_view text) const;
  Place place_of_rank(size_t rank) const;
  void insert_ordered(ScoredMember* member);
  void erase_ordered(const ScoredMember& member);
  void remove_at(Place place);
  void grow(Leaf& leaf);
  void split(size_t leaf);

  char* records_ = nullptr;
  uint32_t bytes_ = 0;
  uint32_t capacity_ = 0;
  uint32_t count_ = 0;
  Large* large_ = nullptr;
};

}  // namespace compozy::redis
