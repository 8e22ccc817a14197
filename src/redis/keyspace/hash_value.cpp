// SPDX-License-Identifier: Apache-2.0
#include "redis/keyspace/hash_value.hpp"

#include <algorithm>
#include <cstring>

namespace compozy::redis {

namespace {

HashField* make_field(std::string_view name, std::string_view value) {
  auto* field = static_cast<HashField*>(counted_alloc(HashField::footprint(name.size(), value.size())));
  field->name_size = static_cast<uint32_t>(name.size());
  field->value_size = static_cast<uint32_t>(value.size());
  if (!name.empty()) std::memcpy(field->bytes(), name.data(), name.size());
  if (!value.empty()) std::memcpy(field->bytes() + name.size(), value.data(), value.size());
  return field;
}

void free_field(HashField* field) { counted_free(field, HashField::footprint(field->name_size, field->value_size)); }

}  // namespace

HashValue::~HashValue() {
  if (table_ == nullptr) return;
  table_->for_each([](HashField& field) { free_field(&field); });
  counted_delete(table_);
}

std::optional<uint32_t> HashValue::find_packed(std::string_view name) const {
  for (uint32_t at = packed_.begin(); at < packed_.end(); at = packed_.next(packed_.next(at))) {
    if (packed_.get(at) == name) return at;
  }
  return std::nullopt;
}

std::optional<std::string_view> HashValue::get(std::string_view name) const {
  if (table_ != nullptr) {
    const HashField* field = table_->find(name);
    if (field == nullptr) return std::nullopt;
    return field->value();
  }
  const auto at = find_packed(name);
  if (!at) return std::nullopt;
  return packed_.get(packed_.next(*at));
}

void HashValue::convert() {
  auto* table = counted_new<Fields>();
  for (uint32_t at = packed_.begin(); at < packed_.end();) {
    const uint32_t value_at = packed_.next(at);
    HashField* field = make_field(packed_.get(at), packed_.get(value_at));
    table->insert(table_hash(field->name()), field);
    at = packed_.next(value_at);
  }
  table_ = table;
  packed_ = Packed();
}

void HashValue::prepare_for(size_t longest, const Limits& limits) {
  if (table_ == nullptr && longest > limits.value_bytes) convert();
}

bool HashValue::set_in_table(std::string_view name, std::string_view value) {
  const uint64_t hash = table_hash(name);
  HashField** slot = table_->find_slot(hash, name);
  if (slot == nullptr) {
    table_->insert(hash, make_field(name, value));
    return true;
  }
  HashField* old = *slot;
  if (old->value_size == value.size()) {
    if (!value.empty()) std::memmove(old->bytes() + old->name_size, value.data(), value.size());
    return false;
  }
  *slot = make_field(old->name(), value);
  free_field(old);
  return false;
}

bool HashValue::set(std::string_view name, std::string_view value, const Limits& limits) {
  prepare_for(std::max(name.size(), value.size()), limits);
  if (table_ != nullptr) return set_in_table(name, value);
  if (const auto at = find_packed(name)) {
    packed_.replace(packed_.next(*at), value);
    return false;
  }
  packed_.push_back(name);
  packed_.push_back(value);
  if (size() > limits.entries) convert();
  return true;
}

bool HashValue::erase(std::string_view name) {
  if (table_ != nullptr) {
    HashField* field = table_->erase(table_hash(name), name);
    if (field != nullptr) free_field(field);
    return field != nullptr;
  }
  const auto at = find_packed(name);
  if (!at) return false;
  packed_.erase(*at, 2);
  return true;
}

void HashValue::for_each(const Visit& visit) const {
  if (table_ != nullptr) {
    table_->for_each([&](HashField& field) { visit(field.name(), field.value()); });
    return;
  }
  for (uint32_t at = packed_.begin(); at < packed_.end();) {
    const uint32_t value_at = packed_.next(at);
    visit(packed_.get(at), packed_.get(value_at));
    at = packed_.next(value_at);
  }
}

uint64_t HashValue::scan(uint64_t cursor, const Visit& visit) const {
  if (table_ != nullptr) {
    return table_->scan(cursor, [&](HashField& field) { visit(field.name(), field.value()); });
  }
  for_each(visit);
  return 0;
}

std::pair<std::string_view, std::string_view> HashValue::at(size_t index) const {
  uint32_t at = packed_.begin();
  for (size_t i = 0; i < index * 2; ++i) at = packed_.next(at);
  return {packed_.get(at), packed_.get(packed_.next(at))};
}

std::pair<std::string_view, std::string_view> HashValue::random(Random& random) const {
  if (table_ == nullptr) return at(random.below(size()));
  const HashField* field = table_->random(random);
  return {field->name(), field->value()};
}

}  // namespace compozy::redis
