// SPDX-License-Identifier: Apache-2.0
//
// Runs: seam 3. Starts, steers and observes workflow runs, whoever keeps them: workflow/journal in this process, or a
// Temporal server. What returns without an error is durable.
//
// Errors, everywhere: not_found (no such run or workflow), storage_full and storage_failed, unavailable.
// Thread: awaited on the loop that the driver was opened with.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "io/channel.hpp"
#include "io/task.hpp"
#include "json/value.hpp"
#include "workflow/machine/machine.hpp"

namespace compozy::workflow {

struct StartRequest {
  std::string workflow;
  json::Value input;
  std::string first_task;        // empty = the first in the list
  json::Value first_with = {};   // over that task's own `with`; null = none
  std::string idempotency_key;   // empty = none. The same key with the same request gives the same run
  std::string idempotency_hash;  // of the request; the same key with another hash is Errc::validation_failed
  std::string actor = {};        // who asked, for the audit trail: written with the run; empty = a run of ours did
  std::shared_ptr<const Program> program = {};  // what runs; null = what the workflow is at present
};

struct StartedRun {
  std::string run_id;
  bool existed = false;  // an earlier request with the same key started it
};

// An event of a run as observers see it. `n` is dense from 1; 0 marks one that passes by and is not kept: a model's
// text while it is being written, {path, op, attempt, offset, text}.
struct FeedEvent {
  int64_t n = 0;
  int64_t at_ms = 0;
  std::string kind;
  std::string body;  // JSON

  size_t weight() const { return sizeof(*this) + kind.size() + body.size(); }
};

// What a subscriber gets. When it does not keep up, the channel closes: read on from the store, and subscribe again.
using Feed = io::Channel<FeedEvent>;

class Runs {
 public:
  virtual ~Runs() = default;

  virtual io::Task<Result<StartedRun>> start(StartRequest request) = 0;

  // A signal is durable when this returns, in the order of the calls; a `dedupe` seen before changes nothing.
  // Errors: conflict when the run has ended, limit_exceeded when it holds too many.
  virtual io::Task<Result<void>> signal(std::string run_id, std::string name, json::Value payload,
                                        std::string dedupe) = 0;

  // A vote on an open approval. Errors: not_found, permission_denied, validation_failed (its form), conflict (expired,
  // voted already, the run has ended).
  virtual io::Task<Result<void>> vote(std::string run_id, Vote vote) = 0;
  virtual io::Task<Result<void>> control(std::string run_id, Control control, std::string reason) = 0;

  // Starts a run of every workflow that has a trigger of this name. Errors: not_found, validation_failed (its schema).
  virtual io::Task<Result<std::vector<std::string>>> trigger(std::string name, json::Value payload, std::string key,
                                                             std::string actor) = 0;

  // From now on; what came before is in the store. Never null.
  virtual std::shared_ptr<Feed> subscribe(const std::string& run_id) = 0;
};

}  // namespace compozy::workflow
