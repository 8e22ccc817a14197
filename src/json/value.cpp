// SPDX-License-Identifier: Apache-2.0
#include "json/value.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>

#include "base/assert.hpp"
#include "base/hash.hpp"

namespace compozy::json {

namespace {
const Value kNull;
}

std::string_view kind_name(Kind kind) {
  constexpr std::array<std::string_view, 7> kNames{"null", "boolean", "integer", "number", "string", "array", "object"};
  return kNames[static_cast<size_t>(kind)];
}

// --- Object ---------------------------------------------------------------------------------------------------------

size_t Object::slot_of(std::string_view name) const {
  const size_t mask = index_.size() - 1;
  size_t slot = hash64(name) & mask;
  while (index_[slot] != 0 && members_[index_[slot] - 1].first != name) slot = (slot + 1) & mask;
  return slot;
}

void Object::rebuild_index() {
  index_.clear();
  if (members_.size() <= kLinearMax) return;
  index_.assign(std::bit_ceil(members_.size() * 2), 0);
  for (size_t i = 0; i < members_.size(); ++i) index_[slot_of(members_[i].first)] = static_cast<uint32_t>(i + 1);
}

const Value* Object::find(std::string_view name) const {
  if (!index_.empty()) {
    const uint32_t position = index_[slot_of(name)];
    return position == 0 ? nullptr : &members_[position - 1].second;
  }
  const auto it = std::ranges::find(members_, name, &Member::first);
  return it == members_.end() ? nullptr : &it->second;
}

Value* Object::find(std::string_view name) { return const_cast<Value*>(std::as_const(*this).find(name)); }

void Object::set(std::string_view name, Value value) {
  if (Value* existing = find(name)) {
    *existing = std::move(value);
    return;
  }
  members_.emplace_back(name, std::move(value));
  if (members_.size() <= kLinearMax) return;
  if (members_.size() * 2 > index_.size()) {
    rebuild_index();
  } else {
    index_[slot_of(name)] = static_cast<uint32_t>(members_.size());
  }
}

bool Object::erase(std::string_view name) {
  const auto it = std::ranges::find(members_, name, &Member::first);
  if (it == members_.end()) return false;
  members_.erase(it);
  rebuild_index();
  return true;
}

std::vector<std::string_view> Object::sorted_names() const {
  std::vector<std::string_view> names;
  names.reserve(members_.size());
  for (const Member& member : members_) names.emplace_back(member.first);
  std::ranges::sort(names);
  return names;
}

// --- Value ----------------------------------------------------------------------------------------------------------

Value::Value(std::string value) : data_(std::make_shared<const std::string>(std::move(value))) {}
Value::Value(Array value) : data_(std::make_shared<Array>(std::move(value))) {}
Value::Value(Object value) : data_(std::make_shared<Object>(std::move(value))) {}

Value Value::object(std::initializer_list<std::pair<std::string_view, Value>> members) {
  Object object;
  for (const auto& [name, value] : members) object.set(name, value);
  return object;
}

Value Value::array(std::initializer_list<Value> items) { return Array(items); }

Kind Value::kind() const { return static_cast<Kind>(data_.index()); }

bool Value::as_bool() const {
  ASSERT(is_bool());
  return *std::get_if<bool>(&data_);
}
int64_t Value::as_integer() const {
  ASSERT(is_integer());
  return *std::get_if<int64_t>(&data_);
}
double Value::as_double() const {
  if (const auto* integer = std::get_if<int64_t>(&data_)) return static_cast<double>(*integer);
  ASSERT(kind() == Kind::number);
  return *std::get_if<double>(&data_);
}
const std::string& Value::as_string() const {
  ASSERT(is_string());
  return **std::get_if<std::shared_ptr<const std::string>>(&data_);
}
const Array& Value::as_array() const {
  ASSERT(is_array());
  return **std::get_if<std::shared_ptr<Array>>(&data_);
}
const Object& Value::as_object() const {
  ASSERT(is_object());
  return **std::get_if<std::shared_ptr<Object>>(&data_);
}

int64_t Value::integer_or(int64_t fallback) const {
  if (is_integer()) return as_integer();
  if (kind() == Kind::number) {
    const double number = as_double();
    if (std::floor(number) == number && std::fabs(number) < 9.2e18) return static_cast<int64_t>(number);
  }
  return fallback;
}

const Value* Value::find(std::string_view name) const { return is_object() ? as_object().find(name) : nullptr; }

const Value& Value::operator[](std::string_view name) const {
  const Value* member = find(name);
  return member == nullptr ? kNull : *member;
}

const Value& Value::at(size_t index) const {
  return is_array() && index < as_array().size() ? as_array()[index] : kNull;
}

size_t Value::size() const {
  switch (kind()) {
    case Kind::string: return as_string().size();
    case Kind::array: return as_array().size();
    case Kind::object: return as_object().size();
    default: return 0;
  }
}

Array& Value::mutable_array() {
  if (is_null()) data_ = std::make_shared<Array>();
  ASSERT(is_array());
  auto& shared = *std::get_if<std::shared_ptr<Array>>(&data_);
  if (shared.use_count() != 1) shared = std::make_shared<Array>(*shared);
  return *shared;
}

Object& Value::mutable_object() {
  if (is_null()) data_ = std::make_shared<Object>();
  ASSERT(is_object());
  auto& shared = *std::get_if<std::shared_ptr<Object>>(&data_);
  if (shared.use_count() != 1) shared = std::make_shared<Object>(*shared);
  return *shared;
}

Value& Value::set(std::string_view name, Value value) {
  mutable_object().set(name, std::move(value));
  return *this;
}

Value& Value::push_back(Value value) {
  mutable_array().push_back(std::move(value));
  return *this;
}

bool Value::same_storage(const Value& other) const {
  if (kind() != other.kind()) return false;
  switch (kind()) {
    case Kind::string: return &as_string() == &other.as_string();
    case Kind::array: return &as_array() == &other.as_array();
    case Kind::object: return &as_object() == &other.as_object();
    default: return false;
  }
}

bool operator==(const Value& a, const Value& b) {
  if (a.is_number() && b.is_number()) {
    if (a.is_integer() && b.is_integer()) return a.as_integer() == b.as_integer();
    return a.as_double() == b.as_double();
  }
  if (a.kind() != b.kind()) return false;
  if (a.same_storage(b)) return true;
  switch (a.kind()) {
    case Kind::boolean: return a.as_bool() == b.as_bool();
    case Kind::string: return a.as_string() == b.as_string();
    case Kind::array: return a.as_array() == b.as_array();
    case Kind::object:
      return a.size() == b.size() && std::ranges::all_of(a.as_object(), [&](const Object::Member& member) {
               const Value* other = b.find(member.first);
               return other != nullptr && *other == member.second;
             });
    default: return true;
  }
}

}  // namespace compozy::json
