// SPDX-License-Identifier: Apache-2.0
#include "workflow/machine/history.hpp"

namespace compozy::workflow {

namespace {

json::Value task_body(const TaskRow& task) {
  json::Value body = json::Value::object({{"n", task.n},
                                          {"path", task.path},
                                          {"task_id", task.id},
                                          {"type", project::task_type_name(task.type)},
                                          {"status", status_name(task.status)}});
  if (task.ended_ms == 0) {
    body.set("input", task.input);
  } else {
    body.set("duration_ms", task.ended_ms - task.started_ms);
    if (!task.output.is_null()) body.set("output", task.output);
    if (!task.error.is_null()) body.set("error", task.error);
  }
  return body;
}

}  // namespace

void Historian::restore(const State& state) {
  open_.clear();
  for (const auto& [path, frame] : state.frames) {
    open_[path] = {.n = frame.n,
                   .path = path,
                   .id = frame.id,
                   .type = frame.type,
                   .input = frame.input,
                   .output = {},
                   .error = {},
                   .started_ms = frame.entered_ms};
  }
}

History Historian::write(const Records& records) {
  History history;
  const auto add = [&](const char* kind, json::Value body) {
    history.events.push_back({.kind = kind, .body = std::move(body)});
  };
  for (const Record& record : records.items) {
    if (const auto* started = std::get_if<RunStarted>(&record)) {
      add("workflow_start", json::Value::object({{"exec_id", started->run_id},
                                                 {"workflow_id", started->workflow},
                                                 {"definition", started->definition},
                                                 {"input", started->input}}));
    } else if (const auto* entered = std::get_if<TaskEntered>(&record)) {
      TaskRow row{.n = entered->n,
                  .path = entered->path,
                  .id = entered->id,
                  .type = entered->type,
                  .input = entered->input,
                  .output = {},
                  .error = {},
                  .started_ms = records.at_ms};
      add("task_status", task_body(row));
      history.tasks.push_back(row);
      open_[entered->path] = std::move(row);
    } else if (const auto* closed = std::get_if<TaskClosed>(&record)) {
      const auto found = open_.find(closed->path);
      if (found == open_.end()) continue;
      TaskRow row = std::move(found->second);
      open_.erase(found);
      row.status = closed->outcome.status;
      row.output = closed->outcome.output;
      row.error = closed->outcome.error;
      row.ended_ms = records.at_ms;
      json::Value body = task_body(row);
      if (closed->handled) body.set("handled_by", closed->next);
      add("task_status", std::move(body));
      history.tasks.push_back(std::move(row));
    } else if (const auto* route = std::get_if<RouteTaken>(&record)) {
      add("route_taken",
          json::Value::object({{"path", route->path}, {"condition", route->condition}, {"route", route->route}}));
    } else if (const auto* signal = std::get_if<SignalBuffered>(&record)) {
      add("signal_received", json::Value::object({{"name", signal->name}, {"payload", signal->payload}}));
    } else if (const auto* asked = std::get_if<ApprovalRequested>(&record)) {
      add("approval_requested", json::Value::object({{"path", asked->path}, {"message", asked->message}}));
    } else if (const auto* vote = std::get_if<ApprovalVoted>(&record)) {
      json::Value body = json::Value::object({{"path", vote->path}, {"by", vote->by}, {"approve", vote->approve}});
      if (!vote->values.is_null()) body.set("values", vote->values);
      if (!vote->comment.empty()) body.set("comment", vote->comment);
      add("approval_voted", std::move(body));
    } else if (std::holds_alternative<Paused>(record)) {
      add("workflow_status", json::Value::object({{"status", status_name(Status::paused)}}));
    } else if (std::holds_alternative<Resumed>(record)) {
      add("workflow_status", json::Value::object({{"status", status_name(Status::running)}}));
    } else if (const auto* cancel = std::get_if<CancelRequested>(&record)) {
      add("workflow_status", json::Value::object({{"status", "CANCELING"}, {"reason", cancel->reason}}));
    } else if (const auto* ended = std::get_if<RunClosed>(&record)) {
      const bool ok = ended->outcome.status == Status::success;
      json::Value body = json::Value::object({{"status", status_name(ended->outcome.status)}});
      body.set(ok ? "output" : "error", ok ? ended->outcome.output : ended->outcome.error);
      add(ok ? "complete" : "error", std::move(body));
    }
  }
  return history;
}

}  // namespace compozy::workflow
