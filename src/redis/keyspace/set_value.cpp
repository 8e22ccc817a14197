// SPDX-License-Identifier: Apache-2.0
#include "redis/keyspace/set_value.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>

namespace compozy::redis {

namespace {

using Digits = std::array<char, 24>;

std::string_view print(int64_t value, Digits& digits) {
  const auto [end, error] = std::to_chars(digits.data(), digits.data() + digits.size(), value);
  return {digits.data(), static_cast<size_t>(end - digits.data())};
}

void free_member(SetMember* member) { counted_free(member, sizeof(SetMember) + member->size); }

}  // namespace

bool is_canonical_integer(std::string_view text, int64_t& value) {
  if (text.empty() || text.size() > 20) return false;
  const size_t digits = text[0] == '-' ? 1 : 0;
  if (digits == text.size()) return false;
  if (text[digits] == '0' && (text.size() > 1)) return false;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

SetValue::~SetValue() {
  if (table_ == nullptr) return;
  table_->for_each([](SetMember& member) { free_member(&member); });
  counted_delete(table_);
}

bool SetValue::contains(std::string_view member) const {
  if (table_ != nullptr) return table_->find(member) != nullptr;
  int64_t value = 0;
  return is_canonical_integer(member, value) && std::ranges::binary_search(integers_, value);
}

void SetValue::add_to_table(std::string_view text) {
  auto* member = static_cast<SetMember*>(counted_alloc(sizeof(SetMember) + text.size()));
  member->size = static_cast<uint32_t>(text.size());
  if (!text.empty()) std::memcpy(static_cast<void*>(member + 1), text.data(), text.size());
  table_->insert(table_hash(text), member);
}

void SetValue::convert() {
  table_ = counted_new<Members>();
  Digits digits;
  for (const int64_t value : integers_) add_to_table(print(value, digits));
  CountedVector<int64_t>().swap(integers_);
}

bool SetValue::add(std::string_view member, size_t intset_limit) {
  if (table_ == nullptr) {
    int64_t value = 0;
    if (is_canonical_integer(member, value)) {
      const auto at = std::ranges::lower_bound(integers_, value);
      if (at != integers_.end() && *at == value) return false;
      integers_.insert(at, value);
      if (integers_.size() > intset_limit) convert();
      return true;
    }
    convert();
  }
  if (table_->find(member) != nullptr) return false;
  add_to_table(member);
  return true;
}

bool SetValue::erase(std::string_view member) {
  if (table_ != nullptr) {
    SetMember* removed = table_->erase(table_hash(member), member);
    if (removed != nullptr) free_member(removed);
    return removed != nullptr;
  }
  int64_t value = 0;
  if (!is_canonical_integer(member, value)) return false;
  const auto at = std::ranges::lower_bound(integers_, value);
  if (at == integers_.end() || *at != value) return false;
  integers_.erase(at);
  return true;
}

void SetValue::for_each(const Visit& visit) const {
  if (table_ != nullptr) {
    table_->for_each([&](SetMember& member) { visit(member.text()); });
    return;
  }
  Digits digits;
  for (const int64_t value : integers_) visit(print(value, digits));
}

void SetValue::for_each_until(const std::function<bool(std::string_view)>& visit) const {
  bool more = true;
  for_each([&](std::string_view member) { more = more && visit(member); });
}

uint64_t SetValue::scan(uint64_t cursor, const Visit& visit) const {
  if (table_ != nullptr) return table_->scan(cursor, [&](SetMember& member) { visit(member.text()); });
  for_each(visit);
  return 0;
}

std::string SetValue::random(Random& random) const {
  if (table_ != nullptr) return std::string(table_->random(random)->text());
  Digits digits;
  return std::string(print(integers_[random.below(integers_.size())], digits));
}

}  // namespace compozy::redis
