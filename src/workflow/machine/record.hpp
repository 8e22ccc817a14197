// SPDX-License-Identifier: Apache-2.0
//
// Records: what a run has decided, one after the other. Only records persist; a run's state is their fold (state.hpp),
// so recovery evaluates no template and needs no definition. docs/formats/records.md describes the stored form; golden
// files hold it. Kinds are numbered for ever: a number is never reused, and a binary that meets an unknown one parks
// the run.
//
// Identity: `path` names a task instance, segments joined by '/', a segment is `id#visit` or `id#visit[index]`.
// `op` numbers what the outside performs for the run, one activity or timer each; dense, from 1, never reused.
// Pure values. Thread: none of its own.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.hpp"
#include "json/value.hpp"
#include "project/definition.hpp"

namespace compozy::workflow {

enum class Status : uint8_t { pending, running, waiting, paused, success, failed, timed_out, canceled };
std::string_view status_name(Status status);  // "SUCCESS"
Result<Status> parse_status(std::string_view name);
bool is_terminal(Status status);

// How something ended. `error` is {message, code, details?} unless it succeeded.
struct Outcome {
  Status status = Status::success;
  json::Value output = {};
  json::Value error = {};
};
json::Value make_error(std::string_view code, std::string_view message, json::Value details = {});

enum class OpKind : uint8_t { activity, timer, child };

struct RunStarted {
  std::string run_id;
  std::string workflow;
  std::string definition;  // content hash
  int64_t semantics = 1;   // numbers deliberate changes of behaviour
  json::Value input;
  std::string first_task;
  json::Value first_with = {};  // merged over its input
  std::string parent;           // run_id of the run that this one is a task of; empty = none
  int64_t depth = 0;            // how many runs are above it
};
struct TaskEntered {
  int64_t n = 0;  // order of entry, dense per run
  std::string path;
  std::string id;  // rendered; its name in `.tasks`
  project::TaskType type = project::TaskType::basic;
  int64_t index = 0;  // position among its parent's children
  json::Value input;
  json::Value vars;  // item, index, signal …: what only this instance sees; null = none
};
struct OpOpened {
  int64_t op = 0;
  OpKind kind = OpKind::activity;
  std::string path;
  std::string role;    // "main", "sleep" or "timeout"
  json::Value spec;    // activity: everything its performer needs, rendered. child: {workflow, input, detached, depth}
  int64_t due_ms = 0;  // timer
};
struct OpClosed {
  int64_t op = 0;
  Outcome outcome;
  json::Value usage;
};
struct ItemsExpanded {
  std::string path;
  int64_t total = 0;
  int64_t skipped = 0;
  json::Value items;  // collection: what is left after the filter
};
struct RouteTaken {
  std::string path;
  std::string condition;
  std::string route;
};
struct TaskClosed {
  std::string path;
  Outcome outcome;
  bool handled = false;   // failed, and on_error or on_timeout took it
  std::string next;       // id of the next task: at top level, or in a composite a later sibling; empty = none named
  json::Value next_with;  // merged over the next task's input
  bool ends = false;      // in a composite: no sibling comes after it
};
struct SignalBuffered {
  int64_t inbox = 0;
  std::string name;
  json::Value payload;
  int64_t received_ms = 0;
};
struct SignalConsumed {
  int64_t inbox = 0;
  std::string path;
};
struct ApprovalRequested {
  std::string path;
  std::string message;
};
struct ApprovalVoted {
  std::string path;
  std::string by;
  bool approve = false;
  json::Value values;
  std::string comment;
};
struct Paused {};
struct Resumed {};
struct CancelRequested {
  std::string reason;
  std::string shield;  // id of the task that cleans up before the run ends; empty = none
};
// The state as all records up to here left it: a fold may begin with it, and what came before may go.
struct Checkpoint {
  json::Value state;
};
struct RunClosed {
  Outcome outcome;
};
// From here on nothing new is opened; once no activity or child is under way a Checkpoint follows.
struct Draining {};

using Record = std::variant<RunStarted, TaskEntered, OpOpened, OpClosed, ItemsExpanded, RouteTaken, TaskClosed,
                            SignalBuffered, SignalConsumed, ApprovalVoted, Paused, Resumed, CancelRequested, Checkpoint,
                            RunClosed, Draining, ApprovalRequested>;

// What one decide() gave: committed together or not at all.
struct Records {
  int64_t at_ms = 0;
  std::vector<Record> items;

  bool empty() const { return items.empty(); }
};

int64_t record_kind(const Record& record);
std::string_view record_name(const Record& record);

json::Value to_json(const Records& records);
Result<Records> records_from_json(const json::Value& value);  // Errc::newer_format for an unknown kind

}  // namespace compozy::workflow
