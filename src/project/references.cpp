// SPDX-License-Identifier: Apache-2.0
#include "project/references.hpp"

#include <algorithm>
#include <array>
#include <optional>

#include "base/text.hpp"
#include "project/yaml.hpp"

namespace compozy::project {
namespace {

constexpr size_t kChainMax = 16;

bool starts_and_drop(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

// #(id=="x") or #(id="x"): the field and the value.
struct Filter {
  std::string_view field;
  std::string_view value;
};
std::optional<Filter> parse_filter(std::string_view text) {
  if (!starts_and_drop(text, "#(") || !text.ends_with(')')) return std::nullopt;
  text.remove_suffix(1);
  const size_t equals = text.find('=');
  if (equals == std::string_view::npos) return std::nullopt;
  Filter out{.field = trim(text.substr(0, equals)), .value = {}};
  std::string_view value = text.substr(equals + 1);
  if (value.starts_with('=')) value.remove_prefix(1);
  value = trim(value);
  const bool quoted =
      value.size() >= 2 && (value.front() == '"' || value.front() == '\'') && value.back() == value.front();
  out.value = quoted ? value.substr(1, value.size() - 2) : value;
  return out;
}

// How two things of one place become one. The names are those of `$merge`.
enum class MergeStrategy : uint8_t { deep, shallow, concat, prepend, unique };
constexpr std::array<std::string_view, 6> kStrategies{"deep", "shallow", "concat", "prepend", "unique", "default"};
constexpr std::array<std::string_view, 4> kConflicts{"last", "replace", "first", "error"};
struct MergeRule {
  MergeStrategy strategy = MergeStrategy::deep;
  bool first_wins = false;
  const Node** conflict = nullptr;  // set to the second of two values of one key, where those are not to be
};

void merge_over(Node& base, const Node& over, const MergeRule& rule = {}) {
  if (base.is_list() && over.is_list()) {
    const auto at = rule.strategy == MergeStrategy::prepend ? base.items.begin() : base.items.end();
    if (rule.strategy != MergeStrategy::unique) {
      base.items.insert(at, over.items.begin(), over.items.end());
      return;
    }
    for (const Node& item : over.items) {
      const bool present = std::ranges::any_of(base.items, [&](const Node& old) { return old.json() == item.json(); });
      if (!present) base.items.push_back(item);
    }
    return;
  }
  if (!base.is_map() || !over.is_map()) {
    if (rule.conflict != nullptr && *rule.conflict == nullptr) *rule.conflict = &over;
    if (!rule.first_wins) base = over;
    return;
  }
  for (const Node::Member& member : over.members) {
    Node* present = base.find(member.name);
    if (present == nullptr) {
      base.members.push_back(member);
    } else if (rule.strategy != MergeStrategy::shallow) {
      merge_over(*present, member.value, rule);
    } else {
      if (rule.conflict != nullptr && *rule.conflict == nullptr) *rule.conflict = &member.value;
      if (!rule.first_wins) *present = member.value;
    }
  }
}

class Expander {
 public:
  Expander(const ReferenceScope& scope, Diagnostics& diagnostics) : scope_(scope), diagnostics_(diagnostics) {}

  // `in_schema`: a `$ref` there is the schema's own, unless it says local::, global:: or resource::.
  void run(Node& node, const std::string& path, size_t chain, bool in_schema = false) {
    if (node.is_map()) {
      if (is_reference(node.find("$ref"), in_schema)) replace(node, path, chain);
      if (node.find("$use") != nullptr) use(node, path);
      if (node.find("$merge") != nullptr) merge(node, path, chain);
      for (Node::Member& member : node.members) {
        const bool schema = member.name == "schemas" || member.name == "input" || member.name == "output";
        run(member.value, path.empty() ? member.name : path + '.' + member.name, chain, in_schema || schema);
      }
    }
    for (size_t i = 0; i < node.items.size(); ++i)
      run(node.items[i], path + '[' + std::to_string(i) + ']', chain, in_schema);
  }

 private:
  static bool is_reference(const Node* directive, bool in_schema) {
    if (directive == nullptr || !in_schema) return directive != nullptr;
    const std::string text = scalar_text(*directive);
    return text.starts_with("local::") || text.starts_with("global::") || text.starts_with("resource::");
  }

  void replace(Node& node, const std::string& path, size_t chain) {
    const Node directive = *node.find("$ref");
    node.erase("$ref");
    const Node* target = find(directive, directive.is_text() ? directive.scalar.as_string() : "", path);
    if (target == nullptr) return;
    if (chain >= kChainMax) return diagnostics_.add(directive, path, "'$ref' leads round in a circle");
    if (!grow(directive, path, *target)) return;
    Node copy = *target;
    run(copy, path, chain + 1);
    merge_over(copy, node);
    copy.mark = node.mark;
    node = std::move(copy);
  }

  void use(Node& node, const std::string& path) {
    const Node directive = *node.find("$use");
    node.erase("$use");
    std::string_view text = directive.is_text() ? std::string_view(directive.scalar.as_string()) : "";
    const size_t open = text.find('(');
    const std::string kind(text.substr(0, open));
    if (kind == "mcp") {
      return diagnostics_.add(directive, path, "MCP servers are not supported yet; wrap what you need in a tool",
                              Errc::unsupported);
    }
    if (open == std::string_view::npos || !text.ends_with(')') || (kind != "agent" && kind != "tool")) {
      return diagnostics_.add(directive, path, "'$use' takes agent(<reference>) or tool(<reference>)");
    }
    const Node* target = find(directive, text.substr(open + 1, text.size() - open - 2), path);
    if (target == nullptr) return;
    // By id: the reference is then resolved like any other, and the object is built once.
    Node id;
    id.mark = directive.mark;
    id.scalar = target->text("id");
    node.set(kind, std::move(id));
  }

  void merge(Node& node, const std::string& path, size_t chain) {
    const Node directive = *node.find("$merge");
    node.erase("$merge");
    const Node* sources = directive.is_map() ? directive.find("sources") : &directive;
    if (sources == nullptr || !sources->is_list()) {
      return diagnostics_.add(directive, path, "'$merge' takes a list, or a map with 'sources'");
    }
    if (chain >= kChainMax) return diagnostics_.add(directive, path, "'$merge' nests too deeply");
    MergeRule rule;
    const Node* conflict = nullptr;
    read_rule(directive, path, rule, conflict);
    Node merged;
    bool first = true;
    for (const Node& given : sources->items) {
      if (!grow(directive, path, given)) return;
      Node source = given;
      run(source, path, chain + 1);
      if (first) {
        merged = std::move(source);
      } else {
        merge_over(merged, source, rule);
        if (conflict != nullptr) {
          diagnostics_.add(*conflict, path, "two sources of '$merge' give different values for one key");
          conflict = nullptr;
        }
      }
      first = false;
    }
    if (merged.is_map()) merge_over(merged, node);
    merged.mark = node.mark;
    node = std::move(merged);
  }

  void read_rule(const Node& directive, const std::string& path, MergeRule& rule, const Node*& conflict) {
    if (!directive.is_map()) return;
    for (const Node::Member& member : directive.members) {
      const std::string value = member.value.is_text() ? member.value.scalar.as_string() : "";
      const auto unknown = [&](const auto& known) {
        diagnostics_.add(member.value, path,
                         "unknown " + member.name + " '" + value + "' of '$merge'" + did_you_mean(value, known));
      };
      if (member.name == "strategy") {
        const auto found = std::ranges::find(kStrategies, value);
        if (found == kStrategies.end()) {
          unknown(kStrategies);
        } else if (value != "default") {
          rule.strategy = static_cast<MergeStrategy>(found - kStrategies.begin());
        }
      } else if (member.name == "key_conflict") {
        if (std::ranges::find(kConflicts, value) == kConflicts.end()) unknown(kConflicts);
        rule.first_wins = value == "first";
        if (value == "error") rule.conflict = &conflict;
      } else if (member.name != "sources") {
        diagnostics_.add(member.value, path,
                         "unknown field '" + member.name + "' of '$merge'; expected sources, strategy, key_conflict");
      }
    }
  }

  // Copies multiply: within the limit that aliases have.
  bool grow(const Node& directive, const std::string& path, const Node& by) {
    if (grown_ > kYamlNodesMax) return false;
    grown_ += by.count();
    if (grown_ <= kYamlNodesMax) return true;
    diagnostics_.add(directive, path,
                     "'$ref' and '$merge' expand to more than " + std::to_string(kYamlNodesMax) + " values");
    return false;
  }

  const Node* find(const Node& directive, std::string_view text, const std::string& path) {
    const std::string whole(text);
    if (whole.find("{{") != std::string::npos) {
      return refuse(directive, path, whole,
                    "references are resolved when the project is loaded, so they hold no templates; use a router task");
    }
    std::string_view list;
    std::optional<Filter> filter;
    const size_t hash = text.find("#(");
    if (hash != std::string_view::npos) filter = parse_filter(text.substr(hash));
    const std::string_view head = text.substr(0, hash);
    if (!filter) return refuse(directive, path, whole, "expected for example local::tools.#(id==\"x\")");
    if (head.starts_with("resource::")) {
      std::string_view type = head.substr(10);
      while (type.ends_with(':')) type.remove_suffix(1);
      const Node* found = filter->field == "id" && scope_.resource ? scope_.resource(type, filter->value) : nullptr;
      return found != nullptr ? found : refuse(directive, path, whole, "no autoloaded file has this type and id");
    }
    const Node* root = head.starts_with("local::")    ? scope_.local
                       : head.starts_with("global::") ? scope_.global
                                                      : nullptr;
    if (root == nullptr) return refuse(directive, path, whole, "it starts with 'local::', 'global::' or 'resource::'");
    list = head.substr(head.find("::") + 2);
    if (list.ends_with('.')) list.remove_suffix(1);
    const Node* at = root;
    for (std::string_view name : split(list, '.')) at = at == nullptr ? nullptr : at->find(name);
    if (at == nullptr || !at->is_list())
      return refuse(directive, path, whole, "there is no list '" + std::string(list) + "'");
    std::vector<std::string> values;
    for (const Node& item : at->items) {
      values.push_back(item.text(filter->field));
      if (values.back() == filter->value) return &item;
    }
    return refuse(directive, path, whole,
                  "no element of '" + std::string(list) + "' has " + std::string(filter->field) + " '" +
                      std::string(filter->value) + "'" + did_you_mean(filter->value, values));
  }

  const Node* refuse(const Node& directive, const std::string& path, const std::string& text, const std::string& why) {
    diagnostics_.add(directive, path, "cannot resolve '" + text + "': " + why);
    return nullptr;
  }

  const ReferenceScope& scope_;
  Diagnostics& diagnostics_;
  size_t grown_ = 0;
};

}  // namespace

void expand_references(Node& node, const ReferenceScope& scope, const std::string& path, Diagnostics& diagnostics) {
  Expander(scope, diagnostics).run(node, path, 0);
}

}  // namespace compozy::project
