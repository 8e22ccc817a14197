// SPDX-License-Identifier: Apache-2.0
//
// json::Value: a JSON value that is cheap to copy. Strings, arrays and objects are shared and immutable while shared:
// copying is O(1), and changing a value that somebody else also holds copies one level first. So a run's state, its
// records and the context of an expression hold the same bytes once.
//
// Objects keep the order in which members were added; names are unique. Numbers are either 64-bit integers or doubles;
// 1 and 1.0 compare equal. Integers outside int64 become doubles.
// Thread: a Value may be read by many threads; one that is being changed belongs to one thread.
#pragma once

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace compozy::json {

class Value;
class Object;
using Array = std::vector<Value>;

enum class Kind : uint8_t { null, boolean, integer, number, string, array, object };
std::string_view kind_name(Kind kind);  // as JSON Schema names them

class Value {
 public:
  Value() = default;
  Value(std::nullptr_t) {}
  Value(bool value) : data_(value) {}
  Value(double value) : data_(value) {}
  template <std::integral T>
    requires(!std::same_as<T, bool>)
  Value(T value) : data_(from_integer(value)) {}
  Value(std::string value);
  Value(std::string_view value) : Value(std::string(value)) {}
  Value(const char* value) : Value(std::string(value)) {}
  Value(Array value);
  Value(Object value);

  // Value::object({{"id", 1}, {"name", "x"}}) and Value::array({1, 2})
  static Value object(std::initializer_list<std::pair<std::string_view, Value>> members = {});
  static Value array(std::initializer_list<Value> items = {});

  Kind kind() const;
  bool is_null() const { return kind() == Kind::null; }
  bool is_bool() const { return kind() == Kind::boolean; }
  bool is_integer() const { return kind() == Kind::integer; }
  bool is_number() const { return kind() == Kind::integer || kind() == Kind::number; }
  bool is_string() const { return kind() == Kind::string; }
  bool is_array() const { return kind() == Kind::array; }
  bool is_object() const { return kind() == Kind::object; }

  // Asserted: ask is_*() first.
  bool as_bool() const;
  int64_t as_integer() const;
  double as_double() const;  // of either number kind
  const std::string& as_string() const;
  const Array& as_array() const;
  const Object& as_object() const;

  // Lenient reading: the fallback when the kind differs.
  int64_t integer_or(int64_t fallback) const;  // also of a double with an integral value
  double double_or(double fallback) const { return is_number() ? as_double() : fallback; }
  bool bool_or(bool fallback) const { return is_bool() ? as_bool() : fallback; }
  std::string string_or(std::string_view fallback) const { return is_string() ? as_string() : std::string(fallback); }

  // Member of an object, or null; element of an array, or null. Chains: v["a"]["b"].
  const Value& operator[](std::string_view name) const;
  const Value& at(size_t index) const;
  const Value* find(std::string_view name) const;
  size_t size() const;  // members, elements or bytes; 0 for the rest

  // Changing. A null becomes the kind that the call needs; another kind is asserted.
  Array& mutable_array();
  Object& mutable_object();
  Value& set(std::string_view name, Value value);
  Value& push_back(Value value);

  bool same_storage(const Value& other) const;  // both share one string, array or object
  friend bool operator==(const Value& a, const Value& b);

 private:
  template <class T>
  static std::variant<std::monostate, bool, int64_t, double, std::shared_ptr<const std::string>, std::shared_ptr<Array>,
                      std::shared_ptr<Object>>
  from_integer(T value) {
    if constexpr (std::is_unsigned_v<T> && sizeof(T) == 8) {
      if (value > static_cast<T>(INT64_MAX)) return static_cast<double>(value);
    }
    return static_cast<int64_t>(value);
  }

  std::variant<std::monostate, bool, int64_t, double, std::shared_ptr<const std::string>, std::shared_ptr<Array>,
               std::shared_ptr<Object>>
      data_;
};

// Members in order, with an index once there are more than a few.
class Object {
 public:
  using Member = std::pair<std::string, Value>;

  const Value* find(std::string_view name) const;
  Value* find(std::string_view name);
  bool contains(std::string_view name) const { return find(name) != nullptr; }
  void set(std::string_view name, Value value);  // replaces in place, or appends
  bool erase(std::string_view name);

  size_t size() const { return members_.size(); }
  bool empty() const { return members_.empty(); }
  auto begin() const { return members_.begin(); }
  auto end() const { return members_.end(); }
  auto begin() { return members_.begin(); }
  auto end() { return members_.end(); }
  std::vector<std::string_view> sorted_names() const;

 private:
  static constexpr size_t kLinearMax = 12;
  size_t slot_of(std::string_view name) const;
  void rebuild_index();

  std::vector<Member> members_;
  std::vector<uint32_t> index_;  // open addressing, member position + 1; empty while there are few members
};

}  // namespace compozy::json
