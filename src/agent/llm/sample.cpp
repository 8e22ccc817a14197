// SPDX-License-Identifier: Apache-2.0
#include "agent/llm/sample.hpp"

#include <algorithm>
#include <cmath>

#include "base/text.hpp"
#include "json/schema.hpp"

namespace compozy::agent {
namespace {

using json::Value;

constexpr size_t kDepthMax = 16;

class Sampler {
 public:
  Sampler(const Value& root, std::string_view words) : root_(root), words_(words) {}

  Value value(const Value& schema, std::string_view name, size_t depth) {
    if (depth > kDepthMax || !schema.is_object()) return {};
    if (const Value* found = schema.find("const")) return *found;
    if (const Value* found = schema.find("default")) return *found;
    if (schema["enum"].size() > 0) return Value(schema["enum"].at(0));
    if (schema["examples"].size() > 0) return Value(schema["examples"].at(0));
    if (schema["$ref"].is_string()) return value(resolved(schema["$ref"].as_string()), name, depth + 1);
    for (const char* choice : {"oneOf", "anyOf"}) {
      if (schema[choice].size() > 0) return value(schema[choice].at(0), name, depth + 1);
    }
    std::string type = schema["type"].string_or("");
    if (schema["type"].is_array()) type = schema["type"].at(0).string_or("");
    if (type.empty())
      type = schema.find("properties") != nullptr || schema.find("allOf") != nullptr ? "object"
             : schema.find("items") != nullptr                                       ? "array"
                                                                                     : "string";
    if (type == "object") return object(schema, depth);
    if (type == "array") return array(schema, name, depth);
    if (type == "boolean") return true;
    if (type == "integer" || type == "number") return number(schema, type == "integer");
    return type == "null" ? Value() : Value(text(schema, name));
  }

 private:
  Value resolved(std::string_view ref) const {
    Value at = root_;
    if (!ref.starts_with("#/")) return at;
    for (std::string_view part : split(ref.substr(2), '/')) at = Value(at[part]);
    return at;
  }
  Value object(const Value& schema, size_t depth) {
    Value out = Value::object();
    for (const Value& part : schema["allOf"].is_array() ? schema["allOf"].as_array() : json::Array{}) {
      const Value inner = value(part, "", depth + 1);
      if (!inner.is_object()) continue;
      for (const auto& [name, member] : inner.as_object()) out.set(name, member);
    }
    if (!schema["properties"].is_object()) return out;
    for (const auto& [name, member] : schema["properties"].as_object()) out.set(name, value(member, name, depth + 1));
    return out;
  }
  Value array(const Value& schema, std::string_view name, size_t depth) {
    const int64_t least = std::max(schema["minItems"].integer_or(0), int64_t{2});
    const int64_t count = std::min({least, schema["maxItems"].integer_or(least), int64_t{100}});
    Value out = Value::array();
    for (int64_t i = 0; i < count; ++i) {
      Value item = value(schema["items"].is_object() ? schema["items"] : Value::object(), name, depth + 1);
      const bool plain =
          item.is_string() && schema["items"].find("enum") == nullptr && schema["items"].find("const") == nullptr;
      if (plain && schema["items"].find("maxLength") == nullptr) item = item.as_string() + " " + std::to_string(i + 1);
      if (item.is_integer() && schema["uniqueItems"].bool_or(false)) item = item.as_integer() + i;
      out.push_back(std::move(item));
    }
    return out;
  }
  static Value number(const Value& schema, bool is_integer) {
    double out = 1;
    if (schema["minimum"].is_number()) out = std::max(out, schema["minimum"].as_double());
    if (schema["exclusiveMinimum"].is_number()) out = std::max(out, schema["exclusiveMinimum"].as_double() + 1);
    if (schema["maximum"].is_number()) out = std::min(out, schema["maximum"].as_double());
    if (schema["exclusiveMaximum"].is_number() && out >= schema["exclusiveMaximum"].as_double()) {
      out = schema["exclusiveMaximum"].as_double() - (is_integer ? 1 : 0.5);
    }
    if (schema["multipleOf"].is_number() && schema["multipleOf"].as_double() > 0) {
      out = std::ceil(out / schema["multipleOf"].as_double()) * schema["multipleOf"].as_double();
    }
    if (is_integer) return static_cast<int64_t>(std::clamp(std::ceil(out), -9e15, 9e15));
    return out;
  }
  std::string text(const Value& schema, std::string_view name) const {
    const std::string format = schema["format"].string_or("");
    if (format == "date-time") return "2025-01-01T00:00:00Z";
    if (format == "date") return "2025-01-01";
    if (format == "email") return "ada@example.com";
    if (format == "uri") return "https://example.com/";
    if (format == "uuid") return "00000000-0000-4000-8000-000000000000";
    std::string out = words_.empty() ? std::string(name.empty() ? "text" : name) : std::string(words_);
    if (!name.empty() && !words_.empty()) out = std::string(name) + ": " + out;
    const int64_t least = schema["minLength"].integer_or(0);
    while (static_cast<int64_t>(out.size()) < std::min(least, int64_t{10'000})) out += '.';
    const int64_t most = schema["maxLength"].integer_or(INT64_MAX);
    if (static_cast<int64_t>(out.size()) > most)
      out = std::string(static_cast<size_t>(std::max(most, int64_t{0})), 'x');
    return out;
  }

  const Value& root_;
  std::string_view words_;
};

}  // namespace

Result<Value> sample_of(const Value& schema, std::string_view words) {
  TRY(json::Schema compiled, json::Schema::compile(schema));
  Value out = Sampler(schema, words).value(schema, "", 0);
  if (auto checked = compiled.check(out); !checked) {
    return fail(Errc::unsupported, "the mock model cannot make up an answer for this schema (" +
                                       checked.error().message + "); give it a rule with a 'reply'");
  }
  return out;
}

}  // namespace compozy::agent
