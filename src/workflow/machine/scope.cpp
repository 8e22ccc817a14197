// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <span>

#include "expression/cel/cel.hpp"
#include "expression/template/template.hpp"
#include "json/print.hpp"
#include "project/condition.hpp"
#include "workflow/machine/decider.hpp"

namespace compozy::workflow {

namespace {
constexpr int64_t kParentDepthMax = 10;
}

expression::Environment Decider::environment() {
  // Each expression of one decision has chance of its own, and the same one when it is decided again.
  constexpr uint64_t kStep = 0x9e3779b97f4a7c15;
  return {.now_ms = stamp_.at_ms, .entropy = stamp_.entropy + kStep * ++expressions_, .steps_left = &steps_left_};
}

json::Value Decider::base_context(const Task* task, const json::Value& input, const json::Value& vars,
                                  const std::string& around) {
  static const json::Value nothing = json::Value::object();
  json::Value context = json::Value::object(
      {{"workflow", json::Value::object({{"id", state_.workflow},
                                         {"exec_id", state_.run_id},
                                         {"input", state_.input},
                                         {"status", status_name(state_.status)},
                                         {"output", nullptr},
                                         {"error", nullptr}})},
       {"tasks", state_.tasks},
       {"project", json::Value::object({{"id", program_.workflow().project}, {"name", program_.workflow().project}})},
       {"trigger", nothing},
       {"agents", nothing},  // always there, always empty: what a project defines is not data
       {"tools", nothing},
       {"output", nullptr}});
  const json::Value whole_input = merge(vars.is_null() ? json::Value::object() : vars, input);
  context.set("input", whole_input);
  context.set("with", whole_input);
  if (vars.is_object()) {
    for (const auto& [name, value] : vars.as_object()) context.set(name, value);
  }
  if (!workflow_env_rendered_) {
    workflow_env_rendered_ = true;
    workflow_env_ = program_.host_env().is_null() ? json::Value::object() : program_.host_env();
    json::Value below = context;
    below.set("env", workflow_env_);
    // An env that cannot be rendered shows itself where it is used, as a missing name.
    if (auto env = render(program_.workflow().env, below)) workflow_env_ = merge(workflow_env_, *env);
  }
  json::Value env = env_around(around);
  context.set("env", env);
  if (task != nullptr && !task->env.is_null()) {
    if (auto own = render(task->env, context)) context.set("env", merge(std::move(env), *own));
  }
  if (task != nullptr) {
    context.set("task", json::Value::object({{"id", task->id},
                                             {"type", project::task_type_name(task->type)},
                                             {"component", "task"},
                                             {"action", task->action},
                                             {"status", status_name(Status::running)},
                                             {"input", whole_input},
                                             {"with", whole_input},
                                             {"env", context["env"]},
                                             {"output", nullptr},
                                             {"error", nullptr}}));
  }
  return context;
}

json::Value Decider::context_of(const Task& task, const Frame& frame) {
  return task_context(task, frame.parent, frame.input, frame.vars);
}

json::Value Decider::task_context(const Task& task, const std::string& parent, const json::Value& input,
                                  const json::Value& vars) {
  json::Value context = base_context(&task, input, vars, parent);
  if (parent.empty()) return context;
  const json::Value view = parent_view(parent, 1);
  return context.set("parent", view).set("current", view);
}

json::Value Decider::env_around(const std::string& path) {
  if (path.empty() || !program_.containers_have_env()) return workflow_env_;
  const Frame* frame = state_.find_frame(path);
  const Task* task = frame == nullptr ? nullptr : program_.find_task(path);
  if (task == nullptr) return workflow_env_;
  return base_context(task, frame->input, frame->vars, frame->parent)["env"];
}

// `.parent`: the task around this one, and around that.
json::Value Decider::parent_view(const std::string& path, int64_t depth) {
  const Frame* parent = state_.find_frame(path);
  if (parent == nullptr) return {};
  json::Value view = json::Value::object({{"id", parent->id},
                                          {"type", project::task_type_name(parent->type)},
                                          {"input", parent->input},
                                          {"with", parent->input},
                                          {"action", ""},
                                          {"env", env_around(path)},
                                          {"status", status_name(Status::running)},
                                          {"output", nullptr},
                                          {"error", nullptr}});
  if (!parent->parent.empty() && depth < kParentDepthMax) view.set("parent", parent_view(parent->parent, depth + 1));
  return view;
}

Result<json::Value> Decider::attributes() {
  json::Value out = json::Value::object();
  const json::Value& wanted = program_.workflow().attributes;
  if (!wanted.is_object()) return out;
  const json::Value context = base_context(nullptr, {}, {});
  for (const auto& [name, text] : wanted.as_object()) {
    auto value = render(text, context);
    if (!value) return fail(std::move(value).error().with_context("attribute '" + name + "'"));
    if (value->is_null() || (value->is_string() && value->as_string().empty())) continue;
    if (!value->is_string() && !value->is_number() && !value->is_bool()) {
      return fail(Errc::validation_failed, "attribute '" + name + "' is neither a text nor a number nor true or false");
    }
    if (value->is_string() && value->as_string().size() > kAttributeBytesMax) {
      return fail(Errc::validation_failed,
                  "attribute '" + name + "' has more than " + std::to_string(kAttributeBytesMax) + " bytes");
    }
    out.set(name, std::move(*value));
  }
  return out;
}

Result<json::Value> Decider::render(const json::Value& tree, const json::Value& context) {
  return expression::render_tree(tree, context, environment());
}

Result<json::Value> Decider::render_text(const std::string& text, const json::Value& context) {
  if (!expression::is_template(text)) return json::Value(text);
  TRY(const expression::Template parsed, expression::cached_template(text));
  return parsed.evaluate(context, environment());
}

Result<std::string> Decider::render_to_text(const std::string& text, const json::Value& context) {
  if (!expression::is_template(text)) return text;
  TRY(const expression::Template parsed, expression::cached_template(text));
  return parsed.render(context, environment());
}

Result<json::Value> Decider::cel(const std::string& text, const json::Value& context) {
  std::vector<std::string_view> names;
  for (const auto& [name, value] : context.as_object()) names.push_back(name);
  // A name of the language that this place does not have is null: the loader has refused the others.
  for (const std::span<const std::string_view> further :
       {std::span<const std::string_view>(project::kConditionNames),
        std::span<const std::string_view>(project::kChildConditionNames),
        std::span<const std::string_view>(project::kItemConditionNames),
        std::span<const std::string_view>(project::kSignalConditionNames),
        std::span<const std::string_view>(project::kLoopConditionNames)}) {
    names.insert(names.end(), further.begin(), further.end());
  }
  TRY(const expression::Cel program, expression::cached_cel(text, names));
  return program.evaluate(context, environment());
}

}  // namespace compozy::workflow
