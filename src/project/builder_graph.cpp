// SPDX-License-Identifier: Apache-2.0
//
// What only the whole workflow shows: where transitions lead, which tasks nothing reaches, which results nobody makes.
#include <algorithm>
#include <set>

#include "base/text.hpp"
#include "expression/template.hpp"
#include "project/builder.hpp"

namespace compozy::project {
namespace {

std::vector<std::string> ids_of(const std::vector<Task>& tasks) {
  std::vector<std::string> out;
  out.reserve(tasks.size());
  for (const Task& task : tasks) out.push_back(task.id);
  return out;
}

// Whether a reference may mean a task whose id is a template: "judge-{{ .index }}" as "judge-*".
bool may_match(const std::string& id, const std::string& wanted) {
  if (!expression::is_template(id)) return id == wanted;
  std::string pattern;
  for (size_t at = 0; at < id.size();) {
    const size_t open = std::min(id.find("{{", at), id.size());
    for (char c : id.substr(at, open - at))
      pattern +=
          std::string_view("*?[\\").find(c) == std::string_view::npos ? std::string(1, c) : std::string("\\") + c;
    if (open == id.size()) break;
    pattern += '*';
    const size_t close = id.find("}}", open);
    at = close == std::string::npos ? id.size() : close + 2;
  }
  return glob_match(pattern, wanted);
}

}  // namespace

void Builder::check_target(const std::string& target, const Task& task, std::string_view field) {
  if (target.empty() || workflow_.find_task(target) != nullptr) return;
  Node at;
  at.mark = marks_[task.id];
  auto node = top_level_.find(task.id);
  if (node != top_level_.end()) {
    const Node* found = &node->second;
    for (std::string_view name : split(field, '.')) {
      const Node* next = found->find(name);
      if (next == nullptr) break;
      found = next;
    }
    at.mark = found->mark;
  }
  std::string message = "unknown task '" + target + "'" + did_you_mean(target, ids_of(workflow_.tasks));
  const bool is_child = std::ranges::find(all_task_ids_, target) != all_task_ids_.end();
  if (is_child) message = "'" + target + "' is a child of another task; only a top-level task can come next";
  diagnostics_.add(at, "task '" + task.id + "'." + std::string(field), std::move(message));
}

void Builder::check_graph() {
  if (workflow_.tasks.empty()) return;
  std::set<std::string> seen;
  for (const Task& task : workflow_.tasks) {
    if (!seen.insert(task.id).second && !task.id.empty()) {
      Node at;
      at.mark = marks_[task.id];
      diagnostics_.add(at, "tasks", "task '" + task.id + "' is defined twice, once as a route");
    }
    if (task.on_success) check_target(task.on_success->next, task, "on_success.next");
    if (task.on_error) check_target(task.on_error->next, task, "on_error.next");
    for (const auto& [value, target] : task.routes) check_target(target, task, "routes." + value);
    check_target(task.default_route, task, "default_route");
    check_target(task.on_timeout, task, "on_timeout");
  }
  check_reachable();
  check_task_uses();
}

void Builder::check_reachable() {
  std::set<std::string_view> reached;
  std::vector<const Task*> open{&workflow_.tasks.front()};
  const auto reach = [&](std::string_view id) {
    if (const Task* task = workflow_.find_task(id); task != nullptr && !reached.contains(task->id))
      open.push_back(task);
  };
  while (!open.empty()) {
    const Task* task = open.back();
    open.pop_back();
    if (!reached.insert(task->id).second) continue;
    if (task->on_success && !task->is_final) reach(task->on_success->next);
    if (task->on_error) reach(task->on_error->next);
    for (const auto& [value, target] : task->routes) reach(target);
    reach(task->default_route);
    reach(task->on_timeout);
  }
  for (const Task& task : workflow_.tasks) {
    if (reached.contains(task.id) || task.id.empty()) continue;
    Node at;
    at.mark = marks_[task.id];
    diagnostics_.add(
        at, "tasks",
        "nothing leads to task '" + task.id + "'; add it to an 'on_success.next', an 'on_error.next' or a route");
  }
}

void Builder::check_task_uses() {
  for (const TaskUse& use : uses_) {
    const bool known =
        std::ranges::any_of(all_task_ids_, [&](const std::string& id) { return may_match(id, use.task); });
    if (known) continue;
    Node at;
    at.mark = use.mark;
    diagnostics_.add(at, use.field,
                     "there is no task '" + use.task + "' whose result '.tasks." + use.task + "' could be" +
                         did_you_mean(use.task, all_task_ids_));
  }
}

}  // namespace compozy::project
