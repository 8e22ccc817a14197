// SPDX-License-Identifier: Apache-2.0
#include "expression/cel/value.hpp"

#include <algorithm>
#include <array>

#include "expression/functions/base64.hpp"
#include "expression/functions/calendar.hpp"
#include "expression/functions/go_format.hpp"
#include "expression/secret.hpp"

namespace compozy::expression {
namespace {

template <class T>
const T* as(const CelValue& value) {
  return std::get_if<T>(&value.data);
}

bool is_numeric(const CelValue& value) {
  return as<CelUint>(value) != nullptr || (value.json() != nullptr && value.json()->is_number());
}

std::partial_ordering compare_numbers(const CelValue& a, const CelValue& b) {
  const auto* a_uint = as<CelUint>(a);
  const auto* b_uint = as<CelUint>(b);
  if (a.is_integer() && b.is_integer()) return a.json()->as_integer() <=> b.json()->as_integer();
  if (a_uint != nullptr && b_uint != nullptr) return a_uint->value <=> b_uint->value;
  if (a_uint != nullptr && b.is_integer()) {
    const int64_t right = b.json()->as_integer();
    if (right < 0) return std::partial_ordering::greater;
    return a_uint->value <=> static_cast<uint64_t>(right);
  }
  if (a.is_integer() && b_uint != nullptr) return 0 <=> compare_numbers(b, a);
  const auto number = [](const CelValue& value) {
    const auto* is_uint = as<CelUint>(value);
    return is_uint != nullptr ? static_cast<double>(is_uint->value) : value.json()->as_double();
  };
  return number(a) <=> number(b);
}

}  // namespace

std::string cel_type_name(const CelValue& value) {
  if (const json::Value* json = value.json()) {
    switch (json->kind()) {
      case json::Kind::null: return "null_type";
      case json::Kind::boolean: return "bool";
      case json::Kind::integer: return "int";
      case json::Kind::number: return "double";
      case json::Kind::string: return "string";
      case json::Kind::array: return "list";
      case json::Kind::object: return "map";
    }
  }
  constexpr std::array<std::string_view, 8> kNames{
      "", "uint", "bytes", "google.protobuf.Timestamp", "google.protobuf.Duration", "type", "list", "map"};
  return std::string(kNames[value.data.index()]);
}

bool is_cel_list(const CelValue& value) {
  return as<CelList>(value) != nullptr || (value.json() != nullptr && value.json()->is_array());
}
bool is_cel_map(const CelValue& value) {
  return as<CelMap>(value) != nullptr || (value.json() != nullptr && value.json()->is_object());
}

std::vector<CelValue> cel_elements(const CelValue& list) {
  if (const auto* mixed = as<CelList>(list)) return **mixed;
  std::vector<CelValue> out;
  if (const auto* map = as<CelMap>(list)) {
    for (const auto& [key, value] : **map) out.push_back(key);
  } else if (list.json()->is_array()) {
    for (const json::Value& item : list.json()->as_array()) out.emplace_back(item);
  } else if (list.json()->is_object()) {
    for (std::string_view name : list.json()->as_object().sorted_names()) out.emplace_back(json::Value(name));
  }
  return out;
}

size_t cel_list_size(const CelValue& list) {
  const auto* mixed = as<CelList>(list);
  return mixed != nullptr ? (*mixed)->size() : list.json()->size();
}

std::optional<CelValue> cel_element(const CelValue& list, int64_t index) {
  if (index < 0 || std::cmp_greater_equal(index, cel_list_size(list))) return std::nullopt;
  const auto at = static_cast<size_t>(index);
  if (const auto* mixed = as<CelList>(list)) return (**mixed)[at];
  return CelValue(json::Value(list.json()->as_array()[at]));
}

const CelValue* cel_map_find(const CelMap& map, const CelValue& key) {
  auto found = std::ranges::find_if(*map, [&](const auto& entry) { return cel_equal(entry.first, key); });
  return found == map->end() ? nullptr : &found->second;
}

std::optional<CelValue> cel_member(const CelValue& map, const CelValue& key) {
  if (const auto* mixed = as<CelMap>(map)) {
    const CelValue* found = cel_map_find(*mixed, key);
    return found == nullptr ? std::nullopt : std::optional(*found);
  }
  const json::Value* found = key.is_text() ? map.json()->find(key.text()) : nullptr;
  return found == nullptr ? std::nullopt : std::optional(CelValue(json::Value(*found)));
}

bool cel_equal(const CelValue& a, const CelValue& b) {
  if (is_numeric(a) && is_numeric(b)) return compare_numbers(a, b) == 0;
  if (is_cel_list(a) && is_cel_list(b)) {
    if (a.json() != nullptr && b.json() != nullptr) return *a.json() == *b.json();
    return std::ranges::equal(cel_elements(a), cel_elements(b), cel_equal);
  }
  if (is_cel_map(a) && is_cel_map(b)) {
    if (a.json() != nullptr && b.json() != nullptr) return *a.json() == *b.json();
    const auto keys = cel_elements(a);
    if (keys.size() != cel_elements(b).size()) return false;
    return std::ranges::all_of(keys, [&](const CelValue& key) {
      auto other = cel_member(b, key);
      return other && cel_equal(*cel_member(a, key), *other);
    });
  }
  if (a.data.index() != b.data.index()) return false;
  if (a.json() != nullptr) return *a.json() == *b.json();
  if (const auto* type = as<CelType>(a)) return type->name == as<CelType>(b)->name;
  auto order = cel_compare(a, b);
  return order && *order == 0;
}

std::optional<std::partial_ordering> cel_compare(const CelValue& a, const CelValue& b) {
  if (is_numeric(a) && is_numeric(b)) return compare_numbers(a, b);
  if (a.data.index() != b.data.index()) return std::nullopt;
  if (a.is_text() && b.is_text()) return a.text().compare(b.text()) <=> 0;
  if (a.is_bool() && b.is_bool())
    return static_cast<int>(a.json()->as_bool()) <=> static_cast<int>(b.json()->as_bool());
  if (const auto* bytes = as<CelBytes>(a)) return bytes->bytes.compare(as<CelBytes>(b)->bytes) <=> 0;
  if (const auto* time = as<CelTime>(a)) return time->ns <=> as<CelTime>(b)->ns;
  if (const auto* duration = as<CelDuration>(a)) return duration->ns <=> as<CelDuration>(b)->ns;
  return std::nullopt;
}

json::Value cel_to_json(const CelValue& value) {
  if (value.json() != nullptr) return *value.json();
  if (const auto* number = as<CelUint>(value)) {  // as protobuf's JSON has it: text where a number would lose digits
    return std::cmp_less_equal(number->value, INT64_MAX) ? json::Value(static_cast<int64_t>(number->value))
                                                         : json::Value(std::to_string(number->value));
  }
  if (const auto* bytes = as<CelBytes>(value)) return base64_encode(bytes->bytes);
  if (const auto* time = as<CelTime>(value)) return format_rfc3339_short(time->ns / 1'000'000);
  if (const auto* duration = as<CelDuration>(value)) {
    return go_double(static_cast<double>(duration->ns) / 1e9, 'f', -1) + "s";
  }
  if (const auto* type = as<CelType>(value)) return type->name;
  if (const auto* list = as<CelList>(value)) {
    json::Array out;
    for (const CelValue& item : **list) out.push_back(cel_to_json(item));
    return out;
  }
  json::Object out;
  for (const auto& [key, member] : **as<CelMap>(value)) out.set(go_value(cel_to_json(key)), cel_to_json(member));
  return out;
}

namespace {

void add_extent(const CelValue& value, size_t depth, json::Extent& total) {
  if (total.too_deep || total.weight > json::kValueWeightMax) return;
  const size_t depth_left = json::kValueDepthMax - std::min(depth, json::kValueDepthMax);
  if (value.json() != nullptr) {
    const json::Extent part = json::extent_of(*value.json(), json::kValueWeightMax, depth_left);
    total.weight += part.weight;
    total.too_deep = part.too_deep;
    return;
  }
  total.weight += json::kNodeWeight;
  const auto* list = as<CelList>(value);
  const auto* map = as<CelMap>(value);
  total.too_deep = (list != nullptr || map != nullptr) && depth_left == 0;
  if (const auto* bytes = as<CelBytes>(value)) total.weight += bytes->bytes.size();
  if (list != nullptr) {
    for (const CelValue& item : **list) add_extent(item, depth + 1, total);
  }
  if (map != nullptr) {
    for (const auto& [key, member] : **map) {
      add_extent(key, depth + 1, total);
      add_extent(member, depth + 1, total);
    }
  }
}

}  // namespace

json::Extent cel_extent(const CelValue& value) {
  json::Extent total;
  add_extent(value, 0, total);
  return total;
}

bool cel_holds_secret(const CelValue& value) {
  if (value.json() != nullptr) return contains_secret(*value.json());
  if (const auto* list = as<CelList>(value)) return std::ranges::any_of(**list, cel_holds_secret);
  if (const auto* map = as<CelMap>(value)) {
    return std::ranges::any_of(
        **map, [](const auto& entry) { return cel_holds_secret(entry.first) || cel_holds_secret(entry.second); });
  }
  return false;
}

}  // namespace compozy::expression
