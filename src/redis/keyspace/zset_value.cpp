// SPDX-License-Identifier: Apache-2.0
#include "redis/keyspace/zset_value.hpp"

#include <algorithm>
#include <cstring>

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

}  // namespace

ZSetValue::~ZSetValue() {
  table_.for_each([](ScoredMember& member) { free_member(&member); });
  for (const Leaf& leaf : leaves_)
    counted_free(static_cast<void*>(leaf.members), leaf.capacity * sizeof(ScoredMember*));
}

bool ZSetValue::before(const ScoredMember& a, double score, std::string_view text) {
  return a.score != score ? a.score < score : a.text() < text;
}

std::optional<double> ZSetValue::score(std::string_view member) const {
  const ScoredMember* found = table_.find(member);
  if (found == nullptr) return std::nullopt;
  return found->score;
}

ZSetValue::Place ZSetValue::lower_bound(double score, std::string_view text) const {
  const auto leaf = std::ranges::partition_point(
      leaves_, [&](const Leaf& l) { return before(*l.members[l.count - 1], score, text); });
  if (leaf == leaves_.end()) return {leaves_.size(), 0};
  ScoredMember** const end = leaf->members + leaf->count;
  ScoredMember** const at =
      std::partition_point(leaf->members, end, [&](const ScoredMember* m) { return before(*m, score, text); });
  return {static_cast<size_t>(leaf - leaves_.begin()), static_cast<size_t>(at - leaf->members)};
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
  Leaf& left = leaves_[index];
  // A leaf at the end is filled from its front mostly (growing scores): it keeps more.
  const uint32_t keep = index + 1 == leaves_.size() ? left.count * 7 / 8 : left.count / 2;
  right.count = left.count - keep;
  std::copy_n(left.members + keep, right.count, right.members);
  left.count = keep;
  leaves_.insert(leaves_.begin() + static_cast<ptrdiff_t>(index) + 1, right);
}

void ZSetValue::insert_ordered(ScoredMember* member) {
  if (leaves_.empty()) leaves_.emplace_back();
  Place place = leaves_[0].count == 0 ? Place{0, 0} : lower_bound(member->score, member->text());
  if (place.leaf == leaves_.size()) place = {leaves_.size() - 1, leaves_.back().count};
  if (leaves_[place.leaf].count == kLeaf) {
    split(place.leaf);
    if (place.at > leaves_[place.leaf].count) {
      place = {place.leaf + 1, place.at - leaves_[place.leaf].count};
    }
  }
  Leaf& leaf = leaves_[place.leaf];
  if (leaf.count == leaf.capacity) grow(leaf);
  std::copy_backward(leaf.members + place.at, leaf.members + leaf.count, leaf.members + leaf.count + 1);
  leaf.members[place.at] = member;
  ++leaf.count;
}

void ZSetValue::remove_at(Place place) {
  Leaf& leaf = leaves_[place.leaf];
  std::copy(leaf.members + place.at + 1, leaf.members + leaf.count, leaf.members + place.at);
  if (--leaf.count > 0) return;
  counted_free(static_cast<void*>(leaf.members), leaf.capacity * sizeof(ScoredMember*));
  leaves_.erase(leaves_.begin() + static_cast<ptrdiff_t>(place.leaf));
}

void ZSetValue::erase_ordered(const ScoredMember& member) { remove_at(lower_bound(member.score, member.text())); }

bool ZSetValue::set(std::string_view text, double score, const Limits& limits) {
  if (!large_ && score == 0) score = 0;  // Redis' small form keeps whole scores as integers: there is no -0.
  const uint64_t hash = table_hash(text);
  if (ScoredMember* found = table_.find(hash, text)) {
    if (found->score == score) return false;
    erase_ordered(*found);
    found->score = score;
    insert_ordered(found);
    return false;
  }
  ScoredMember* member = make_member(text, score);
  table_.insert(hash, member);
  insert_ordered(member);
  large_ = large_ || size() > limits.entries || text.size() > limits.value_bytes;
  return true;
}

bool ZSetValue::erase(std::string_view text) {
  ScoredMember* member = table_.erase(table_hash(text), text);
  if (member == nullptr) return false;
  erase_ordered(*member);
  free_member(member);
  return true;
}

void ZSetValue::erase_ranks(size_t from, size_t to) {
  for (size_t n = to - from; n > 0; --n) {
    const Place place = place_of_rank(from);
    ScoredMember* member = leaves_[place.leaf].members[place.at];
    remove_at(place);
    table_.erase(table_hash(member->text()), member->text());
    free_member(member);
  }
}

void ZSetValue::choose_encoding(const Limits& limits) {
  size_t longest = 0;
  for_each([&](const ScoredMember& member) { longest = std::max<size_t>(longest, member.size); });
  large_ = size() > limits.entries || longest > limits.value_bytes;
}

ZSetValue::Place ZSetValue::place_of_rank(size_t rank) const {
  size_t leaf = 0;
  while (rank >= leaves_[leaf].count) rank -= leaves_[leaf++].count;
  return {leaf, rank};
}

std::optional<size_t> ZSetValue::rank(std::string_view text) const {
  const ScoredMember* member = table_.find(text);
  if (member == nullptr) return std::nullopt;
  const Place place = lower_bound(member->score, member->text());
  size_t rank = place.at;
  for (size_t i = 0; i < place.leaf; ++i) rank += leaves_[i].count;
  return rank;
}

const ScoredMember& ZSetValue::at(size_t rank) const {
  const Place place = place_of_rank(rank);
  return *leaves_[place.leaf].members[place.at];
}

size_t ZSetValue::partition(const std::function<bool(const ScoredMember&)>& is_before) const {
  const auto leaf =
      std::ranges::partition_point(leaves_, [&](const Leaf& l) { return is_before(*l.members[l.count - 1]); });
  size_t rank = 0;
  for (auto i = leaves_.begin(); i != leaf; ++i) rank += i->count;
  if (leaf == leaves_.end()) return rank;
  ScoredMember** const at = std::partition_point(leaf->members, leaf->members + leaf->count,
                                                 [&](const ScoredMember* m) { return is_before(*m); });
  return rank + static_cast<size_t>(at - leaf->members);
}

void ZSetValue::for_each(size_t from, size_t to, bool backwards, const Visit& visit) const {
  if (from >= to) return;
  Place place = place_of_rank(backwards ? to - 1 : from);
  for (size_t n = to - from; n > 0; --n) {
    visit(*leaves_[place.leaf].members[place.at]);
    if (n == 1) return;
    if (backwards) {
      if (place.at == 0) place = {place.leaf - 1, leaves_[place.leaf - 1].count};
      --place.at;
    } else if (++place.at == leaves_[place.leaf].count) {
      place = {place.leaf + 1, 0};
    }
  }
}

uint64_t ZSetValue::scan(uint64_t cursor, const Visit& visit) const {
  if (large_) return table_.scan(cursor, [&](ScoredMember& member) { visit(member); });
  for_each(visit);
  return 0;
}

}  // namespace compozy::redis
