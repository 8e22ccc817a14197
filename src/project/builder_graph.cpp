// SPDX-License-Identifier: Apache-2.0
//
// What only the whole workflow shows: where transitions lead, which tasks nothing reaches, which results nobody makes.
#include <algorithm>
#include <set>

#include "base/text.hpp"
#include "expression/template/template.hpp"
#include "project/builder.hpp"

namespace compozy::project {
namespace {

std::vector<std::string> ids_of(const std::vector<Task>& tasks) {
  std::vector<std::string> out;
  out.reserve(tasks.size());
  for (const Task& task : tasks) out.push_back(task.id);
  return out;
}

// Where a run may go from a task.
std::vector<std::string_view> targets_of(const Task& task) {
  std::vector<std::string_view> out;
  if (task.on_success && !task.is_final) out.emplace_back(task.on_success->next);
  if (task.on_error) out.emplace_back(task.on_error->next);
  for (const auto& [value, target] : task.routes) out.emplace_back(target);
  for (const std::string* target : {&task.default_route, &task.on_timeout}) {
    if (!target->empty()) out.emplace_back(*target);
  }
  return out;
}

}  // namespace

const Node& node_at(const Node& task, std::string_view field) {
  const Node* at = &task;
  for (std::string_view name : split(field, '.')) {
    const Node* next = at->find(name);
    if (next == nullptr) break;
    at = next;
  }
  return *at;
}

void Builder::check_target(const std::string& target, const Task& task, std::string_view field) {
  if (target.empty() || top_index_.contains(target)) return;
  std::string message = "unknown task '" + target + "'" + did_you_mean(target, ids_of(workflow_.tasks));
  const bool is_child = std::ranges::find(places_, target, &Place::id) != places_.end();
  if (expression::is_template(target))
    message =
        "'" + target +
        "' is a template; the graph is checked before it runs: give each task that can come next a route of its own";
  if (is_child) message = "'" + target + "' is a child of another task; only a top-level task can come next";
  diagnostics_.add(node_at(top_level_[task.id], field), "task '" + task.id + "'." + std::string(field),
                   std::move(message));
}

void Builder::check_graph() {
  if (workflow_.tasks.empty()) return;
  for (size_t i = 0; i < workflow_.tasks.size(); ++i) top_index_.emplace(workflow_.tasks[i].id, i);
  std::set<std::string_view> seen;
  const size_t written = file_.find("tasks") == nullptr ? 0 : file_.find("tasks")->items.size();
  for (size_t i = 0; i < workflow_.tasks.size(); ++i) {
    const Task& task = workflow_.tasks[i];
    if (!seen.insert(task.id).second && !task.id.empty() && i >= written) {
      diagnostics_.add(top_level_[task.id], "tasks", "task '" + task.id + "' is defined twice, once as a route");
    }
    if (task.on_success) check_target(task.on_success->next, task, "on_success.next");
    if (task.on_error) check_target(task.on_error->next, task, "on_error.next");
    for (const auto& [value, target] : task.routes) check_target(target, task, "routes." + value);
    check_target(task.default_route, task, "default_route");
    check_target(task.on_timeout, task, "on_timeout");
  }
  if (!workflow_.on_cancel.empty() && !top_index_.contains(workflow_.on_cancel)) {
    diagnostics_.add(
        *file_.find("on_cancel"), "on_cancel",
        "unknown task '" + workflow_.on_cancel + "'" + did_you_mean(workflow_.on_cancel, ids_of(workflow_.tasks)));
  }
  check_reachable();
  check_ends();
  check_task_uses();
}

void Builder::check_reachable() {
  leading_in_.assign(workflow_.tasks.size(), {});
  for (size_t i = 0; i < workflow_.tasks.size(); ++i) {
    for (const std::string_view target : targets_of(workflow_.tasks[i])) {
      if (const auto found = top_index_.find(target); found != top_index_.end())
        leading_in_[found->second].push_back(i);
    }
  }
  std::vector<size_t> open{0};
  if (const auto cleanup = top_index_.find(workflow_.on_cancel); cleanup != top_index_.end())
    open.push_back(cleanup->second);
  while (!open.empty()) {
    const Task& task = workflow_.tasks[open.back()];
    open.pop_back();
    if (!reached_.insert(task.id).second) continue;
    for (const std::string_view target : targets_of(task)) {
      if (const auto found = top_index_.find(target); found != top_index_.end()) open.push_back(found->second);
    }
  }
  for (const Task& task : workflow_.tasks) {
    if (reached_.contains(task.id) || task.id.empty()) continue;
    diagnostics_.add(
        top_level_[task.id], "tasks",
        "nothing leads to task '" + task.id + "'; add it to an 'on_success.next', an 'on_error.next' or a route");
  }
}

// A run that gets to a task from which no way leads to an end goes round for ever.
void Builder::check_ends() {
  std::vector<bool> ends(workflow_.tasks.size(), false);
  std::vector<size_t> open;
  const auto add = [&](size_t task) {
    if (!ends[task]) open.push_back(task);
    ends[task] = true;
  };
  for (size_t i = 0; i < workflow_.tasks.size(); ++i) {
    const Task& task = workflow_.tasks[i];
    const auto is_unknown = [&](std::string_view target) { return !top_index_.contains(target); };
    const bool may_end = task.type != TaskType::router && (task.is_final || !task.on_success);
    if (may_end || std::ranges::any_of(targets_of(task), is_unknown)) add(i);
  }
  while (!open.empty()) {
    const size_t task = open.back();
    open.pop_back();
    for (const size_t before : leading_in_[task]) add(before);
  }
  const Task* first = nullptr;
  std::string names;
  size_t count = 0;
  for (size_t i = 0; i < workflow_.tasks.size(); ++i) {
    const Task& task = workflow_.tasks[i];
    if (ends[i] || !reached_.contains(task.id)) continue;
    if (first == nullptr) first = &task;
    if (++count <= 5) names += (names.empty() ? "'" : ", '") + task.id + "'";
  }
  if (first == nullptr) return;
  diagnostics_.add(top_level_[first->id], "tasks",
                   "a run that gets to " + names + (count > 5 ? " ..." : "") +
                       " goes round without end; let a router lead out, or use a 'loop' task with 'max_iterations'");
}

}  // namespace compozy::project
