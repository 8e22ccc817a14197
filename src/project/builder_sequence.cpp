// SPDX-License-Identifier: Apache-2.0
//
// The children of a composite. They run as they are declared, unless one says what comes next; only a later sibling
// can. Where that would leave two readings, the YAML has to say which one is meant:
//   a sibling that some route or failure leads to is one of several ways; the child before it must say whether it goes
//   there as well.
#include <algorithm>
#include <set>
#include <utility>

#include "base/text.hpp"
#include "project/builder.hpp"

namespace compozy::project {
namespace {

struct Link {
  std::string field;
  std::string_view target;
  bool is_branch = true;  // one of several ways
};

std::vector<Link> links_of(const Task& task) {
  std::vector<Link> links;
  if (task.on_success && !task.is_final)
    links.push_back({.field = "on_success.next", .target = task.on_success->next, .is_branch = false});
  if (task.on_error) links.push_back({.field = "on_error.next", .target = task.on_error->next});
  for (const auto& [value, target] : task.routes) links.push_back({.field = "routes." + value, .target = target});
  links.push_back({.field = "default_route", .target = task.default_route});
  links.push_back({.field = "on_timeout", .target = task.on_timeout});
  std::erase_if(links, [](const Link& link) { return link.target.empty(); });
  return links;
}

bool falls_through(const Task& task) {
  return task.type != TaskType::router && !task.is_final && (!task.on_success || task.on_success->next.empty());
}

}  // namespace

void Builder::build_sequence(const Node& list, Task& task, const std::string& path, const std::string& qualified) {
  std::map<std::string, Node> outer = std::exchange(siblings_, {});
  in_sequence_ = true;
  task.tasks = build_tasks(list, path, qualified, false);
  in_sequence_ = false;
  check_sequence(task.tasks);
  siblings_ = std::move(outer);
}

void Builder::check_sequence(const std::vector<Task>& tasks) {
  const size_t errors = diagnostics_.count();
  std::set<std::string_view> branches;
  for (size_t i = 0; i < tasks.size(); ++i) {
    for (const Link& link : links_of(tasks[i])) {
      if (link.is_branch) branches.insert(link.target);
      const auto found = std::ranges::find(tasks, link.target, &Task::id);
      const auto position = static_cast<size_t>(found - tasks.begin());
      if (found != tasks.end() && position > i) continue;
      std::vector<std::string_view> later;
      for (size_t k = i + 1; k < tasks.size(); ++k) later.emplace_back(tasks[k].id);
      const std::string name = "'" + std::string(link.target) + "'";
      const Node& at = node_at(siblings_[tasks[i].id], link.field);
      diagnostics_.add(at, "task '" + tasks[i].id + "'." + link.field,
                       found == tasks.end()
                           ? "unknown task " + name + ": inside a composite only a later sibling can come next" +
                                 did_you_mean(link.target, later)
                           : name +
                                 " does not stand after it; inside a composite only a later sibling can come next: "
                                 "use a loop to go back");
    }
  }
  for (size_t i = 0; i + 1 < tasks.size(); ++i) {
    const std::string& next = tasks[i + 1].id;
    if (!falls_through(tasks[i]) || !branches.contains(next)) continue;
    diagnostics_.add(siblings_[tasks[i].id], "task '" + tasks[i].id + "'",
                     "'" + next +
                         "' stands next, and is also where a route or a failure leads to: say what comes after '" +
                         tasks[i].id + "', with 'on_success: {next: …}' or 'final: true'");
  }
  if (diagnostics_.count() == errors) check_siblings_reached(tasks);
}

void Builder::check_siblings_reached(const std::vector<Task>& tasks) {
  std::vector<bool> reached(tasks.size(), false);
  if (!tasks.empty()) reached[0] = true;
  for (size_t i = 0; i < tasks.size(); ++i) {  // links lead to later ones alone
    if (!reached[i] && !tasks[i].id.empty()) {
      diagnostics_.add(siblings_[tasks[i].id], "task '" + tasks[i].id + "'",
                       "nothing leads to it: no child before it goes on here, by itself or by name");
    }
    if (i + 1 < tasks.size() && falls_through(tasks[i])) reached[i + 1] = true;
    for (const Link& link : links_of(tasks[i])) {
      const auto found = std::ranges::find(tasks, link.target, &Task::id);
      if (found != tasks.end()) reached[static_cast<size_t>(found - tasks.begin())] = true;
    }
  }
}

}  // namespace compozy::project
