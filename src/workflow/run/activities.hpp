// SPDX-License-Identifier: Apache-2.0
//
// Activities: performs what a run asks of the outside: agents, tools, memory, signals. The driver (journal or Temporal)
// keeps attempts, retries and limits; an implementation performs one attempt and reports.
//
// At least once: an attempt may be repeated after a crash. Attempt::key is the same each time, and TurnLog gives back
// what earlier attempts have recorded, so a paid model answer is never asked for again.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "io/task.hpp"
#include "json/value.hpp"
#include "workflow/machine/history.hpp"
#include "workflow/machine/machine.hpp"

namespace compozy::workflow {

struct Turn {
  std::string kind;  // "answer", "result" …: the agent loop's own
  json::Value body;
};

// The durable steps inside one activity, in order, from all its attempts.
class TurnLog {
 public:
  virtual ~TurnLog() = default;
  virtual io::Task<Result<std::vector<Turn>>> read() = 0;
  virtual io::Task<Result<void>> append(Turn turn, RunEvent event) = 0;  // returns once it is on disk
  virtual void delta(std::string text) = 0;  // a piece of the model's text, for whoever is watching; not kept
};

struct Attempt {
  std::shared_ptr<const Program> program;
  std::string run_id;
  std::string path;
  int64_t op = 0;
  int64_t number = 1;
  std::string key;  // "run/op"; tool calls of an agent add "/turn/call"
  json::Value spec;
  std::stop_token stop;      // cancelled, or out of time
  TurnLog* turns = nullptr;  // outlives the attempt
  // Called for a sign of life, which its heartbeat timeout waits for; turns and deltas are signs by themselves.
  std::function<void()> alive = {};
};

enum class Verdict : uint8_t {
  final,        // succeeded, or failed in a way that a repeat cannot mend
  retry,        // failed; the retry policy decides
  unavailable,  // something that it needs is away: tried again without using up attempts
};

struct ActivityResult {
  Outcome outcome;
  json::Value usage = {};
  Verdict verdict = Verdict::final;
  int64_t retry_after_ms = 0;  // the peer's own wish; 0 = none
};

class Activities {
 public:
  virtual ~Activities() = default;
  virtual io::Task<ActivityResult> perform(Attempt attempt) = 0;
  virtual void effects_closed(const std::string& run_id,
                              int64_t op) = 0;  // its closing is durable: keys may be forgotten
};

// Gives the definitions that runs pin.
class Programs {
 public:
  virtual ~Programs() = default;
  virtual Result<std::shared_ptr<const Program>> latest(
      const std::string& workflow) = 0;                                                 // not_found, with nearest name
  virtual Result<std::shared_ptr<const Program>> make(project::Workflow workflow) = 0;  // of a stored definition
  virtual std::vector<std::shared_ptr<const Program>> all() = 0;                        // sorted by id
  virtual std::vector<std::shared_ptr<const Program>> triggered_by(const std::string& signal) = 0;
};

}  // namespace compozy::workflow
