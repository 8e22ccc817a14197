// SPDX-License-Identifier: Apache-2.0
#include "agent/llm/openai.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "json/parse.hpp"
#include "json/print.hpp"

namespace compozy::agent {
namespace {

using json::Value;

constexpr std::string_view kOpenAiUrl = "https://api.openai.com/v1";

Value encode_message(const Message& message) {
  Value out = Value::object({{"role", role_name(message.role)}});
  if (message.role == Role::assistant && message.content.empty() && !message.tool_calls.empty()) {
    out.set("content", Value());
  } else {
    out.set("content", message.content);
  }
  if (message.role == Role::tool) out.set("tool_call_id", message.tool_call_id);
  if (message.tool_calls.empty()) return out;
  json::Array calls;
  for (const ToolCall& call : message.tool_calls) {
    calls.push_back(Value::object({{"id", call.id},
                                   {"type", "function"},
                                   {"function", Value::object({{"name", call.name}, {"arguments", call.arguments}})}}));
  }
  out.set("tool_calls", std::move(calls));
  return out;
}

// Our parameter names to theirs. Names that chat completions lack are passed on: compatible servers know some of them.
void encode_params(const Value& params, Value& body) {
  if (!params.is_object()) return;
  for (const auto& [name, value] : params.as_object()) {
    body.set(name == "stop_words"           ? "stop"
             : name == "repetition_penalty" ? "repeat_penalty"
                                            : std::string_view(name),
             value);
  }
}

Usage decode_usage(const Value& usage) {
  Usage out = usage_from_json(usage);
  out.cached_prompt_tokens = tokens_of(usage["prompt_tokens_details"]["cached_tokens"]);
  out.reasoning_tokens = tokens_of(usage["completion_tokens_details"]["reasoning_tokens"]);
  if (out.total_tokens == 0) out.total_tokens = out.prompt_tokens + out.completion_tokens;
  return out;
}

// "{"error": {"message": ...}}", "{"error": "..."}" or "{"message": ...}".
std::string error_message(const Value& body) {
  const Value& error = body["error"];
  if (error.is_string()) return error.as_string();
  if (error["message"].is_string()) return error["message"].as_string();
  return body["message"].string_or("");
}

}  // namespace

std::string openai_endpoint(std::string_view api_url) {
  if (api_url.empty()) api_url = kOpenAiUrl;
  while (api_url.ends_with('/')) api_url.remove_suffix(1);
  constexpr std::string_view kPath = "/chat/completions";
  return std::string(api_url) + (api_url.ends_with(kPath) ? "" : std::string(kPath));
}

Value encode_openai(const ModelRequest& request, bool stream) {
  Value body = Value::object({{"model", request.model.model}});
  json::Array messages;
  for (const Message& message : request.messages) messages.push_back(encode_message(message));
  body.set("messages", std::move(messages));
  encode_params(request.model.params, body);
  if (!request.tools.empty()) {
    json::Array tools;
    for (const ToolOffer& tool : request.tools) {
      Value parameters = tool.parameters.is_object() ? tool.parameters : Value::object();
      if (parameters.find("type") == nullptr) parameters.set("type", "object");
      if (parameters.find("properties") == nullptr) parameters.set("properties", Value::object());
      tools.push_back(Value::object({{"type", "function"},
                                     {"function", Value::object({{"name", tool.name},
                                                                 {"description", tool.description},
                                                                 {"parameters", std::move(parameters)}})}}));
    }
    body.set("tools", std::move(tools));
    body.set("tool_choice", "auto");
  }
  if (request.output_schema.is_object()) {
    body.set("response_format",
             Value::object({{"type", "json_schema"},
                            {"json_schema", Value::object({{"name", "answer"}, {"schema", request.output_schema}})}}));
  } else if (request.json_mode) {
    body.set("response_format", Value::object({{"type", "json_object"}}));
  }
  if (stream) {
    body.set("stream", true);
    body.set("stream_options", Value::object({{"include_usage", true}}));
  }
  return body;
}

Result<void> OpenAiStream::take_calls(const Value& calls) {
  if (!calls.is_array()) return {};
  for (const Value& delta : calls.as_array()) {
    // Some servers leave the index out: a call with an id then begins a new one.
    const bool begins = delta["id"].is_string() && !delta["id"].as_string().empty();
    const int64_t next = static_cast<int64_t>(answer_.tool_calls.size());
    const int64_t fallback = begins || next == 0 ? next : next - 1;
    const int64_t index = delta["index"].integer_or(fallback);
    if (index < 0 || index >= static_cast<int64_t>(kToolCallsMax)) {
      return fail(Errc::provider_error, "the answer holds more than " + std::to_string(kToolCallsMax) + " tool calls");
    }
    if (index >= next) answer_.tool_calls.resize(static_cast<size_t>(index) + 1);
    ToolCall& call = answer_.tool_calls[static_cast<size_t>(index)];
    if (begins) call.id = delta["id"].as_string();
    const Value& function = delta["function"];
    if (function["name"].is_string()) call.name += function["name"].as_string();
    if (function["arguments"].is_string()) {
      call.arguments += function["arguments"].as_string();
    } else if (function["arguments"].is_object()) {
      call.arguments = json::print(function["arguments"]);
    }
  }
  return {};
}

Result<std::string> OpenAiStream::feed(std::string_view data) {
  data = trim(data);
  if (data == "[DONE]") {
    done_ = true;
    return std::string();
  }
  bytes_ += data.size();
  if (bytes_ > kAnswerBytesMax) return fail(Errc::too_large, "the model's answer grows beyond 16 MiB");
  auto parsed = json::parse(data);
  if (!parsed) return fail(Errc::provider_error, "the model's stream holds what is no JSON: " + shorten(data, 80));
  if (parsed->find("error") != nullptr && !(*parsed)["error"].is_null()) {
    return fail(Errc::provider_error, "the model failed while answering: " + error_message(*parsed));
  }
  if ((*parsed)["usage"].is_object()) answer_.usage = decode_usage((*parsed)["usage"]);
  const Value& choice = (*parsed)["choices"].at(0);
  const Value& delta = choice["delta"];
  std::string text = delta["content"].string_or("");
  answer_.text += text;
  TRY(take_calls(delta["tool_calls"]));
  if (choice["finish_reason"].is_string()) answer_.finish_reason = choice["finish_reason"].as_string();
  return text;
}

Result<ModelAnswer> OpenAiStream::finish() && {
  if (!done_ && !has_finish()) return fail(Errc::closed, "the model's stream broke off before its end");
  std::erase_if(answer_.tool_calls, [](const ToolCall& call) { return call.name.empty(); });
  for (size_t i = 0; i < answer_.tool_calls.size(); ++i) {
    if (answer_.tool_calls[i].id.empty()) answer_.tool_calls[i].id = "call_" + std::to_string(i);
  }
  if (answer_.finish_reason.empty()) answer_.finish_reason = answer_.tool_calls.empty() ? "stop" : "tool_calls";
  return std::move(answer_);
}

Result<ModelAnswer> decode_openai(const Value& body) {
  const Value& choice = body["choices"].at(0);
  const Value& message = choice["message"];
  if (!message.is_object()) {
    const std::string said = error_message(body);
    return fail(Errc::provider_error, said.empty() ? "the model's answer holds no message" : said);
  }
  ModelAnswer out;
  out.text = message["content"].string_or("");
  out.finish_reason = choice["finish_reason"].string_or("stop");
  out.usage = decode_usage(body["usage"]);
  if (!message["tool_calls"].is_array()) return out;
  for (const Value& call : message["tool_calls"].as_array()) {
    if (out.tool_calls.size() >= kToolCallsMax)
      return fail(Errc::provider_error, "the answer holds too many tool calls");
    const Value& arguments = call["function"]["arguments"];
    out.tool_calls.push_back({.id = call["id"].string_or("call_" + std::to_string(out.tool_calls.size())),
                              .name = call["function"]["name"].string_or(""),
                              .arguments = arguments.is_string() ? arguments.as_string() : json::print(arguments)});
  }
  return out;
}

ModelFailure openai_failure(int status, std::string_view body, std::string_view retry_after, int64_t now_ms) {
  ModelFailure out;
  auto parsed = json::parse(body);
  std::string said = parsed ? error_message(*parsed) : std::string();
  if (said.empty()) said = shorten(trim(body), 200);
  out.error =
      Error{.code = Errc::provider_error,
            .message = "the model provider answered " + std::to_string(status) + (said.empty() ? "" : ": " + said)};
  if (status == 408 || status == 409 || status == 425) out.kind = ModelFailure::Kind::retry;
  if (status == 429 || status >= 500) {
    // A used-up quota also comes as 429, and waiting does not mend it.
    const std::string code =
        parsed ? (*parsed)["error"]["code"].string_or((*parsed)["error"]["type"].string_or("")) : "";
    out.kind = code == "insufficient_quota" ? ModelFailure::Kind::final : ModelFailure::Kind::unavailable;
    // A run does not sleep for a year because a server says so: asking again is cheap.
    if (auto wait = http::parse_retry_after_ms(retry_after, now_ms))
      out.retry_after_ms = std::min(*wait, kRetryAfterMaxMs);
  }
  if (status == 401 || status == 403) out.error.message += "; check the model's api_key";
  if (status == 404) out.error.message += "; check the model's name and api_url";
  return out;
}

}  // namespace compozy::agent
