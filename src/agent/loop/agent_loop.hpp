// SPDX-License-Identifier: Apache-2.0
//
// AgentLoop: what an agent does next. Pure: it is told the turns that have been recorded, and says the next action.
//
//   AgentLoop loop(spec);
//   for (const LoopTurn& turn : recorded) TRY(loop.apply(turn));
//   for (;;) {
//     LoopAction action = loop.next();            // LoadMemory, AskModel, CallTools, Finish or GiveUp
//     ... perform it, record the LoopTurn that it gives (memory_turn, answer_turn, result_turn), then apply() it
//   }
//
// Every turn is durable before the next action starts, so a restart goes on after the last one: a model answer that was
// paid for is not paid for twice, and the same answer leads to the same calls under the same keys.
// What a model got wrong it is told: unknown tools, arguments that break the tool's schema, answers that break the
// output schema. Only limits end the loop with an error. Names of turn kinds and their bodies are a stored format.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "agent/llm/message.hpp"
#include "base/result.hpp"
#include "json/schema.hpp"
#include "json/value.hpp"

namespace compozy::agent {

struct LoopLimits {
  int64_t iterations_max = 10;        // answers with tool calls
  int64_t tool_errors_max = 8;        // failures of one tool in a row
  int64_t output_retries_max = 2;     // further attempts at an answer that satisfies the schema
  size_t result_bytes_max = 100'000;  // of a tool's result that the model sees; the rest is cut, and it is told so
};

struct LoopSpec {
  std::string instructions;
  std::string prompt;
  std::vector<ToolOffer> tools;
  json::Value output_schema;  // null = text
  bool json_mode = false;     // JSON of any shape
  bool has_memory = false;    // starts with LoadMemory
  LoopLimits limits;
};

struct LoopTurn {
  std::string kind;  // "memory", "answer", "result"
  json::Value body;
};

struct PendingCall {
  ToolCall call;
  json::Value arguments;  // checked
  std::string key;        // "turn/call": the tail of its idempotency key
};

struct LoadMemory {};
struct AskModel {
  std::vector<Message> messages;
  std::vector<ToolOffer> tools;
};
struct CallTools {
  std::vector<PendingCall>
      calls;  // may run at the same time; those of an earlier attempt that have results are left out
};
struct Finish {
  json::Value output;             // what the schema describes, or {"response": text}
  std::vector<Message> remember;  // for memories: what the user said and what was answered
  Usage usage;
};
struct GiveUp {
  Error error;
  Usage usage;
};
using LoopAction = std::variant<LoadMemory, AskModel, CallTools, Finish, GiveUp>;

// What comes from outside loses the marks of secrets here (expression/secret.hpp).
LoopTurn memory_turn(const std::vector<Message>& messages);
LoopTurn answer_turn(const ModelAnswer& answer);
LoopTurn result_turn(const ToolCall& call, const Result<json::Value>& result);

class AgentLoop {
 public:
  explicit AgentLoop(LoopSpec spec);

  Result<void> apply(const LoopTurn& turn);  // Errc::corrupt_data for a turn that cannot come here
  LoopAction next() const;

  const Usage& usage() const { return usage_; }
  size_t answer_count() const { return answers_.size(); }

 private:
  struct Answered {
    ModelAnswer answer;
    std::map<std::string, json::Value> results;  // by call id
  };
  struct Checked;

  Checked check_call(const ToolCall& call) const;
  LoopAction final_answer(const Answered& last, std::vector<Message> messages, int64_t failed_attempts) const;
  void add_results(const Answered& answered, std::vector<Message>& messages) const;
  std::string shown(const json::Value& result) const;
  Result<json::Value> output_of(const ModelAnswer& answer) const;

  LoopSpec spec_;
  std::map<std::string, json::Schema, std::less<>> tool_schemas_;
  std::optional<json::Schema> output_schema_;
  std::optional<std::vector<Message>> memory_;
  std::vector<Answered> answers_;
  std::map<std::string, int64_t> errors_in_a_row_;
  std::optional<Error> tool_failure_;
  Usage usage_;
};

}  // namespace compozy::agent
