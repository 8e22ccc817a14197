// SPDX-License-Identifier: Apache-2.0
#include "expression/template/template.hpp"

#include "expression/recent.hpp"
#include "expression/template/run.hpp"

namespace compozy::expression {
namespace {

std::string element_name(size_t index) { return '[' + std::to_string(index) + ']'; }

}  // namespace

Result<Template> Template::parse(std::string_view text) {
  Template out;
  TRY(out.code_, parse_template(text));
  return out;
}

Result<json::Value> Template::evaluate(const json::Value& context, const Environment& environment) const {
  return evaluate_code(*code_, context, environment);
}

Result<std::string> Template::render(const json::Value& context, const Environment& environment) const {
  return render_code(*code_, context, environment);
}

const std::vector<Reference>& Template::references() const { return code_->references; }

Result<Template> cached_template(std::string_view text) {
  static Recent<Template> recent(kTemplateCacheMax);
  return recent.get(text, [&] { return Template::parse(text); });
}

Result<json::Value> render_tree(const json::Value& tree, const json::Value& context, const Environment& environment) {
  if (tree.is_string()) {
    if (!is_template(tree.as_string())) return tree;
    TRY(Template parsed, cached_template(tree.as_string()));
    return parsed.evaluate(context, environment);
  }
  if (tree.is_array()) {
    json::Array items;
    items.reserve(tree.size());
    for (size_t i = 0; i < tree.size(); ++i) {
      auto item = render_tree(tree.as_array()[i], context, environment);
      if (!item) return fail(std::move(item).error().in_field(element_name(i)));
      items.push_back(*std::move(item));
    }
    return json::Value(std::move(items));
  }
  if (tree.is_object()) {
    json::Object members;
    for (const auto& [name, member] : tree.as_object()) {
      auto value = render_tree(member, context, environment);
      if (!value) return fail(std::move(value).error().in_field(name));
      members.set(name, *std::move(value));
    }
    return json::Value(std::move(members));
  }
  return tree;
}

Result<void> check_tree(const json::Value& tree, std::vector<std::string>* task_references) {
  if (tree.is_string() && is_template(tree.as_string())) {
    TRY(Template parsed, cached_template(tree.as_string()));
    if (task_references != nullptr) {
      const auto names = parsed.task_references();
      task_references->insert(task_references->end(), names.begin(), names.end());
    }
  }
  if (tree.is_array()) {
    for (size_t i = 0; i < tree.size(); ++i) {
      auto checked = check_tree(tree.as_array()[i], task_references);
      if (!checked) return fail(std::move(checked).error().in_field(element_name(i)));
    }
  }
  if (tree.is_object()) {
    for (const auto& [name, member] : tree.as_object()) {
      auto checked = check_tree(member, task_references);
      if (!checked) return fail(std::move(checked).error().in_field(name));
    }
  }
  return {};
}

}  // namespace compozy::expression
