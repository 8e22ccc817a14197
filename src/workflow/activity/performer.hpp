// SPDX-License-Identifier: Apache-2.0
//
// Performer: one attempt of an activity: an agent, a tool, a memory operation or a signal, by the spec that the machine
// rendered. Secrets are filled in here, at the last moment, and nowhere else.
//
//   agent    the loop of agent/loop; every answer and every tool result is a durable turn before the next action
//   tool     a script, an executable or a built-in tool, under the attempt's key
//   memory   one atomic change with the effect key run:op, so a repeat changes nothing
//   signal   starts every workflow with a trigger of the name, once per key
//
// Owner: app. Thread: the loop.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "agent/llm/provider.hpp"
#include "agent/loop/agent_runner.hpp"
#include "agent/tools/toolbox.hpp"
#include "base/clock.hpp"
#include "expression/secret.hpp"
#include "store/memory.hpp"
#include "workflow/run/activities.hpp"
#include "workflow/run/runs.hpp"

namespace compozy::workflow {

struct PerformerOptions {
  io::Loop& loop;
  agent::Providers& providers;
  agent::Toolbox& tools;
  store::Memory& memory;
  expression::SecretLookup host_env;  // the values behind SecretRefs
  agent::LoopLimits loop_limits = {};
  int64_t memory_messages_max = 1'000;  // of one conversation that an agent reads
};

class Performer final : public Activities {
 public:
  explicit Performer(PerformerOptions options) : options_(std::move(options)) {}

  // Signals go through the driver, which is made after its activities.
  void connect(Runs& runs) { runs_ = &runs; }

  io::Task<ActivityResult> perform(Attempt attempt) override;
  void effects_closed(const std::string& run_id, int64_t op) override;

 private:
  // agent_activity.cpp
  io::Task<ActivityResult> perform_agent(Attempt attempt);
  Result<agent::LoopSpec> loop_spec(const Attempt& attempt, const project::Agent& agent) const;
  Result<project::ModelConfig> model_of(const Attempt& attempt, const project::Agent& agent) const;
  io::Task<Result<void>> remember(const Attempt& attempt, const std::vector<agent::Message>& said);

  // performer.cpp
  io::Task<ActivityResult> perform_tool(Attempt attempt);
  io::Task<ActivityResult> perform_signal(Attempt attempt);
  io::Task<agent::ToolReply> run_tool(const Attempt& attempt, const std::string& name, const json::Value& input,
                                      const std::string& key);
  void remember_effect(const Attempt& attempt, const store::MemoryKey& key, const std::string& effect);

  // memory_activity.cpp
  io::Task<ActivityResult> perform_memory(Attempt attempt);
  io::Task<Result<json::Value>> memory_output(const Attempt& attempt, const project::Memory& memory);

  PerformerOptions options_;
  Runs* runs_ = nullptr;
  std::map<std::pair<std::string, int64_t>, std::vector<std::pair<store::MemoryKey, std::string>>> effects_;
};

// How a failure is judged: what is away is tried again without using up attempts, what cannot be mended ends.
ActivityResult failed_activity(const Error& error);
ActivityResult succeeded_activity(json::Value output, json::Value usage = {});

store::MemoryLimits limits_of(const project::Memory& memory);

}  // namespace compozy::workflow
