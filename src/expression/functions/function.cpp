// SPDX-License-Identifier: Apache-2.0
#include "expression/functions/function.hpp"

#include <array>
#include <cmath>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/article.hpp"
#include "base/text.hpp"
#include "expression/functions/go_format.hpp"
#include "expression/literal.hpp"

namespace compozy::expression {
namespace {

struct Index {
  std::unordered_map<std::string_view, const Function*> by_name;
  std::vector<std::string_view> names;
};

const Index& index() {
  static const Index built = [] {
    Index out;
    const std::array families{basic_functions(), text_functions(),  case_functions(), list_functions(),
                              dict_functions(),  math_functions(),  date_functions(), encoding_functions(),
                              path_functions(),  crypto_functions()};
    for (std::span<const Function> family : families) {
      for (const Function& function : family) {
        out.by_name.emplace(function.name, &function);
        out.names.push_back(function.name);
      }
    }
    return out;
  }();
  return built;
}

std::string kind_of(const json::Value& value) { return std::string(json::kind_name(value.kind())); }

}  // namespace

const Function* find_function(std::string_view name) {
  auto found = index().by_name.find(name);
  return found == index().by_name.end() ? nullptr : found->second;
}

std::span<const std::string_view> function_names() { return index().names; }

bool is_truthy(const json::Value& value) {
  switch (value.kind()) {
    case json::Kind::null: return false;
    case json::Kind::boolean: return value.as_bool();
    case json::Kind::integer:
    case json::Kind::number: return value.as_double() != 0;
    case json::Kind::string:
    case json::Kind::array:
    case json::Kind::object: return value.size() > 0;
  }
  return false;
}

Result<std::string> text_argument(const json::Value& value) {
  if (value.is_null()) return std::string();
  return go_value(value);
}

Result<int64_t> integer_argument(const json::Value& value) {
  if (value.is_integer()) return value.as_integer();
  if (value.is_bool()) return value.as_bool() ? 1 : 0;
  if (value.is_null()) return 0;
  TRY(double number, number_argument(value));
  if (!(std::abs(number) < 9.2e18)) return fail(Errc::invalid_argument, "the number is too large for an integer");
  return static_cast<int64_t>(number);
}

Result<double> number_argument(const json::Value& value) {
  if (value.is_number()) return value.as_double();
  if (value.is_bool()) return value.as_bool() ? 1.0 : 0.0;
  if (value.is_null()) return 0.0;
  if (value.is_string()) {
    if (auto parsed = parse_go_number(trim(value.as_string()))) return parsed->as_double();
    return fail(Errc::type_mismatch, "expected a number, not the text " + go_quote(shorten(value.as_string(), 40)));
  }
  return fail(Errc::type_mismatch, "expected a number, not " + with_article(kind_of(value)));
}

Result<const json::Array*> list_argument(const json::Value& value) {
  static const json::Array kEmpty;
  if (value.is_array()) return &value.as_array();
  if (value.is_null()) return &kEmpty;
  return fail(Errc::type_mismatch, "expected a list, not " + with_article(kind_of(value)));
}

Result<const json::Object*> dict_argument(const json::Value& value) {
  if (value.is_object()) return &value.as_object();
  return fail(Errc::type_mismatch, "expected a map, not " + with_article(kind_of(value)));
}

Result<void> check_room(CallScope& scope, size_t bytes) {
  if (bytes <= scope.output_max()) return {};
  return fail(Errc::too_large, "the result would be larger than " + std::to_string(scope.output_max()) + " bytes");
}

}  // namespace compozy::expression
