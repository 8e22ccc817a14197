// SPDX-License-Identifier: Apache-2.0
#include <re2/re2.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "base/text.hpp"
#include "json/parse.hpp"
#include "json/print.hpp"
#include "json/schema_node.hpp"

namespace compozy::json {

namespace {

using Reasons = std::vector<std::string>;

class Check {
 public:
  Check(const std::string& path, Reasons& reasons, size_t reasons_max, size_t& rounds, size_t depth)
      : path_(path), reasons_(reasons), reasons_max_(reasons_max), rounds_(rounds), depth_(depth) {}

  bool run(const SchemaNode& node, const Value& value) {
    if (node.always) return *node.always || complain("nothing is allowed here");
    bool ok = node.ref == nullptr || nested(*node.ref, value, path_);
    ok &= scalars(node, value);
    if (value.is_number()) ok &= number(node, value.as_double());
    if (value.is_string()) ok &= string(node, value.as_string());
    if (value.is_array()) ok &= array(node, value.as_array());
    if (value.is_object()) ok &= object(node, value);
    return combinations(node, value) && ok;
  }

 private:
  bool complain(const std::string& reason) {
    if (reasons_.size() < reasons_max_) reasons_.push_back((path_.empty() ? "value" : path_) + ": " + reason);
    return false;
  }

  bool nested(const SchemaNode& node, const Value& value, const std::string& path) {
    return check_node(node, value, path, reasons_, reasons_max_, rounds_, depth_ + 1);
  }

  // Whether it fits, without saying why not.
  bool fits(const SchemaNode& node, const Value& value) const {
    Reasons unused;
    return check_node(node, value, path_, unused, 0, rounds_, depth_ + 1);
  }

  bool scalars(const SchemaNode& node, const Value& value) {
    if (node.types != 0) {
      const bool integral = value.kind() == Kind::number && std::floor(value.as_double()) == value.as_double();
      const auto bit = static_cast<uint8_t>(1U << static_cast<int>(value.kind()));
      const auto integer_bit = static_cast<uint8_t>(1U << static_cast<int>(Kind::integer));
      if ((node.types & bit) == 0 && !(integral && (node.types & integer_bit) != 0)) {
        return complain("expected " + type_names(node.types) + ", found " + std::string(kind_name(value.kind())));
      }
    }
    if (node.constant && !(*node.constant == value)) return complain("must be " + print(*node.constant));
    if (!node.allowed.empty() && std::ranges::find(node.allowed, value) == node.allowed.end()) {
      std::vector<std::string> names;
      for (const Value& allowed : node.allowed)
        names.push_back(allowed.is_string() ? allowed.as_string() : print(allowed));
      std::string list;
      for (const std::string& name : names) list += (list.empty() ? "" : ", ") + name;
      return complain(shorten(print(value), 60) + " is not one of " + list + did_you_mean_text(value, names));
    }
    return true;
  }

  static std::string did_you_mean_text(const Value& value, const std::vector<std::string>& names) {
    if (!value.is_string()) return {};
    NearestName nearest(value.as_string());
    for (const std::string& name : names) nearest.consider(name);
    return nearest.best().empty() ? "" : "; did you mean '" + nearest.best() + "'?";
  }

  static std::string type_names(uint8_t types) {
    std::string text;
    for (int kind = 0; kind <= static_cast<int>(Kind::object); ++kind) {
      if ((types & (1U << kind)) == 0) continue;
      const bool covered =
          static_cast<Kind>(kind) == Kind::integer && (types & (1U << static_cast<int>(Kind::number))) != 0;
      if (!covered) text += (text.empty() ? "" : " or ") + std::string(kind_name(static_cast<Kind>(kind)));
    }
    return text;
  }

  bool number(const SchemaNode& node, double value) {
    if (node.minimum && value < *node.minimum) return complain("must be at least " + format_double(*node.minimum));
    if (node.maximum && value > *node.maximum) return complain("must be at most " + format_double(*node.maximum));
    if (node.exclusive_minimum && value <= *node.exclusive_minimum)
      return complain("must be above " + format_double(*node.exclusive_minimum));
    if (node.exclusive_maximum && value >= *node.exclusive_maximum)
      return complain("must be below " + format_double(*node.exclusive_maximum));
    if (node.multiple_of && *node.multiple_of > 0) {
      const double quotient = value / *node.multiple_of;
      if (std::fabs(quotient - std::round(quotient)) > 1e-9)
        return complain("must be a multiple of " + format_double(*node.multiple_of));
    }
    return true;
  }

  bool string(const SchemaNode& node, const std::string& value) {
    if (node.min_length || node.max_length) {
      const auto length = std::ranges::count_if(value, [](char c) { return (static_cast<uint8_t>(c) & 0xc0) != 0x80; });
      if (node.min_length && length < *node.min_length)
        return complain("must have at least " + std::to_string(*node.min_length) + " characters");
      if (node.max_length && length > *node.max_length)
        return complain("must have at most " + std::to_string(*node.max_length) + " characters");
    }
    if (node.pattern && !re2::RE2::PartialMatch(value, *node.pattern))
      return complain("does not match the pattern '" + node.pattern_text + "'");
    return node.format.empty() || format(node.format, value);
  }

  bool format(const std::string& name, const std::string& value) {
    struct Format {
      std::string_view name;
      const char* pattern;
    };
    static constexpr std::array kFormats{
        Format{
            "date-time",
            R"(^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])[Tt]([01]\d|2[0-3]):[0-5]\d:([0-5]\d|60)(\.\d+)?([Zz]|[+-]([01]\d|2[0-3]):[0-5]\d)$)"},
        Format{"date", R"(^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$)"},
        Format{"time", R"(^([01]\d|2[0-3]):[0-5]\d:([0-5]\d|60)(\.\d+)?([Zz]|[+-]([01]\d|2[0-3]):[0-5]\d)?$)"},
        Format{"email", R"(^[^@\s]+@[^@\s]+$)"},
        Format{"uri", R"(^[A-Za-z][A-Za-z0-9+.-]*:[^\s]+$)"},
        Format{"uuid", R"(^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$)"},
        Format{"ipv4", R"(^((25[0-5]|2[0-4]\d|1?\d?\d)(\.|$)){4}$)"},
    };
    const auto row = std::ranges::find(kFormats, name, &Format::name);
    if (row == kFormats.end()) return true;  // draft 7: an unknown format is an annotation
    return re2::RE2::FullMatch(value, row->pattern) || complain("is not a valid " + name);
  }

  bool array(const SchemaNode& node, const Array& items) {
    const auto count = static_cast<int64_t>(items.size());
    bool ok = true;
    if (node.min_items && count < *node.min_items)
      ok = complain("must have at least " + std::to_string(*node.min_items) + " items");
    if (node.max_items && count > *node.max_items)
      ok = complain("must have at most " + std::to_string(*node.max_items) + " items");
    for (size_t i = 0; i < items.size(); ++i) {
      const SchemaNode* schema = i < node.prefix_items.size() ? node.prefix_items[i] : node.items;
      if (schema != nullptr) ok &= nested(*schema, items[i], path_ + '[' + std::to_string(i) + ']');
    }
    if (node.unique_items) ok &= unique(items);
    if (node.contains != nullptr) {
      const auto found = std::ranges::count_if(items, [&](const Value& item) { return fits(*node.contains, item); });
      if (found < node.min_contains.value_or(1)) ok = complain("contains too few of the required items");
      if (node.max_contains && found > *node.max_contains) ok = complain("contains too many of the limited items");
    }
    return ok;
  }

  bool unique(const Array& items) {
    std::vector<std::string> texts;
    texts.reserve(items.size());
    for (const Value& item : items) texts.push_back(print_canonical(item));
    std::ranges::sort(texts);
    return std::ranges::adjacent_find(texts) == texts.end() || complain("has equal items");
  }

  bool object(const SchemaNode& node, const Value& value) {
    const auto count = static_cast<int64_t>(value.size());
    bool ok = true;
    for (const std::string& name : node.required) {
      if (value.find(name) == nullptr) ok = complain("'" + name + "' is required");
    }
    if (node.min_properties && count < *node.min_properties)
      ok = complain("must have at least " + std::to_string(*node.min_properties) + " members");
    if (node.max_properties && count > *node.max_properties)
      ok = complain("must have at most " + std::to_string(*node.max_properties) + " members");
    for (const auto& [name, member] : value.as_object()) ok &= property(node, name, member);
    for (const auto& [name, others] : node.dependent_required) {
      if (value.find(name) == nullptr) continue;
      for (const std::string& other : others) {
        if (value.find(other) == nullptr) ok = complain("'" + name + "' needs '" + other + "' beside it");
      }
    }
    for (const auto& [name, schema] : node.dependent_schemas) {
      if (value.find(name) != nullptr) ok &= nested(*schema, value, path_);
    }
    return ok;
  }

  bool property(const SchemaNode& node, const std::string& name, const Value& member) {
    const std::string path = path_.empty() ? name : path_ + '.' + name;
    bool ok = true;
    bool known = false;
    if (const auto it = std::ranges::find(node.properties, name, [](const auto& p) { return p.first; });
        it != node.properties.end()) {
      known = true;
      ok &= nested(*it->second, member, path);
    }
    for (const auto& [pattern, schema] : node.pattern_properties) {
      if (!re2::RE2::PartialMatch(name, *pattern)) continue;
      known = true;
      ok &= nested(*schema, member, path);
    }
    if (node.property_names != nullptr && !fits(*node.property_names, name))
      ok = complain("the name '" + name + "' is not allowed");
    if (known || node.additional_properties == nullptr) return ok;
    if (node.additional_properties->always == false) {
      NearestName nearest(name);
      for (const auto& p : node.properties) nearest.consider(p.first);
      return complain("'" + name + "' is not allowed" +
                      (nearest.best().empty() ? "" : "; did you mean '" + nearest.best() + "'?"));
    }
    return nested(*node.additional_properties, member, path) && ok;
  }

  bool combinations(const SchemaNode& node, const Value& value) {
    bool ok = true;
    for (const SchemaNode* part : node.all_of) ok &= nested(*part, value, path_);
    if (!node.any_of.empty() &&
        std::ranges::none_of(node.any_of, [&](const SchemaNode* part) { return fits(*part, value); })) {
      ok = complain("fits none of the allowed forms (anyOf)");
    }
    if (!node.one_of.empty()) {
      const auto fitting =
          std::ranges::count_if(node.one_of, [&](const SchemaNode* part) { return fits(*part, value); });
      if (fitting != 1)
        ok = complain("must fit exactly one of the allowed forms (oneOf), fits " + std::to_string(fitting));
    }
    if (node.negated != nullptr && fits(*node.negated, value)) ok = complain("has a form that is not allowed (not)");
    if (node.condition != nullptr) {
      const SchemaNode* branch = fits(*node.condition, value) ? node.then_node : node.else_node;
      if (branch != nullptr) ok &= nested(*branch, value, path_);
    }
    return ok;
  }

  const std::string& path_;
  Reasons& reasons_;
  size_t reasons_max_;
  size_t& rounds_;
  size_t depth_;
};

}  // namespace

bool check_node(const SchemaNode& node, const Value& value, const std::string& path, Reasons& reasons,
                size_t reasons_max, size_t& rounds, size_t depth) {
  constexpr size_t kSchemaDepthMax = 512;         // a recursive $ref that consumes nothing
  if (++rounds > kSchemaRoundsMax) return false;  // parts that each refer to two others
  if (depth > kSchemaDepthMax) {
    if (reasons.size() < reasons_max) reasons.push_back(path + ": the schema refers to itself without end");
    return false;
  }
  return Check(path, reasons, reasons_max, rounds, depth).run(node, value);
}

}  // namespace compozy::json
