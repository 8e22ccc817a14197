// SPDX-License-Identifier: Apache-2.0
//
// parallel, collection and composite: tasks that hold tasks.
//
//   strategy      ends when                         SUCCESS when        losers
//   wait_all      all children have ended           none failed         -
//   best_effort   all children have ended           one succeeded       -
//   fail_fast     one failed, or all have ended     none failed         canceled at once
//   race          one succeeded, or all have ended  one succeeded       canceled at once
//   (composite)   one failed, or the last has ended none failed         the rest is never entered
//
// The children of a composite run one after the other, as they are declared, unless one says what comes next: a later
// sibling by `on_success`, by `on_error` (which handles its failure) or as a route; or that nothing does: `final`.
#include <algorithm>
#include <array>

#include "expression/template/template.hpp"
#include "workflow/machine/decider.hpp"

namespace compozy::workflow {

namespace {

int64_t concurrency(const project::Task& task) {
  if (task.type == project::TaskType::composite) return 1;
  if (task.type == project::TaskType::collection && task.mode == project::CollectionMode::sequential) return 1;
  int64_t limit = kConcurrentChildrenMax;
  if (task.max_workers > 0) limit = std::min(limit, task.max_workers);
  if (task.batch > 0) limit = std::min(limit, task.batch);
  return limit;
}

// The final status when the container is at its end now, else nothing.
std::optional<Status> verdict(const project::Task& task, const Frame& frame) {
  const bool all_ended = frame.succeeded + frame.failed == frame.total;
  const Status unless_failed = frame.failed > 0 ? Status::failed : Status::success;
  const Status if_succeeded = frame.succeeded > 0 || frame.total == 0 ? Status::success : Status::failed;
  if (task.type == project::TaskType::composite) {
    const bool is_at_end = frame.running == 0 && frame.next_id.empty() && frame.next_child >= frame.total;
    return frame.failed > 0 || is_at_end ? std::optional(unless_failed) : std::nullopt;
  }
  switch (task.strategy) {
    case project::Strategy::wait_all: return all_ended ? std::optional(unless_failed) : std::nullopt;
    case project::Strategy::best_effort: return all_ended ? std::optional(if_succeeded) : std::nullopt;
    case project::Strategy::fail_fast:
      return frame.failed > 0 || all_ended ? std::optional(unless_failed) : std::nullopt;
    case project::Strategy::race: return frame.succeeded > 0 || all_ended ? std::optional(if_succeeded) : std::nullopt;
  }
  return std::nullopt;
}

json::Value progress_info(const Frame& frame, Status overall) {
  std::array<int64_t, 8> counts{};
  for (const ChildResult& result : frame.results) ++counts[static_cast<size_t>(result.outcome.status)];
  const auto count = [&](Status status) { return counts[static_cast<size_t>(status)]; };
  const auto terminal = static_cast<int64_t>(frame.results.size());
  json::Value by_status = json::Value::object();
  for (size_t i = 0; i < counts.size(); ++i) {
    if (counts[i] > 0) by_status.set(status_name(static_cast<Status>(i)), counts[i]);
  }
  const double total = frame.total == 0 ? 1.0 : static_cast<double>(frame.total);
  return json::Value::object({{"total_children", frame.total},
                              {"success_count", count(Status::success)},
                              {"failed_count", count(Status::failed)},
                              {"canceled_count", count(Status::canceled)},
                              {"timed_out_count", count(Status::timed_out)},
                              {"terminal_count", terminal},
                              {"running_count", frame.running},
                              {"pending_count", frame.total - terminal - frame.running},
                              {"status_counts", std::move(by_status)},
                              {"completion_rate", static_cast<double>(terminal) / total},
                              {"failure_rate", static_cast<double>(count(Status::failed)) / total},
                              {"overall_status", status_name(overall)}});
}

}  // namespace

void Decider::advance_container(const Task& task, Frame& frame) {
  if (!frame.expanded && !expand(task, frame)) return;
  while (true) {
    if (const auto status = verdict(task, frame)) return finish_container(task, frame, *status);
    if (frame.running >= concurrency(task) || frame.next_child >= frame.total) return;
    const std::string path = frame.path;
    enter_child(task, frame);
    if (state_.find_frame(path) == nullptr) return;  // closed: it could not be entered
  }
}

bool Decider::expand(const Task& task, Frame& frame) {
  ItemsExpanded expanded{.path = frame.path, .total = static_cast<int64_t>(task.tasks.size()), .items = {}};
  if (task.type == project::TaskType::collection) {
    auto items = collection_items(task, frame, expanded.skipped);
    if (!items) {
      close(frame.path, failure(std::move(items).error().with_context("collection '" + frame.id + "'")));
      return false;
    }
    expanded.total = static_cast<int64_t>(items->size());
    expanded.items = std::move(*items);
  }
  emit(std::move(expanded));
  return true;
}

void Decider::enter_sibling(const Task& task, const Frame& frame) {
  auto index = static_cast<size_t>(frame.next_child);
  if (!frame.next_id.empty()) {
    const auto found = std::ranges::find(task.tasks, frame.next_id, &Task::id);
    if (found == task.tasks.end() || found - task.tasks.begin() < frame.next_child) {
      return close(frame.path,
                   failure("unknown_task", "composite '" + frame.id + "' has no later task '" + frame.next_id + "'"));
    }
    index = static_cast<size_t>(found - task.tasks.begin());
  }
  json::Value vars = frame.vars;
  if (!frame.last_error.is_null()) {
    if (vars.is_null()) vars = json::Value::object();
    vars.set("error", frame.last_error);
  }
  const json::Value with = frame.next_with;
  enter_declared(task.tasks[index], frame, static_cast<int64_t>(index), std::move(vars), with);
}

// A child that is written out in the definition. Inside a collection its id may be a template; its place is then in its
// path, since the name is not in the definition.
void Decider::enter_declared(const Task& child, const Frame& frame, int64_t index, json::Value vars,
                             const json::Value& with) {
  if (!expression::is_template(child.id))
    return enter(child, child_path(frame.path, child.id, 1, std::nullopt), child.id, index, std::move(vars), with);
  auto id = render_to_text(child.id, base_context(&child, frame.input, vars, frame.path));
  const std::string name = id && !id->empty() ? *id : frame.id + "-" + std::to_string(index);
  const std::string path = child_path(frame.path, name, 1, index);
  enter(child, path, name, index, std::move(vars), with);
  if (!id && state_.find_frame(path) != nullptr)
    close(path, failure(std::move(id).error().with_context("id of child " + std::to_string(index))));
}

void Decider::enter_child(const Task& task, const Frame& frame) {
  if (task.type == project::TaskType::composite) return enter_sibling(task, frame);
  const int64_t index = frame.next_child;
  const auto position = static_cast<size_t>(index);
  if (task.type == project::TaskType::parallel)
    return enter_declared(task.tasks[position], frame, index, frame.vars, {});
  const Task& child = *task.child();
  json::Value vars = frame.vars.is_null() ? json::Value::object() : frame.vars;
  for (const std::string_view name : {std::string_view("item"), std::string_view(task.item_var)})
    vars.set(name, frame.items.at(position));
  for (const std::string_view name : {std::string_view("index"), std::string_view(task.index_var)})
    vars.set(name, index);
  if (program_.names_collection()) {
    vars.set("_collection_item", frame.items.at(position)).set("_collection_index", index);
    vars.set("_collection_item_var", task.item_var).set("_collection_index_var", task.index_var);
  }
  auto id = render_to_text(child.id, base_context(&child, frame.input, vars, frame.path));
  const std::string name = id && !id->empty() ? *id : task.id + "-" + std::to_string(index);
  const std::string path = child_path(frame.path, name, 1, index);
  enter(child, path, name, index, std::move(vars), {});
  if (!id && state_.find_frame(path) != nullptr)
    close(path, failure(std::move(id).error().with_context("id of child " + std::to_string(index))));
}

void Decider::finish_container(const Task& task, const Frame& frame, Status status) {
  cancel_below(frame.path);
  std::vector<const ChildResult*> in_order;
  for (const ChildResult& result : frame.results) in_order.push_back(&result);
  std::ranges::sort(in_order, {}, &ChildResult::index);
  json::Value outputs = json::Value::object();
  json::Value results = json::Value::array();
  json::Value failed = json::Value::array();
  std::string reasons;
  for (const ChildResult* result : in_order) {
    results.push_back(result->outcome.output);
    if (result->outcome.status == Status::success) {
      outputs.set(result->id, result->outcome.output);
    } else if (result->outcome.status != Status::canceled) {
      failed.push_back(
          json::Value::object({{"id", result->id}, {"index", result->index}, {"error", result->outcome.error}}));
      if (failed.size() <= 10)
        reasons += "; task[" + result->id + "]: " + result->outcome.error["message"].string_or("failed");
    }
  }
  json::Value output = json::Value::object({{"progress_info", progress_info(frame, status)},
                                            {"outputs", std::move(outputs)},
                                            {"results", std::move(results)}});
  if (failed.size() != 0) output.set("failed", failed);
  if (task.type == project::TaskType::collection) {
    output.set("collection_metadata", json::Value::object({{"item_count", frame.total},
                                                           {"skipped_count", frame.skipped},
                                                           {"mode", project::collection_mode_name(task.mode)},
                                                           {"batch", task.batch}}));
  }
  if (status == Status::success) return close_with_outputs(task, frame, std::move(output), children_view(frame));
  const std::string counts = std::to_string(frame.succeeded) + " of " + std::to_string(frame.total) +
                             " children succeeded, " + std::to_string(failed.size()) + " failed";
  Outcome outcome = failure("children_failed", counts + reasons, output["progress_info"]);
  outcome.output = std::move(output);
  close(frame.path, std::move(outcome));
}

}  // namespace compozy::workflow
