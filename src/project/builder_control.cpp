// SPDX-License-Identifier: Apache-2.0
//
// Tasks that hold a run back or send it round: wait, loop, approval, and runs of other workflows.
#include "expression/cel/cel.hpp"
#include "expression/template/template.hpp"
#include "project/builder.hpp"
#include "project/condition.hpp"

namespace compozy::project {

void Builder::build_wait(const Node& node, Task& task, const std::string& path, const std::string& qualified) {
  task.wait_for = node.text("wait_for");
  task.on_timeout = node.text("on_timeout");
  if (const Node* condition = node.find("condition")) {
    task.condition = scalar_text(*condition);
    if (expression::is_template(task.condition)) {
      diagnostics_.add(*condition, path + ".condition",
                       "a wait's condition is CEL, without '{{ }}': signal.payload.status == \"ready\"");
    } else {
      check_condition(*condition, path + ".condition", {kSignalConditionNames[0], kSignalConditionNames[1]});
    }
  }
  const Node* processor = node.find("processor");
  if (processor == nullptr || !processor->is_map()) return;
  Node child = *processor;
  if (child.find("id") == nullptr) {
    Node id;
    id.mark = child.mark;
    id.scalar = "processor";
    child.set("id", std::move(id));
  }
  task.tasks.push_back(build_inside(child, path + ".processor", qualified, {kSignalConditionNames[0]}));
}

void Builder::build_child_run(const Node& node, Task& task, const std::string& path) {
  const Node* workflow = node.find("workflow");
  if (workflow == nullptr) return;
  task.child_workflow = scalar_text(*workflow);
  task.detached = node.json("detached").bool_or(false);
  child_runs_.push_back({.workflow = task.child_workflow, .mark = workflow->mark, .field = path + ".workflow"});
  if (task.detached && task.timeout_ms > 0)
    diagnostics_.add(*node.find("timeout"), path + ".timeout",
                     "a detached run is not waited for, so nothing times out");
}

void Builder::build_loop(const Node& node, Task& task, const std::string& path, const std::string& qualified) {
  task.max_iterations = integer_of(node, "max_iterations", 0);
  if (const Node* limit = node.find("max_iterations");
      limit != nullptr && (task.max_iterations < 1 || task.max_iterations > kIterationsMax)) {
    diagnostics_.add(*limit, path + ".max_iterations",
                     "must be from 1 to " + std::to_string(kIterationsMax) + ": a loop needs an end");
  }
  for (auto [field, target] : {std::pair{"while", &task.loop_while}, std::pair{"until", &task.loop_until}}) {
    const Node* condition = node.find(field);
    if (condition == nullptr) continue;
    *target = scalar_text(*condition);
    const std::string where = path + '.' + field;
    if (expression::is_template(*target)) {
      diagnostics_.add(*condition, where, "a loop's condition is CEL, without '{{ }}': last.score < 0.8");
    } else {
      check_condition(*condition, where, {kLoopConditionNames[0], kLoopConditionNames[1]});
    }
  }
  const Node* one = node.find("task");
  const Node* several = node.find("tasks");
  if ((one == nullptr) == (several == nullptr))
    return diagnostics_.add(node, path, "a loop has 'task', or 'tasks' that run one after the other");
  if (one != nullptr && one->is_map()) {
    task.tasks.push_back(
        build_inside(*one, path + ".task", qualified, {kLoopConditionNames[0], kLoopConditionNames[1]}));
  } else if (several != nullptr && several->is_list()) {  // a composite of them
    Node body;
    body.shape = Node::Shape::map;
    body.mark = several->mark;
    for (auto [name, text] : {std::pair{"id", "body"}, std::pair{"type", "composite"}}) {
      Node scalar;
      scalar.mark = several->mark;
      scalar.scalar = text;
      body.set(name, std::move(scalar));
    }
    body.set("tasks", *several);
    task.tasks.push_back(build_inside(body, path, qualified, {kLoopConditionNames[0], kLoopConditionNames[1]}));
  }
}

void Builder::build_approval(const Node& node, Task& task, const std::string& path) {
  if (const Node* message = node.find("message")) {
    task.message = scalar_text(*message);
    check_templates(*message, path + ".message", diagnostics_, uses_);
  }
  task.form = schema_of(node, "form", path);
  task.on_timeout = node.text("on_timeout");
  task.approvals_required = integer_of(node, "approvals_required", 1);
  if (const Node* list = node.find("approvers"); list != nullptr && list->is_list()) {
    for (const Node& item : list->items) task.approvers.push_back(scalar_text(item));
  }
  if (task.approvals_required < 1)
    return diagnostics_.add(*node.find("approvals_required"), path + ".approvals_required", "must be at least 1");
  if (!task.approvers.empty() && std::cmp_greater(task.approvals_required, task.approvers.size())) {
    diagnostics_.add(*node.find("approvals_required"), path + ".approvals_required",
                     "asks for " + std::to_string(task.approvals_required) + " of " +
                         std::to_string(task.approvers.size()) + " approvers");
  }
}

}  // namespace compozy::project
