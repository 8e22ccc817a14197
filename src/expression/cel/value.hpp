// SPDX-License-Identifier: Apache-2.0
//
// A CEL value: JSON, or one of the kinds that JSON lacks. Lists and maps of JSON stay JSON until they are mixed with
// other kinds. Private to cel*.cpp.
#pragma once

#include <compare>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.hpp"
#include "json/extent.hpp"
#include "json/value.hpp"

namespace compozy::expression {

struct CelValue;

struct CelUint {
  uint64_t value = 0;
};
struct CelBytes {
  std::string bytes;
};
struct CelTime {
  int64_t ns = 0;  // since 1970; years 1678..2262
};
struct CelDuration {
  int64_t ns = 0;
};
struct CelType {
  std::string name;
};
using CelList = std::shared_ptr<const std::vector<CelValue>>;
using CelMap = std::shared_ptr<const std::vector<std::pair<CelValue, CelValue>>>;

struct CelValue {
  std::variant<json::Value, CelUint, CelBytes, CelTime, CelDuration, CelType, CelList, CelMap> data;

  CelValue() = default;
  template <class T>
    requires std::constructible_from<decltype(data), T>
  CelValue(T value) : data(std::move(value)) {}  // NOLINT(google-explicit-constructor): values read as such
  static CelValue of(json::Value value) { return CelValue(std::move(value)); }

  const json::Value* json() const { return std::get_if<json::Value>(&data); }
  bool is_bool() const { return json() != nullptr && json()->is_bool(); }
  bool is_text() const { return json() != nullptr && json()->is_string(); }
  bool is_integer() const { return json() != nullptr && json()->is_integer(); }
  bool is_null() const { return json() != nullptr && json()->is_null(); }
  const std::string& text() const { return json()->as_string(); }
};

std::string cel_type_name(const CelValue& value);  // "int", "list", "google.protobuf.Timestamp", ...
bool cel_equal(const CelValue& a, const CelValue& b);
std::optional<std::partial_ordering> cel_compare(const CelValue& a, const CelValue& b);  // none: cannot be ordered
json::Value cel_to_json(const CelValue& value);
json::Extent cel_extent(const CelValue& value);  // as json::extent_of
bool cel_holds_secret(const CelValue& value);

bool is_cel_list(const CelValue& value);
bool is_cel_map(const CelValue& value);
std::vector<CelValue> cel_elements(const CelValue& list);  // of a list; the keys of a map
std::optional<CelValue> cel_element(const CelValue& list, int64_t index);
size_t cel_list_size(const CelValue& list);
const CelValue* cel_map_find(const CelMap& map, const CelValue& key);
std::optional<CelValue> cel_member(const CelValue& map, const CelValue& key);

}  // namespace compozy::expression
