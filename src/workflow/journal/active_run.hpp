// SPDX-License-Identifier: Apache-2.0
//
// ActiveRun: a run that is in memory. Owned by the Journal, shared with the attempts under way. Thread: the loop.
#pragma once

#include <deque>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

#include "base/result.hpp"
#include "store/run_log.hpp"
#include "workflow/machine/history.hpp"
#include "workflow/machine/machine.hpp"

namespace compozy::workflow {

struct QueuedEvent {
  Event event;
  std::string dedupe = {};  // signals
  std::optional<store::NewRun> start = {};
  std::function<void(Result<void>)> done = {};  // whoever waits for it to be durable; empty for what came from inside
};

// What one queued event came to: records and their step, or nothing new, or a refusal.
struct Decision {
  QueuedEvent event;
  Records records;
  store::Step step;
  Result<void> answer = {};  // what its caller hears once everything decided with it is durable

  bool writes() const { return !records.empty(); }
};

struct ActiveRun {
  int64_t run_no = 0;
  std::string run_id;
  std::shared_ptr<const Program> program;
  State state;
  Historian historian;
  int64_t head = 0;     // seq of the latest durable record
  int64_t decided = 0;  // seq of the latest record; above `head` while a commit is under way
  int64_t last_inbox = 0;
  int64_t parent_run = 0;  // run_no of the run whose op this one is; 0 = none
  int64_t parent_op = 0;
  std::unordered_map<int64_t, int64_t> timers;  // open timer op → due_ms
  std::unordered_map<int64_t, bool> children;   // open ops that are runs of their own → whether detached
  int64_t steps_since_checkpoint = 0;
  size_t bytes_since_checkpoint = 0;
  size_t checkpoint_bytes = 0;  // size of the latest one
  int64_t live_ops = 0;         // attempts and waiting retries
  bool busy = false;            // a step is being committed, or the run is being loaded
  std::deque<QueuedEvent> queue;
  size_t singly = 0;  // so many of the queue's first are decided one by one: together they could not be stored
  std::optional<std::list<int64_t>::iterator> idle;  // its place among the idle ones
};

}  // namespace compozy::workflow
