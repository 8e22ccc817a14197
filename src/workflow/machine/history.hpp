// SPDX-License-Identifier: Apache-2.0
//
// History: how records look to people. Two views derive from what one decide() gave, stored in its own transaction:
//
//   task rows   one per task instance, by its number of entry; a later row of the same number completes the earlier
//   events      what observers of the run see, in order: docs/guide/events.md lists the kinds and their bodies
//
// Pure. The numbers of events are given by the driver.
#pragma once

#include <string>
#include <vector>

#include "json/value.hpp"
#include "workflow/machine/record.hpp"
#include "workflow/machine/state.hpp"

namespace compozy::workflow {

struct TaskRow {
  int64_t n = 0;
  std::string path;
  std::string id;
  project::TaskType type = project::TaskType::basic;
  Status status = Status::running;
  json::Value input;
  json::Value output;
  json::Value error;
  int64_t started_ms = 0;
  int64_t ended_ms = 0;  // 0 = open
};

struct RunEvent {
  std::string kind;  // workflow_start, task_status, workflow_status, complete, error …
  json::Value body;
};

struct History {
  std::vector<TaskRow> tasks;
  std::vector<RunEvent> events;
};

// Remembers which number, id and input each open path has; one per run, fed every Records in order.
class Historian {
 public:
  History write(const Records& records);
  void forget_all() { open_.clear(); }
  void restore(const State& state);  // after a fold: the open tasks are known again

 private:
  std::unordered_map<std::string, TaskRow> open_;
};

}  // namespace compozy::workflow
