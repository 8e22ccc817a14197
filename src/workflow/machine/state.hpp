// SPDX-License-Identifier: Apache-2.0
//
// State: a run as its records left it. evolve() is total and needs no definition; it changes the state in place, so
// that completing one of n children costs O(1). Values inside are shared, never copied.
//
// Frames are the tasks that are open: entered and not closed. At most one of them is top level.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "json/value.hpp"
#include "workflow/machine/record.hpp"

namespace compozy::workflow {

struct ChildResult {
  std::string id;
  int64_t index = 0;
  Outcome outcome;
  json::Value children;  // of a container: the view of its own children
};

struct CastVote {
  std::string by;
  bool approve = false;
  json::Value values;
  std::string comment;
  int64_t at_ms = 0;
};

struct Frame {
  int64_t n = 0;
  std::string path;
  std::string parent;  // path; empty at top level
  std::string id;
  project::TaskType type = project::TaskType::basic;
  int64_t index = 0;
  int64_t entered_ms = 0;
  json::Value input;
  json::Value vars;

  // What the outside does for it: numbers of open ops, 0 = none.
  int64_t main_op = 0;
  int64_t sleep_op = 0;
  int64_t timeout_op = 0;
  bool slept = false;
  bool timed_out = false;
  std::optional<Outcome> outcome;  // of the main op

  // Containers.
  bool expanded = false;
  int64_t total = 0;
  int64_t skipped = 0;
  json::Value items;
  int64_t next_child = 0;
  int64_t running = 0;
  int64_t succeeded = 0;
  int64_t failed = 0;
  int64_t handled = 0;               // composite: failed, and a sibling took it
  std::vector<ChildResult> results;  // in order of completion
  std::string next_id;               // composite: the sibling to be entered, where the last one named it
  json::Value next_with;
  json::Value last_error;  // of the failed child whose handler is being entered

  // Wait: the signal being looked at, and how many have been.
  json::Value signal;
  int64_t signals_seen = 0;

  // Approval.
  bool requested = false;
  std::vector<CastVote> votes;
};

struct BufferedSignal {
  int64_t inbox = 0;
  std::string name;
  json::Value payload;
  int64_t received_ms = 0;
};

struct OpenOp {
  std::string path;
  OpKind kind = OpKind::activity;
  int64_t due_ms = 0;  // of a timer
};

struct State {
  Status status = Status::pending;
  bool paused = false;
  bool draining = false;
  int64_t at_ms = 0;
  int64_t started_ms = 0;
  std::string run_id;
  std::string workflow;
  std::string definition;
  json::Value input;
  std::string parent;
  int64_t depth = 0;
  std::string next_task;  // to be entered when nothing at top level is open; empty = the run is at its end
  json::Value next_with;
  json::Value last_error;            // of the failed task whose handler is being entered
  std::optional<Outcome> unhandled;  // of the failed top-level task that nothing handled
  std::optional<Outcome> canceling;  // how the run will end, once its on_cancel task and what follows have ended
  json::Value tasks;                 // `.tasks` of expressions: the latest visit of each id
  json::Value usage;                 // totals by provider/model
  int64_t last_op = 0;
  int64_t last_n = 0;
  std::map<std::string, int64_t, std::less<>> visits;  // top level
  std::unordered_map<std::string, Frame> frames;       // by path
  std::unordered_map<int64_t, OpenOp> ops;
  std::deque<BufferedSignal> signals;
  Outcome outcome;  // once terminal

  Frame* find_frame(const std::string& path);
  std::vector<std::string> open_paths_below(const std::string& path) const;  // innermost first; "" = all
};

// A state as a Checkpoint holds it. Errors: Errc::corrupt_data.
json::Value to_json(const State& state);
Result<State> state_from_json(const json::Value& value);

void evolve(State& state, const Records& records);
void evolve_one(State& state, const Record& record, int64_t at_ms);

// What a closed container's results look like in `.children`: id → {output, status, error?, children?}.
json::Value children_view(const Frame& frame);

// What `.tasks.<id>` holds of a task that has ended so. `children` null = it has none.
json::Value task_view(const Frame& frame, const Outcome& outcome, const json::Value& children);

std::string child_path(const std::string& parent, std::string_view id, int64_t visit, std::optional<int64_t> index);
std::string parent_path(const std::string& path);

// Sums token counts per provider and model.
json::Value add_usage(json::Value total, const json::Value& usage);

}  // namespace compozy::workflow
