// SPDX-License-Identifier: Apache-2.0
#include "json/schema.hpp"

#include <re2/re2.h>

#include <algorithm>
#include <array>
#include <deque>

#include "base/text.hpp"
#include "json/parse.hpp"
#include "json/schema_node.hpp"

namespace compozy::json {

struct Schema::Compiled {
  std::deque<SchemaNode> nodes;
  std::map<std::string, const SchemaNode*, std::less<>> by_pointer;  // "#/definitions/x"
  const SchemaNode* root = nullptr;
};

namespace {

constexpr std::array<std::string_view, 52> kKeywords{"$schema",
                                                     "$id",
                                                     "id",
                                                     "$comment",
                                                     "$ref",
                                                     "$defs",
                                                     "definitions",
                                                     "title",
                                                     "description",
                                                     "default",
                                                     "examples",
                                                     "readOnly",
                                                     "writeOnly",
                                                     "deprecated",
                                                     "type",
                                                     "enum",
                                                     "const",
                                                     "minimum",
                                                     "maximum",
                                                     "exclusiveMinimum",
                                                     "exclusiveMaximum",
                                                     "multipleOf",
                                                     "minLength",
                                                     "maxLength",
                                                     "pattern",
                                                     "format",
                                                     "contentEncoding",
                                                     "contentMediaType",
                                                     "items",
                                                     "prefixItems",
                                                     "additionalItems",
                                                     "minItems",
                                                     "maxItems",
                                                     "uniqueItems",
                                                     "contains",
                                                     "minContains",
                                                     "maxContains",
                                                     "properties",
                                                     "required",
                                                     "additionalProperties",
                                                     "patternProperties",
                                                     "propertyNames",
                                                     "minProperties",
                                                     "maxProperties",
                                                     "dependencies",
                                                     "dependentRequired",
                                                     "dependentSchemas",
                                                     "allOf",
                                                     "anyOf",
                                                     "oneOf",
                                                     "not",
                                                     "if"};
constexpr std::array<std::string_view, 2> kBranchKeywords{"then", "else"};

constexpr std::array<std::pair<std::string_view, uint8_t>, 7> kTypes{{
    {"null", 1U << static_cast<int>(Kind::null)},
    {"boolean", 1U << static_cast<int>(Kind::boolean)},
    {"integer", 1U << static_cast<int>(Kind::integer)},
    {"number", (1U << static_cast<int>(Kind::integer)) | (1U << static_cast<int>(Kind::number))},
    {"string", 1U << static_cast<int>(Kind::string)},
    {"array", 1U << static_cast<int>(Kind::array)},
    {"object", 1U << static_cast<int>(Kind::object)},
}};

// Walks a schema document once, making a node per subschema.
class Compiler {
 public:
  using NodeResult = Result<const SchemaNode*>;

  Compiler(const Value& document, std::deque<SchemaNode>& nodes,
           std::map<std::string, const SchemaNode*, std::less<>>& by_pointer)
      : document_(document), nodes_(nodes), by_pointer_(by_pointer) {}

  NodeResult compile(const Value& value, const std::string& pointer) {
    if (const auto known = by_pointer_.find(pointer); known != by_pointer_.end()) return known->second;
    SchemaNode& node = nodes_.emplace_back();
    by_pointer_[pointer] = &node;
    if (value.is_bool()) {
      node.always = value.as_bool();
      return &node;
    }
    if (!value.is_object()) return wrong(pointer, "a schema must be an object or a boolean");
    TRY(check_keywords(value, pointer));
    TRY(compile_reference(node, value, pointer));
    TRY(compile_scalars(node, value, pointer));
    TRY(compile_strings(node, value, pointer));
    TRY(compile_arrays(node, value, pointer));
    TRY(compile_objects(node, value, pointer));
    TRY(compile_dependencies(node, value, pointer));
    TRY(compile_combinations(node, value, pointer));
    return &node;
  }

 private:
  static Failure wrong(const std::string& pointer, const std::string& reason) {
    return fail(Errc::validation_failed, "schema " + pointer + ": " + reason);
  }

  static Result<void> check_keywords(const Value& value, const std::string& pointer) {
    for (const auto& [name, member] : value.as_object()) {
      const bool known = std::ranges::find(kKeywords, name) != kKeywords.end() ||
                         std::ranges::find(kBranchKeywords, name) != kBranchKeywords.end() || name.starts_with("x-");
      if (!known) {
        return wrong(pointer, "the keyword '" + name + "' is not supported and would not be checked" +
                                  did_you_mean(name, kKeywords));
      }
    }
    return {};
  }

  NodeResult child(const Value& parent, std::string_view keyword, const std::string& pointer) {
    return compile(parent[keyword], pointer + "/" + std::string(keyword));
  }

  Result<void> optional_child(const SchemaNode*& slot, const Value& parent, std::string_view keyword,
                              const std::string& pointer) {
    if (parent.find(keyword) == nullptr) return {};
    TRY(slot, child(parent, keyword, pointer));
    return {};
  }

  Result<void> child_list(std::vector<const SchemaNode*>& slot, const Value& parent, std::string_view keyword,
                          const std::string& pointer) {
    const Value* list = parent.find(keyword);
    if (list == nullptr) return {};
    if (!list->is_array() || list->as_array().empty())
      return wrong(pointer, std::string(keyword) + " must be a non-empty array");
    for (size_t i = 0; i < list->size(); ++i) {
      TRY(const SchemaNode* node, compile(list->at(i), pointer + "/" + std::string(keyword) + "/" + std::to_string(i)));
      slot.push_back(node);
    }
    return {};
  }

  Result<void> compile_reference(SchemaNode& node, const Value& value, const std::string& pointer) {
    const Value* reference = value.find("$ref");
    if (reference == nullptr) return {};
    if (!reference->is_string() || !reference->as_string().starts_with('#')) {
      return wrong(pointer, "$ref must stay in the document, as in \"#/definitions/name\"");
    }
    const std::string target = reference->as_string() == "#/" ? "#" : reference->as_string();
    const Value* found = &document_;
    for (const std::string_view part : split(std::string_view(target).substr(1), '/')) {
      if (part.empty()) continue;
      const std::string name = replace_all(replace_all(std::string(part), "~1", "/"), "~0", "~");
      int64_t index = 0;
      const Value* next = found->is_array() && parse_int64(name, index) && index >= 0
                              ? &found->at(static_cast<size_t>(index))
                              : found->find(name);
      if (next == nullptr) return wrong(pointer, "$ref '" + target + "' names nothing in the schema");
      found = next;
    }
    TRY(node.ref, compile(*found, target));
    return {};
  }

  Result<void> compile_scalars(SchemaNode& node, const Value& value, const std::string& pointer) {
    if (const Value* type = value.find("type")) {
      const Array names = type->is_array() ? type->as_array() : Array{*type};
      for (const Value& name : names) {
        const auto row = std::ranges::find(kTypes, name.string_or(""), [](const auto& t) { return t.first; });
        if (row == kTypes.end()) {
          std::vector<std::string_view> known;
          for (const auto& t : kTypes) known.push_back(t.first);
          return wrong(pointer, "unknown type '" + name.string_or("?") + "'" + did_you_mean(name.string_or(""), known));
        }
        node.types |= row->second;
      }
    }
    if (const Value* constant = value.find("const")) node.constant = *constant;
    if (const Value* allowed = value.find("enum")) {
      if (!allowed->is_array()) return wrong(pointer, "enum must be an array");
      node.allowed = allowed->as_array();
    }
    if (const Value* fallback = value.find("default")) node.default_value = *fallback;
    const std::array<std::pair<std::string_view, std::optional<double>*>, 5> numbers{
        {{"minimum", &node.minimum},
         {"maximum", &node.maximum},
         {"exclusiveMinimum", &node.exclusive_minimum},
         {"exclusiveMaximum", &node.exclusive_maximum},
         {"multipleOf", &node.multiple_of}}};
    for (const auto& [name, slot] : numbers) {
      const Value* limit = value.find(name);
      if (limit == nullptr) continue;
      if (!limit->is_number()) return wrong(pointer, std::string(name) + " must be a number");
      *slot = limit->as_double();
    }
    const std::array<std::pair<std::string_view, std::optional<int64_t>*>, 8> counts{
        {{"minLength", &node.min_length},
         {"maxLength", &node.max_length},
         {"minItems", &node.min_items},
         {"maxItems", &node.max_items},
         {"minProperties", &node.min_properties},
         {"maxProperties", &node.max_properties},
         {"minContains", &node.min_contains},
         {"maxContains", &node.max_contains}}};
    for (const auto& [name, slot] : counts) {
      const Value* limit = value.find(name);
      if (limit == nullptr) continue;
      if (limit->integer_or(-1) < 0) return wrong(pointer, std::string(name) + " must be a whole number, 0 or more");
      *slot = limit->integer_or(0);
    }
    return {};
  }

  static Result<std::shared_ptr<const re2::RE2>> regex(const std::string& text, const std::string& pointer) {
    re2::RE2::Options options;
    options.set_log_errors(false);
    auto compiled = std::make_shared<const re2::RE2>(text, options);
    if (!compiled->ok()) return wrong(pointer, "the pattern '" + text + "' cannot be used: " + compiled->error());
    return compiled;
  }

  Result<void> compile_strings(SchemaNode& node, const Value& value, const std::string& pointer) {
    node.format = value["format"].string_or("");
    if (const Value* pattern = value.find("pattern")) {
      node.pattern_text = pattern->string_or("");
      TRY(node.pattern, regex(node.pattern_text, pointer));
    }
    return {};
  }

  Result<void> compile_arrays(SchemaNode& node, const Value& value, const std::string& pointer) {
    TRY(child_list(node.prefix_items, value, "prefixItems", pointer));
    if (value["items"].is_array()) {  // draft 7's tuple form
      TRY(child_list(node.prefix_items, value, "items", pointer));
      TRY(optional_child(node.items, value, "additionalItems", pointer));
    } else {
      TRY(optional_child(node.items, value, "items", pointer));
    }
    TRY(optional_child(node.contains, value, "contains", pointer));
    node.unique_items = value["uniqueItems"].bool_or(false);
    return {};
  }

  Result<void> compile_objects(SchemaNode& node, const Value& value, const std::string& pointer) {
    for (const Value& name : value["required"].is_array() ? value["required"].as_array() : Array{}) {
      if (!name.is_string()) return wrong(pointer, "required must list names");
      node.required.push_back(name.as_string());
    }
    if (const Value* properties = value.find("properties")) {
      if (!properties->is_object()) return wrong(pointer, "properties must be an object");
      for (const auto& [name, schema] : properties->as_object()) {
        TRY(const SchemaNode* compiled, compile(schema, pointer + "/properties/" + name));
        node.properties.emplace_back(name, compiled);
      }
    }
    if (const Value* patterns = value.find("patternProperties"); patterns != nullptr && patterns->is_object()) {
      for (const auto& [pattern, schema] : patterns->as_object()) {
        TRY(auto compiled_pattern, regex(pattern, pointer));
        TRY(const SchemaNode* compiled, compile(schema, pointer + "/patternProperties/" + pattern));
        node.pattern_properties.emplace_back(std::move(compiled_pattern), compiled);
      }
    }
    TRY(optional_child(node.additional_properties, value, "additionalProperties", pointer));
    return optional_child(node.property_names, value, "propertyNames", pointer);
  }

  Result<void> compile_dependencies(SchemaNode& node, const Value& value, const std::string& pointer) {
    for (const std::string_view keyword : {"dependencies", "dependentRequired", "dependentSchemas"}) {
      const Value* all = value.find(keyword);
      if (all == nullptr || !all->is_object()) continue;
      for (const auto& [name, dependency] : all->as_object()) {
        if (dependency.is_array()) {
          for (const Value& other : dependency.as_array()) node.dependent_required[name].push_back(other.string_or(""));
        } else {
          TRY(node.dependent_schemas[name], compile(dependency, pointer + "/" + std::string(keyword) + "/" + name));
        }
      }
    }
    return {};
  }

  Result<void> compile_combinations(SchemaNode& node, const Value& value, const std::string& pointer) {
    TRY(child_list(node.all_of, value, "allOf", pointer));
    TRY(child_list(node.any_of, value, "anyOf", pointer));
    TRY(child_list(node.one_of, value, "oneOf", pointer));
    TRY(optional_child(node.negated, value, "not", pointer));
    TRY(optional_child(node.condition, value, "if", pointer));
    TRY(optional_child(node.then_node, value, "then", pointer));
    return optional_child(node.else_node, value, "else", pointer);
  }

  const Value& document_;
  std::deque<SchemaNode>& nodes_;
  std::map<std::string, const SchemaNode*, std::less<>>& by_pointer_;
};

Value fill_defaults(const SchemaNode& node, Value value, size_t depth, size_t& rounds) {
  if (depth > kDepthMax || ++rounds > kSchemaRoundsMax) return value;
  if (node.ref != nullptr) value = fill_defaults(*node.ref, std::move(value), depth + 1, rounds);
  for (const SchemaNode* part : node.all_of) value = fill_defaults(*part, std::move(value), depth + 1, rounds);
  if (value.is_object()) {
    for (const auto& [name, schema] : node.properties) {
      const Value* member = value.find(name);
      if (member != nullptr) {
        Value filled = fill_defaults(*schema, *member, depth + 1, rounds);
        if (!filled.same_storage(*member) && !(filled == *member)) value.set(name, std::move(filled));
      } else if (schema->default_value) {
        value.set(name, *schema->default_value);
      }
    }
  } else if (value.is_array() && node.items != nullptr) {
    for (size_t i = node.prefix_items.size(); i < value.size(); ++i) {
      Value filled = fill_defaults(*node.items, value.at(i), depth + 1, rounds);
      if (!(filled == value.at(i))) value.mutable_array()[i] = std::move(filled);
    }
  }
  return value;
}

}  // namespace

Result<Schema> Schema::compile(const Value& document) {
  Schema schema;
  schema.document_ = document;
  auto compiled = std::make_shared<Compiled>();
  Compiler compiler(schema.document_, compiled->nodes, compiled->by_pointer);
  TRY(compiled->root, compiler.compile(schema.document_, "#"));
  schema.compiled_ = std::move(compiled);
  return schema;
}

Result<void> Schema::check(const Value& value) const {
  constexpr size_t kReasonsMax = 5;
  std::vector<std::string> reasons;
  size_t rounds = 0;
  const bool satisfies = check_node(*compiled_->root, value, "", reasons, kReasonsMax, rounds);
  if (rounds > kSchemaRoundsMax) {
    return fail(Errc::limit_exceeded, "the schema takes more than " + std::to_string(kSchemaRoundsMax) +
                                          " checks for this value: its parts refer to each other again and again");
  }
  if (satisfies) return {};
  std::string message;
  for (const std::string& reason : reasons) message += (message.empty() ? "" : "; ") + reason;
  return fail(Errc::validation_failed, message);
}

Value Schema::with_defaults(const Value& value) const {
  size_t rounds = 0;
  return fill_defaults(*compiled_->root, value, 0, rounds);
}

}  // namespace compozy::json
