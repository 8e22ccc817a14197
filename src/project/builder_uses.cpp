// SPDX-License-Identifier: Apache-2.0
//
// Whether what expressions name can be there when they are evaluated: names of the context, and results of tasks. Only
// what fails for certain is an error: what a run may or may not have passed is for the expression to ask.
#include <algorithm>
#include <array>

#include "base/text.hpp"
#include "expression/template/template.hpp"
#include "project/builder.hpp"
#include "project/condition.hpp"

namespace compozy::project {
namespace {

constexpr std::array<std::string_view, 3> kContainerOutputNames{"children", "results", "progress_info"};
constexpr std::array<std::string_view, 3> kWorkflowOutputNames{"status", "workflow_id", "workflow_exec_id"};

template <size_t N>
void append(std::vector<std::string_view>& to, const std::array<std::string_view, N>& names) {
  to.insert(to.end(), names.begin(), names.end());
}

// What a task's own result is known to: its `outputs` and its transitions.
bool is_after(std::string_view field, std::string_view task_path) {
  field.remove_prefix(std::min(field.size(), task_path.size()));
  return field.starts_with(".outputs") || field.starts_with(".on_success") || field.starts_with(".on_error");
}

}  // namespace

int64_t Builder::open_place(const Task& task, const std::string& path, bool is_top_level) {
  Place place{
      .id = task.id, .type = task.type, .parent = is_top_level ? -1 : place_, .path = path, .names = names_inside_};
  if (place.parent >= 0) place.position = places_[static_cast<size_t>(place.parent)].children++;
  places_.push_back(std::move(place));
  place_ = static_cast<int64_t>(places_.size()) - 1;
  return place_;
}

void Builder::close_place(int64_t place, size_t first_use, const Task& task) {
  Place& closed = places_[static_cast<size_t>(place)];
  closed.agent = task.agent;
  closed.action = task.action;
  if (task.type == TaskType::collection) {
    closed.names.insert(closed.names.end(), kItemConditionNames.begin(), kItemConditionNames.end());
    closed.names.insert(closed.names.end(), {task.item_var, task.index_var});
  }
  for (size_t i = first_use; i < uses_.size(); ++i) {
    if (uses_[i].place < 0) uses_[i].place = place;
  }
}

void Builder::check_task_uses() {
  for (size_t i = 0; i < places_.size(); ++i) {
    const std::string& id = places_[i].id;
    (expression::is_template(id) ? places_by_pattern_ : places_by_id_[id]).push_back(static_cast<int64_t>(i));
  }
  const auto check_known = [&](const TaskUse& use) {
    const std::string& task = use.reference.task;
    if (task.empty() || !places_of(task).empty()) return true;
    std::vector<std::string_view> ids;
    for (const Place& place : places_) {
      if (!place.id.empty()) ids.emplace_back(place.id);
    }
    diagnostics_.add(
        use.mark, use.field,
        "there is no task '" + task + "' whose result '.tasks." + task + "' could be" + did_you_mean(task, ids));
    return false;
  };
  for (const TaskUse& use : uses_) {
    if (check_known(use) && use.place >= 0) check_use(use, places_[static_cast<size_t>(use.place)]);
    if (use.field.starts_with("outputs.")) check_use(use, {});
  }
  for (auto& [agent, uses] : agent_uses_) {
    for (TaskUse& use : uses) {
      if (!check_known(use)) continue;
      for (size_t i = 0; i < places_.size(); ++i) {
        const Place& place = places_[i];
        if (place.agent != agent || (!use.action.empty() && use.action != place.action)) continue;
        const size_t errors = diagnostics_.count();
        use.place = static_cast<int64_t>(i);
        check_use(use, place);
        if (diagnostics_.count() > errors) break;  // once is enough
      }
    }
  }
}

void Builder::check_use(const TaskUse& use, const Place& place) {
  const expression::Reference& reference = use.reference;
  if (!reference.needed) return;
  std::vector<std::string_view> names;
  append(names, kConditionNames);
  names.insert(names.end(), place.names.begin(), place.names.end());
  const bool after = is_after(use.field, place.path);
  if (after) append(names, kContainerOutputNames);
  if (use.place < 0) append(names, kWorkflowOutputNames);
  if (std::ranges::find(names, reference.root) == names.end()) {
    return diagnostics_.add(use.mark, use.field,
                            "there is no '." + reference.root + "' here" + did_you_mean(reference.root, names));
  }
  check_shape(use, after);
  if (reference.task.empty() || use.place < 0) return;
  const int64_t later = use.place;
  if (!reached_.contains(places_[static_cast<size_t>(top_of(later))].id)) return;  // said already
  for (const int64_t earlier : places_of(reference.task)) {
    if (can_precede(earlier, later, after)) return;
  }
  diagnostics_.add(use.mark, use.field,
                   "task '" + reference.task + "' cannot have run before task '" + place.id + "' needs its result");
}

// The tasks that an id may mean: `judge-1` may be a child `judge-{{ .index }}`.
std::vector<int64_t> Builder::places_of(const std::string& id) const {
  std::vector<int64_t> out;
  if (const auto found = places_by_id_.find(id); found != places_by_id_.end()) out = found->second;
  for (const int64_t place : places_by_pattern_) {
    if (id_may_be(places_[static_cast<size_t>(place)].id, id)) out.push_back(place);
  }
  return out;
}

int64_t Builder::top_of(int64_t place) const {
  while (places_[static_cast<size_t>(place)].parent >= 0) place = places_[static_cast<size_t>(place)].parent;
  return place;
}

// `after`: what is evaluated stands where the later task has done its work.
bool Builder::can_precede(int64_t earlier, int64_t later, bool after) const {
  const auto at = [&](int64_t place) -> const Place& { return places_[static_cast<size_t>(place)]; };
  const auto line_of = [&](int64_t place) {  // from the top down
    std::vector<int64_t> line;
    for (; place >= 0; place = at(place).parent) line.push_back(place);
    std::ranges::reverse(line);
    return line;
  };
  const std::vector<int64_t> a = line_of(earlier);
  const std::vector<int64_t> b = line_of(later);
  if (leads_to(a.front(), b.front())) return true;
  if (a.front() != b.front()) return false;
  size_t same = 0;
  while (same < a.size() && same < b.size() && a[same] == b[same]) {
    const TaskType type = at(a[same++]).type;
    const bool comes_again = type == TaskType::loop || type == TaskType::collection || type == TaskType::wait;
    if (comes_again && same < a.size() && same < b.size()) return true;
  }
  if (same == a.size()) return true;   // the task itself, or one around it: its input is there
  if (same == b.size()) return after;  // inside the later one
  const bool in_order = at(a[same - 1]).type == TaskType::composite;
  return !in_order || at(a[same]).position < at(b[same]).position;
}

bool Builder::leads_to(int64_t from_top, int64_t to_top) const {
  const auto index_of = [&](int64_t place) {
    const auto found = top_index_.find(places_[static_cast<size_t>(place)].id);
    return found == top_index_.end() ? workflow_.tasks.size() : found->second;
  };
  const size_t from = index_of(from_top);
  const size_t to = index_of(to_top);
  if (from >= workflow_.tasks.size() || to >= workflow_.tasks.size()) return true;  // said already
  if (from == 0 && to != 0) return true;  // where runs start leads to all that a run can get to
  std::vector<bool> seen(workflow_.tasks.size(), false);
  std::vector<size_t> open{to};
  while (!open.empty()) {
    const size_t task = open.back();
    open.pop_back();
    for (const size_t before : leading_in_[task]) {
      if (before == from) return true;
      if (!seen[before]) open.push_back(before);
      seen[before] = true;
    }
  }
  return false;
}

}  // namespace compozy::project
