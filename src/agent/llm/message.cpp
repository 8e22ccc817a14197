// SPDX-License-Identifier: Apache-2.0
#include "agent/llm/message.hpp"

#include <algorithm>
#include <array>

#include "expression/template/template.hpp"

namespace compozy::agent {
namespace {

constexpr std::array<std::string_view, 4> kRoles{"system", "user", "assistant", "tool"};

json::Value calls_to_json(const std::vector<ToolCall>& calls) {
  json::Array out;
  for (const ToolCall& call : calls) {
    out.push_back(json::Value::object({{"id", call.id}, {"name", call.name}, {"arguments", call.arguments}}));
  }
  return out;
}

std::vector<ToolCall> calls_from_json(const json::Value& value) {
  std::vector<ToolCall> out;
  if (!value.is_array()) return out;
  for (const json::Value& call : value.as_array()) {
    out.push_back({.id = call["id"].string_or(""),
                   .name = call["name"].string_or(""),
                   .arguments = call["arguments"].string_or("")});
  }
  return out;
}

}  // namespace

std::string_view role_name(Role role) { return kRoles[static_cast<size_t>(role)]; }

Usage& Usage::operator+=(const Usage& other) {
  prompt_tokens += other.prompt_tokens;
  completion_tokens += other.completion_tokens;
  total_tokens += other.total_tokens;
  cached_prompt_tokens += other.cached_prompt_tokens;
  reasoning_tokens += other.reasoning_tokens;
  return *this;
}

json::Value to_json(const Usage& usage) {
  json::Value out = json::Value::object({{"prompt_tokens", usage.prompt_tokens},
                                         {"completion_tokens", usage.completion_tokens},
                                         {"total_tokens", usage.total_tokens}});
  if (usage.cached_prompt_tokens != 0) out.set("cached_prompt_tokens", usage.cached_prompt_tokens);
  if (usage.reasoning_tokens != 0) out.set("reasoning_tokens", usage.reasoning_tokens);
  return out;
}

int64_t tokens_of(const json::Value& value) {
  // Counts come from a stranger and are added up: what no model could have used is cut.
  constexpr int64_t kMost = 1'000'000'000;
  return std::clamp<int64_t>(value.integer_or(0), 0, kMost);
}

Usage usage_from_json(const json::Value& value) {
  return {.prompt_tokens = tokens_of(value["prompt_tokens"]),
          .completion_tokens = tokens_of(value["completion_tokens"]),
          .total_tokens = tokens_of(value["total_tokens"]),
          .cached_prompt_tokens = tokens_of(value["cached_prompt_tokens"]),
          .reasoning_tokens = tokens_of(value["reasoning_tokens"])};
}

json::Value to_json(const Message& message) {
  json::Value out = json::Value::object({{"role", role_name(message.role)}, {"content", message.content}});
  if (!message.tool_calls.empty()) out.set("tool_calls", calls_to_json(message.tool_calls));
  if (!message.tool_call_id.empty()) out.set("tool_call_id", message.tool_call_id);
  if (!message.name.empty()) out.set("name", message.name);
  return out;
}

Result<Message> message_from_json(const json::Value& value) {
  Message out;
  const std::string role = value["role"].string_or("");
  size_t index = 0;
  while (index < kRoles.size() && kRoles[index] != role) ++index;
  if (index == kRoles.size()) {
    return fail(Errc::validation_failed, "unknown role '" + role + "' of a message" + did_you_mean(role, kRoles));
  }
  if (!value["content"].is_string()) return fail(Errc::validation_failed, "a message needs 'content', a text");
  out.role = static_cast<Role>(index);
  out.content = value["content"].as_string();
  out.tool_calls = calls_from_json(value["tool_calls"]);
  out.tool_call_id = value["tool_call_id"].string_or("");
  out.name = value["name"].string_or("");
  return out;
}

json::Value to_json(const ModelAnswer& answer) {
  json::Value out = json::Value::object({{"text", answer.text}, {"finish_reason", answer.finish_reason}});
  if (!answer.tool_calls.empty()) out.set("tool_calls", calls_to_json(answer.tool_calls));
  out.set("usage", to_json(answer.usage));
  return out;
}

Result<ModelAnswer> answer_from_json(const json::Value& value) {
  if (!value.is_object()) return fail(Errc::corrupt_data, "a recorded answer is no object");
  return ModelAnswer{.text = value["text"].string_or(""),
                     .tool_calls = calls_from_json(value["tool_calls"]),
                     .usage = usage_from_json(value["usage"]),
                     .finish_reason = value["finish_reason"].string_or("")};
}

Result<project::ModelConfig> resolve_model(project::ModelConfig model, const json::Value& environment) {
  const json::Value context = json::Value::object({{"env", environment}});
  const auto fill = [&](std::string& field, std::string_view name) -> Result<void> {
    if (!expression::is_template(field)) return {};
    auto parsed = expression::cached_template(field);
    auto text = parsed ? parsed->render(context, {}) : Result<std::string>(fail(std::move(parsed).error()));
    if (!text) return fail(std::move(text).error().with_context("model '" + model.model + "', " + std::string(name)));
    field = *std::move(text);
    return {};
  };
  TRY(fill(model.api_key, "api_key"));
  TRY(fill(model.api_url, "api_url"));
  TRY(fill(model.organization, "organization"));
  return model;
}

}  // namespace compozy::agent
