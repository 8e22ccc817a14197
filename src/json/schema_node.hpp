// SPDX-License-Identifier: Apache-2.0
//
// The compiled form of a JSON Schema: one node per subschema, linked by pointers into one arena. Private to
// schema*.cpp.
// `$ref` is resolved to the node it names, so recursive schemas are cycles of pointers and cost nothing to compile.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "json/value.hpp"

namespace re2 {
class RE2;
}

namespace compozy::json {

struct SchemaNode {
  std::optional<bool> always;  // the schemas `true` and `false`
  const SchemaNode* ref = nullptr;
  uint8_t types = 0;  // bit per Kind; 0 = any. "number" sets both number kinds, "integer" sets its own
  std::optional<Value> constant;
  std::vector<Value> allowed;  // enum

  std::optional<double> minimum, maximum, exclusive_minimum, exclusive_maximum, multiple_of;
  std::optional<int64_t> min_length, max_length, min_items, max_items, min_properties, max_properties;
  std::optional<int64_t> min_contains, max_contains;
  std::string format;
  std::string pattern_text;
  std::shared_ptr<const re2::RE2> pattern;

  std::vector<const SchemaNode*> prefix_items;
  const SchemaNode* items = nullptr;  // what follows the prefix
  const SchemaNode* contains = nullptr;
  bool unique_items = false;

  std::vector<std::string> required;
  std::vector<std::pair<std::string, const SchemaNode*>> properties;
  std::vector<std::pair<std::shared_ptr<const re2::RE2>, const SchemaNode*>> pattern_properties;
  const SchemaNode* additional_properties = nullptr;
  const SchemaNode* property_names = nullptr;
  std::map<std::string, std::vector<std::string>> dependent_required;
  std::map<std::string, const SchemaNode*> dependent_schemas;

  std::vector<const SchemaNode*> all_of, any_of, one_of;
  const SchemaNode* negated = nullptr;
  const SchemaNode* condition = nullptr;
  const SchemaNode* then_node = nullptr;
  const SchemaNode* else_node = nullptr;

  std::optional<Value> default_value;
};

// Appends at most `reasons_max` reasons why `value` does not satisfy `node`, each as "path: reason".
// Answers whether it satisfies. `rounds` counts the pairs of schema and value that were looked at: beyond
// kSchemaRoundsMax the answer means nothing.
inline constexpr size_t kSchemaRoundsMax = 5'000'000;
bool check_node(const SchemaNode& node, const Value& value, const std::string& path, std::vector<std::string>& reasons,
                size_t reasons_max, size_t& rounds, size_t depth = 0);

}  // namespace compozy::json
