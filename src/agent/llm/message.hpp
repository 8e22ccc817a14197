// SPDX-License-Identifier: Apache-2.0
//
// What is said to a model and what it answers, whichever provider: the words of chat completions.
// Pure values. Their JSON is stored in turns; members are added, never renamed.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "json/value.hpp"
#include "project/definition.hpp"

namespace compozy::agent {

enum class Role : uint8_t { system, user, assistant, tool };
std::string_view role_name(Role role);

struct ToolCall {
  std::string id;  // the provider's; unique within an answer
  std::string name;
  std::string arguments;  // JSON as the model wrote it, which may be broken
};

struct Message {
  Role role = Role::user;
  std::string content;
  std::vector<ToolCall> tool_calls = {};  // assistant
  std::string tool_call_id = {};          // tool: which call this answers
  std::string name = {};                  // tool: its name
};

struct ToolOffer {
  std::string name;
  std::string description;
  json::Value parameters;  // JSON schema of an object
};

struct Usage {
  int64_t prompt_tokens = 0;
  int64_t completion_tokens = 0;
  int64_t total_tokens = 0;
  int64_t cached_prompt_tokens = 0;
  int64_t reasoning_tokens = 0;
  Usage& operator+=(const Usage& other);
};

struct ModelRequest {
  project::ModelConfig model;  // resolved: no templates left (resolve_model)
  std::vector<Message> messages;
  std::vector<ToolOffer> tools;
  json::Value output_schema;  // the answer's, or null
  bool json_mode = false;
};

struct ModelAnswer {
  std::string text;
  std::vector<ToolCall> tool_calls;
  Usage usage;
  std::string finish_reason;  // "stop", "length", "tool_calls", "content_filter"
};

// Why there is no answer, and what to do.
struct ModelFailure {
  enum class Kind : uint8_t {
    final,        // a repeat cannot mend it: bad key, unknown model, refused request
    retry,        // the answer was broken or cut off
    unavailable,  // the provider is away, overloaded or limits our rate
  };
  Error error;
  Kind kind = Kind::final;
  int64_t retry_after_ms = 0;  // the provider's own wish; 0 = none
};

json::Value to_json(const Message& message);
json::Value to_json(const ModelAnswer& answer);
json::Value to_json(const Usage& usage);
Result<Message> message_from_json(const json::Value& value);
Result<ModelAnswer> answer_from_json(const json::Value& value);
int64_t tokens_of(const json::Value& value);  // a count of tokens: 0 to a billion
Usage usage_from_json(const json::Value& value);

// The templates in api_key, api_url and organization filled in: `environment` holds the host's variables by name.
// The result holds secrets: it is never stored or logged.
Result<project::ModelConfig> resolve_model(project::ModelConfig model, const json::Value& environment);

}  // namespace compozy::agent
