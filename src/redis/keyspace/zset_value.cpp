// SPDX-License-Identifier: Apache-2.0
#include "redis/keyspace/zset_value.hpp"

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

namespace compozy::redis {

namespace {

size_t footprint(size_t size) { return std::max(sizeof(ScoredMember), ScoredMember::kHeader + size); }

ScoredMember* make_member(std::string_view text, double score) {
  auto* member = static_cast<ScoredMember*>(counted_alloc(footprint(text.size())));
  member->score = score;
  member->size = static_cast<uint32_t>(text.size());
  if (!text.empty()) std::memcpy(reinterpret_cast<char*>(member) + ScoredMember::kHeader, text.data(), text.size());
  return member;
}

void free_member(ScoredMember* member) { counted_free(member, footprint(member->size)); }

uint32_t record_size(size_t text) { return static_cast<uint32_t>((ScoredMember::kHeader + text + 7) & ~size_t{7}); }

}  // namespace

ZSetValue::~ZSetValue() {
  free_large();
  counted_free(records_, capacity_);
}

void ZSetValue::free_large() {
  if (large_ == nullptr) return;
  large_->table.for_each([](ScoredMember& member) { free_member(&member); });
  for (const Leaf& leaf : large_->leaves)
    counted_free(static_cast<void*>(leaf.members), leaf.capacity * sizeof(ScoredMember*));
  counted_delete(large_);
  large_ = nullptr;
}

uint32_t ZSetValue::find_record(std::string_view text) const {
  uint32_t at = 0;
  while (at < bytes_ && record(at).text() != text) at += record_size(record(at).size);
  return at;
}

void ZSetValue::insert_record(std::string_view text, double score) {
  uint32_t at = 0;
  while (at < bytes_ && before(record(at), score, text)) at += record_size(record(at).size);
  const uint32_t size = record_size(text.size());
  if (bytes_ + size > capacity_) {
    const auto capacity = static_cast<uint32_t>(allocation_size(bytes_ + size));
    char* records = static_cast<char*>(counted_alloc(capacity));
    if (bytes_ > 0) std::memcpy(records, records_, bytes_);
    counted_free(records_, capacity_);
    records_ = records;
    capacity_ = capacity;
  }
  std::memmove(records_ + at + size, records_ + at, bytes_ - at);
  const auto text_size = static_cast<uint32_t>(text.size());
  std::memcpy(records_ + at, &score, sizeof score);
  std::memcpy(records_ + at + sizeof score, &text_size, sizeof text_size);
  if (!text.empty()) std::memcpy(records_ + at + ScoredMember::kHeader, text.data(), text.size());
  bytes_ += size;
  ++count_;
}

void ZSetValue::erase_record(uint32_t at) {
  const uint32_t size = record_size(record(at).size);
  std::memmove(records_ + at, records_ + at + size, bytes_ - at - size);
  bytes_ -= size;
  --count_;
}

void ZSetValue::unpack() {
  large_ = counted_new<Large>();
  for (uint32_t at = 0; at < bytes_; at += record_size(record(at).size)) {
    ScoredMember* member = make_member(record(at).text(), record(at).score);
    large_->table.insert(table_hash(member->text()), member);
    insert_ordered(member);
  }
  counted_free(records_, capacity_);
  records_ = nullptr;
  bytes_ = capacity_ = count_ = 0;
}

void ZSetValue::pack() {
  for_each([this](const ScoredMember& member) { insert_record(member.text(), member.score == 0 ? 0 : member.score); });
  free_large();
}

bool ZSetValue::before(const ScoredMember& a, double score, std::string_view text) {
  return a.score != score ? a.score < score : a.text() < text;
}

std::optional<double> ZSetValue::score(std::string_view member) const {
  if (large_ == nullptr) {
    const uint32_t at = find_record(member);
    if (at == bytes_) return std::nullopt;
    return record(at).score;
  }
  const ScoredMember* found = large_->table.find(member);
  if (found == nullptr) return std::nullopt;
  return found->score;
}

ZSetValue::Place ZSetValue::lower_bound(double score, std::string_view text) const {
  const auto leaf = std::ranges::partition_point(
      large_->leaves, [&](const Leaf& l) { return before(*l.members[l.count - 1], score, text); });
  if (leaf == large_->leaves.end()) return {large_->leaves.size(), 0};
  ScoredMember** const end = leaf->members + leaf->count;
  ScoredMember** const at =
      std::partition_point(leaf->members, end, [&](const ScoredMember* m) { return before(*m, score, text); });
  return {static_cast<size_t>(leaf - large_->leaves.begin()), static_cast<size_t>(at - leaf->members)};
}

void ZSetValue::grow(Leaf& leaf) {
  const uint32_t capacity = std::min(kLeaf, std::max<uint32_t>(4, leaf.capacity * 2));
  auto** members = static_cast<ScoredMember**>(counted_alloc(capacity * sizeof(ScoredMember*)));
  std::copy_n(leaf.members, leaf.count, members);
  counted_free(static_cast<void*>(leaf.members), leaf.capacity * sizeof(ScoredMember*));
  leaf.members = members;
  leaf.capacity = capacity;
}

void ZSetValue::split(size_t index) {
  Leaf right;
  right.capacity = kLeaf;
  right.members = static_cast<ScoredMember**>(counted_alloc(kLeaf * sizeof(ScoredMember*)));
  Leaf& left = large_->leaves[index];
  // A leaf at the end is filled from its front mostly (growing scores): it keeps more.
  const uint32_t keep = index + 1 == large_->leaves.size() ? left.count * 7 / 8 : left.count / 2;
  right.count = left.count - keep;
  std::copy_n(left.members + keep, right.count, right.members);
  left.count = keep;
  large_->leaves.insert(large_->leaves.begin() + static_cast<ptrdiff_t>(index) + 1, right);
}

void ZSetValue::insert_ordered(ScoredMember* member) {
  if (large_->leaves.empty()) large_->leaves.emplace_back();
  Place place = large_->leaves[0].count == 0 ? Place{0, 0} : lower_bound(member->score, member->text());
  if (place.leaf == large_->leaves.size()) place = {large_->leaves.size() - 1, large_->leaves.back().count};
  if (large_->leaves[place.leaf].count == kLeaf) {
    split(place.leaf);
    if (place.at > large_->leaves[place.leaf].count) {
      place = {place.leaf + 1, place.at - large_->leaves[place.leaf].count};
    }
  }
  Leaf& leaf = large_->leaves[place.leaf];
  if (leaf.count == leaf.capacity) grow(leaf);
  std::copy_backward(leaf.members + place.at, leaf.members + leaf.count, leaf.members + leaf.count + 1);
  leaf.members[place.at] = member;
  ++leaf.count;
}

void ZSetValue::remove_at(Place place) {
  Leaf& leaf = large_->leaves[place.leaf];
  std::copy(leaf.members + place.at + 1, leaf.members + leaf.count, leaf.members + place.at);
  if (--leaf.count > 0) return;
  counted_free(static_cast<void*>(leaf.members), leaf.capacity * sizeof(ScoredMember*));
  large_->leaves.erase(large_->leaves.begin() + static_cast<ptrdiff_t>(place.leaf));
}

void ZSetValue::erase_ordered(const ScoredMember& member) { remove_at(lower_bound(member.score, member.text())); }

bool ZSetValue::set(std::string_view text, double score, const Limits& limits) {
  if (large_ == nullptr) {
    if (score == 0) score = 0;  // Redis' small form keeps whole scores as integers: there is no -0.
    const uint32_t at = find_record(text);
    const bool known = at != bytes_;
    if (known && record(at).score == score) return false;
    if (known || (text.size() <= limits.value_bytes && count_ < limits.entries)) {
      // The text may be the record's own, which moves.
      const std::string copy(text);
      if (known) erase_record(at);
      insert_record(copy, score);
      return !known;
    }
    unpack();
  }
  const uint64_t hash = table_hash(text);
  if (ScoredMember* found = large_->table.find(hash, text)) {
    if (found->score == score) return false;
    erase_ordered(*found);
    found->score = score;
    insert_ordered(found);
    return false;
  }
  ScoredMember* member = make_member(text, score);
  large_->table.insert(hash, member);
  insert_ordered(member);
  return true;
}

bool ZSetValue::erase(std::string_view text) {
  if (large_ == nullptr) {
    const uint32_t at = find_record(text);
    if (at == bytes_) return false;
    erase_record(at);
    return true;
  }
  ScoredMember* member = large_->table.erase(table_hash(text), text);
  if (member == nullptr) return false;
  erase_ordered(*member);
  free_member(member);
  return true;
}

void ZSetValue::erase_ranks(size_t from, size_t to) {
  if (large_ == nullptr) {
    uint32_t at = 0;
    for (size_t rank = 0; rank < from; ++rank) at += record_size(record(at).size);
    for (size_t n = to - from; n > 0; --n) erase_record(at);
    return;
  }
  for (size_t n = to - from; n > 0; --n) {
    const Place place = place_of_rank(from);
    ScoredMember* member = large_->leaves[place.leaf].members[place.at];
    remove_at(place);
    large_->table.erase(table_hash(member->text()), member->text());
    free_member(member);
  }
}

void ZSetValue::choose_encoding(const Limits& limits) {
  size_t longest = 0;
  for_each([&](const ScoredMember& member) { longest = std::max<size_t>(longest, member.size); });
  const bool large = size() > limits.entries || longest > limits.value_bytes;
  if (large && large_ == nullptr) unpack();
  if (!large && large_ != nullptr) pack();
}

ZSetValue::Place ZSetValue::place_of_rank(size_t rank) const {
  size_t leaf = 0;
  while (rank >= large_->leaves[leaf].count) rank -= large_->leaves[leaf++].count;
  return {leaf, rank};
}

std::optional<size_t> ZSetValue::rank(std::string_view text) const {
  if (large_ == nullptr) {
    size_t rank = 0;
    uint32_t at = 0;
    for (; at < bytes_ && record(at).text() != text; ++rank) at += record_size(record(at).size);
    if (at == bytes_) return std::nullopt;
    return rank;
  }
  const ScoredMember* member = large_->table.find(text);
  if (member == nullptr) return std::nullopt;
  const Place place = lower_bound(member->score, member->text());
  size_t rank = place.at;
  for (size_t i = 0; i < place.leaf; ++i) rank += large_->leaves[i].count;
  return rank;
}

const ScoredMember& ZSetValue::at(size_t rank) const {
  if (large_ == nullptr) {
    uint32_t at = 0;
    for (; rank > 0; --rank) at += record_size(record(at).size);
    return record(at);
  }
  const Place place = place_of_rank(rank);
  return *large_->leaves[place.leaf].members[place.at];
}

size_t ZSetValue::partition(const std::function<bool(const ScoredMember&)>& is_before) const {
  if (large_ == nullptr) {
    size_t count = 0;
    for (uint32_t at = 0; at < bytes_ && is_before(record(at)); ++count) at += record_size(record(at).size);
    return count;
  }
  const auto leaf =
      std::ranges::partition_point(large_->leaves, [&](const Leaf& l) { return is_before(*l.members[l.count - 1]); });
  size_t rank = 0;
  for (auto i = large_->leaves.begin(); i != leaf; ++i) rank += i->count;
  if (leaf == large_->leaves.end()) return rank;
  ScoredMember** const at = std::partition_point(leaf->members, leaf->members + leaf->count,
                                                 [&](const ScoredMember* m) { return is_before(*m); });
  return rank + static_cast<size_t>(at - leaf->members);
}

void ZSetValue::for_each(size_t from, size_t to, bool backwards, const Visit& visit) const {
  if (from >= to) return;
  if (large_ == nullptr) {
    std::vector<uint32_t> places;
    uint32_t at = 0;
    for (size_t rank = 0; rank < to; ++rank) {
      if (rank >= from) places.push_back(at);
      at += record_size(record(at).size);
    }
    if (backwards) std::ranges::reverse(places);
    for (const uint32_t place : places) visit(record(place));
    return;
  }
  Place place = place_of_rank(backwards ? to - 1 : from);
  for (size_t n = to - from; n > 0; --n) {
    visit(*large_->leaves[place.leaf].members[place.at]);
    if (n == 1) return;
    if (backwards) {
      if (place.at == 0) place = {place.leaf - 1, large_->leaves[place.leaf - 1].count};
      --place.at;
    } else if (++place.at == large_->leaves[place.leaf].count) {
      place = {place.leaf + 1, 0};
    }
  }
}

uint64_t ZSetValue::scan(uint64_t cursor, const Visit& visit) const {
  if (large_ != nullptr) return large_->table.scan(cursor, [&](ScoredMember& member) { visit(member); });
  for_each(visit);
  return 0;
}

}  // namespace compozy::redis
