// SPDX-License-Identifier: Apache-2.0
//
// The workflow machine: pure. Events in, records and commands out; no I/O, no clock, no chance of its own.
//
//   decide(program, state, event, stamp)   what the event changes; applies it to `state` as it goes
//   evolve(state, records)                 the same change again, from the records alone: recovery
//   commands_of(records)                   what the driver must do once the records are durable
//
// The driver commits the records, then performs the commands. When the commit fails it throws `state` away and folds
// the records that are durable. `now`, uuids and random numbers inside templates come from the Stamp. Limits:
// kVisitsMax visits of one task, kChildrenMax children of one container, kSignalsMax buffered signals,
// kDecisionStepsMax.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "base/result.hpp"
#include "json/value.hpp"
#include "workflow/machine/program.hpp"
#include "workflow/machine/record.hpp"
#include "workflow/machine/state.hpp"

namespace compozy::workflow {

inline constexpr int64_t kVisitsMax = 10'000;
inline constexpr int64_t kChildrenMax = 100'000;
inline constexpr int64_t kSignalsMax = 1'000;
inline constexpr int64_t kConcurrentChildrenMax = 100;
inline constexpr int64_t kRunDepthMax = 16;              // runs above a run
inline constexpr size_t kDecisionStepsMax = 50'000'000;  // of all expressions of one decide()
inline constexpr size_t kAttributeBytesMax = 256;

struct Stamp {
  int64_t at_ms = 0;  // never goes back within a run: decide() takes the later of this and the state's
  uint64_t entropy = 0;
};

struct Started {
  std::string run_id;
  json::Value input;
  std::string first_task;       // empty = the first in the list
  json::Value first_with = {};  // over that task's own `with`; null = none
  std::string parent;           // run_id, for a run that is a task of another
  int64_t depth = 0;
};
struct OpFinished {
  int64_t op = 0;
  Outcome outcome;
  json::Value usage;
};
struct TimerFired {
  int64_t op = 0;
};
struct Signal {
  int64_t inbox = 0;
  std::string name;
  json::Value payload;
};
struct Vote {
  std::string task;  // path or id of an open approval
  std::string by;
  bool approve = false;
  json::Value values;
  std::string comment;
};
enum class Control : uint8_t { cancel, pause, resume };
struct Controlled {
  Control control = Control::cancel;
  std::string reason;
};
struct Drain {};      // the history grows too long for its keeper: come to rest
struct Continued {};  // of a state that a Checkpoint gave: go on
using Event = std::variant<Started, OpFinished, TimerFired, Signal, Vote, Controlled, Drain, Continued>;

struct StartActivity {
  int64_t op = 0;
  std::string path;
  json::Value spec;
};
struct StartTimer {
  int64_t op = 0;
  int64_t due_ms = 0;
};
struct StartChild {
  int64_t op = 0;
  std::string path;
  json::Value spec;  // {workflow, input, detached?, depth}
};
struct CancelOp {
  int64_t op = 0;
};
struct CloseRun {
  Outcome outcome;
};
struct ContinueFrom {
  json::Value checkpoint;
};
using Command = std::variant<StartActivity, StartTimer, StartChild, CancelOp, CloseRun, ContinueFrom>;

// Empty records: the event changes nothing (a late completion of a closed op, a resume of a running run).
// Errors: Errc::limit_exceeded (too many buffered signals); Errc::conflict (the run is closed, the approval has
// expired, or its voter has voted); Errc::not_found, permission_denied, validation_failed (of a vote).
Result<Records> decide(const Program& program, State& state, const Event& event, Stamp stamp);

std::vector<Command> commands_of(const Records& records);

// What a run that starts with this input is found by: the workflow's `attributes`, rendered; those that give nothing
// are left out. Errors: Errc::validation_failed for one that is neither text, number nor boolean, or longer than
// kAttributeBytesMax.
Result<json::Value> attributes_of(const Program& program, const std::string& run_id, const json::Value& input,
                                  Stamp stamp);

// The record that lets a keeper drop what came before. Changes nothing.
Checkpoint checkpoint_of(const State& state);

}  // namespace compozy::workflow
