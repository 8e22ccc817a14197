// SPDX-License-Identifier: Apache-2.0
//
// Runs an agent to its end: performs what AgentLoop asks for and records each turn before it goes on. One attempt.
//
// Tool calls of one answer run at the same time, kConcurrentTools at most; each result is recorded as it arrives.
// A tool that fails is the model's business, not the attempt's: it is told, and decides. What ends an attempt is the
// loop's limits, the provider (whose ModelFailure says whether to try again), a turn that cannot be recorded, or
// `stop`. Thread: the loop.
#pragma once

#include <expected>
#include <functional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "agent/llm/provider.hpp"
#include "agent/loop/agent_loop.hpp"
#include "agent/tools/toolbox.hpp"
#include "io/loop.hpp"
#include "io/task.hpp"
#include "project/definition.hpp"

namespace compozy::agent {

inline constexpr size_t kConcurrentTools = 10;

// What the agent needs of its caller. Outlives the attempt.
class AgentPorts {
 public:
  virtual io::Task<Result<std::vector<Message>>> load_memory() = 0;  // of all its memories, oldest first
  virtual io::Task<Result<void>> record(LoopTurn turn) = 0;          // returns once it is durable
  virtual void delta(std::string_view text) = 0;                     // what the model writes, as it writes

 protected:
  ~AgentPorts() = default;
};

struct AgentAttempt {
  const project::Workflow* workflow = nullptr;  // the run's pinned definition
  LoopSpec spec;
  project::ModelConfig model;        // resolved
  std::vector<LoopTurn> recorded;    // of all earlier attempts
  std::string key;                   // "run/op": tool calls add "/turn/call"
  json::Value env;                   // of the tools, secrets filled in
  std::function<void()> alive = {};  // called whenever a tool's process writes something
};

struct AgentFailure {
  ModelFailure::Kind kind = ModelFailure::Kind::final;
  Error error;
  int64_t retry_after_ms = 0;
  Usage usage;
};

using AgentReply = std::expected<Finish, AgentFailure>;

io::Task<AgentReply> run_agent(io::Loop& loop, Providers& providers, Toolbox& toolbox, AgentPorts& ports,
                               AgentAttempt attempt, std::stop_token stop);

// The loop's specification of an agent and one of its actions (empty: none), with its texts as they were rendered.
Result<LoopSpec> make_loop_spec(const project::Workflow& workflow, std::string_view agent, std::string_view action,
                                std::string instructions, std::string prompt);

}  // namespace compozy::agent
