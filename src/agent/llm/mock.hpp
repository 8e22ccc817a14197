// SPDX-License-Identifier: Apache-2.0
//
// mock: a model in the binary, deterministic and offline, for trying out, tests and demonstrations. It follows the
// rules in the model's `params`; the first that matches answers:
//
//   params:
//     delay_ms: 30                        # before each word, so that streaming can be seen
//     rules:
//       - match: [weather, rome]          # all these words in the last user message, without case; a text is one word
//         tool_calls: [{name: look_up, arguments: {city: Rome}}]
//       - after: look_up                  # the last message is the result of this tool
//         reply: "It says {{ .result }}"  # template over .prompt, .system, .result and .messages; or JSON
//       - match: broken
//         error: {message: "out of order", kind: unavailable}    # final, retry or unavailable
//
// A rule with tool_calls and no `after` is not used again once results are there. Without a matching rule it answers
// with a valid sample where an output schema is given, else with the prompt.
#pragma once

#include "agent/llm/provider.hpp"

namespace compozy::agent {

// The whole behaviour, without the delays.
ModelReply mock_answer(const ModelRequest& request);

class MockProvider final : public Provider {
 public:
  explicit MockProvider(io::Loop& loop) : loop_(loop) {}
  io::Task<ModelReply> ask(ModelRequest request, DeltaSink on_delta, std::stop_token stop) override;

 private:
  io::Loop& loop_;
};

}  // namespace compozy::agent
