// SPDX-License-Identifier: Apache-2.0
#include "agent/llm/mock.hpp"

#include <algorithm>
#include <array>

#include "agent/llm/sample.hpp"
#include "base/text.hpp"
#include "expression/template/template.hpp"
#include "io/timer.hpp"
#include "json/print.hpp"
#include "project/model_params.hpp"

namespace compozy::agent {
namespace {

using json::Value;

std::unexpected<ModelFailure> refuse(std::string message, ModelFailure::Kind kind = ModelFailure::Kind::final) {
  return std::unexpected(ModelFailure{
      .error = {.code = Errc::provider_error, .message = "mock model: " + std::move(message)}, .kind = kind});
}

template <size_t N>
Result<void> check_names(const Value& object, const std::array<std::string_view, N>& known, std::string_view what) {
  for (const auto& [name, value] : object.as_object()) {
    if (std::ranges::find(known, name) != known.end()) continue;
    return fail(Errc::validation_failed,
                "unknown " + std::string(what) + " '" + name + "'" + did_you_mean(name, known));
  }
  return {};
}

const Message* last_of(const std::vector<Message>& messages, Role role) {
  auto found = std::find_if(messages.rbegin(), messages.rend(), [&](const Message& m) { return m.role == role; });
  return found == messages.rend() ? nullptr : &*found;
}

bool has_words(const Value& words, const std::string& prompt) {
  if (words.is_array())
    return std::ranges::all_of(words.as_array(), [&](const Value& word) { return has_words(word, prompt); });
  return words.is_string() && prompt.find(to_lower(words.as_string())) != std::string::npos;
}

bool rule_matches(const Value& rule, const ModelRequest& request, const std::string& prompt) {
  const Message* last = request.messages.empty() ? nullptr : &request.messages.back();
  const bool has_result = last != nullptr && last->role == Role::tool;
  if (const Value* after = rule.find("after")) {
    if (!has_result || last->name != after->string_or("")) return false;
  } else if (has_result && rule.find("tool_calls") != nullptr) {
    return false;
  }
  const Value* words = rule.find("match");
  return words == nullptr || has_words(*words, prompt);
}

Result<std::string> reply_text(const Value& reply, const ModelRequest& request) {
  const auto content = [&](Role role) {
    const Message* message = last_of(request.messages, role);
    return message == nullptr ? std::string() : message->content;
  };
  json::Array messages;
  for (const Message& message : request.messages) messages.push_back(to_json(message));
  const Value context = Value::object({{"prompt", content(Role::user)},
                                       {"system", content(Role::system)},
                                       {"result", content(Role::tool)},
                                       {"messages", std::move(messages)}});
  TRY(Value rendered, expression::render_tree(reply, context, {}));
  return rendered.is_string() ? rendered.as_string() : json::print(rendered);
}

Result<ModelAnswer> follow(const Value& rule, const ModelRequest& request) {
  ModelAnswer answer;
  if (const Value* reply = rule.find("reply")) {
    TRY(answer.text, reply_text(*reply, request));
  }
  if (rule["tool_calls"].is_array()) {
    // Ids tell the turns apart, as those of a real model do.
    const std::string turn = std::to_string(request.messages.size());
    for (const Value& call : rule["tool_calls"].as_array()) {
      TRY(Value arguments,
          expression::render_tree(call["arguments"], Value::object({{"prompt", request.messages.back().content}}), {}));
      answer.tool_calls.push_back({.id = "mock_" + turn + '_' + std::to_string(answer.tool_calls.size()),
                                   .name = call["name"].string_or(""),
                                   .arguments = arguments.is_null() ? "{}" : json::print(arguments)});
    }
  }
  return answer;
}

void count_tokens(const ModelRequest& request, ModelAnswer& answer) {
  size_t bytes = 0;
  for (const Message& message : request.messages) bytes += message.content.size();
  answer.usage.prompt_tokens = static_cast<int64_t>(bytes / 4 + 1);
  answer.usage.completion_tokens = static_cast<int64_t>(answer.text.size() / 4 + 1);
  answer.usage.total_tokens = answer.usage.prompt_tokens + answer.usage.completion_tokens;
  answer.finish_reason = answer.tool_calls.empty() ? "stop" : "tool_calls";
}

Result<ModelAnswer> unscripted(const ModelRequest& request, const std::string& prompt) {
  ModelAnswer answer;
  if (request.output_schema.is_object()) {
    TRY(Value sample, sample_of(request.output_schema, shorten(trim(prompt), 48)));
    answer.text = json::print(sample);
  } else if (request.json_mode) {
    answer.text = json::print(Value::object({{"response", prompt}}));
  } else {
    answer.text = prompt;
  }
  return answer;
}

}  // namespace

ModelReply mock_answer(const ModelRequest& request) {
  const Value& params = request.model.params;
  if (params.is_object()) {
    if (auto checked = check_names(params, project::kMockParams, "parameter"); !checked)
      return refuse(checked.error().message);
  }
  const Message* user = last_of(request.messages, Role::user);
  const std::string prompt = user == nullptr ? "" : user->content;
  const std::string lower = to_lower(prompt);
  Result<ModelAnswer> answer = ModelAnswer{};
  bool found = false;
  for (const Value& rule : params["rules"].is_array() ? params["rules"].as_array() : json::Array{}) {
    if (!rule.is_object()) return refuse("a rule must be a map");
    if (auto checked = check_names(rule, project::kMockRuleFields, "field of a rule"); !checked)
      return refuse(checked.error().message);
    if (!rule_matches(rule, request, lower)) continue;
    if (const Value* error = rule.find("error")) {
      const std::string kind = (*error)["kind"].string_or("final");
      return refuse((*error)["message"].string_or("scripted failure"), kind == "retry" ? ModelFailure::Kind::retry
                                                                       : kind == "unavailable"
                                                                           ? ModelFailure::Kind::unavailable
                                                                           : ModelFailure::Kind::final);
    }
    answer = follow(rule, request);
    found = true;
    break;
  }
  if (!found) answer = unscripted(request, prompt);
  if (!answer) return refuse(answer.error().message);
  count_tokens(request, *answer);
  return *std::move(answer);
}

io::Task<ModelReply> MockProvider::ask(ModelRequest request, DeltaSink on_delta, std::stop_token stop) {
  ModelReply reply = mock_answer(request);
  if (!reply || !on_delta) co_return reply;
  const int64_t delay_ms = std::clamp(request.model.params["delay_ms"].integer_or(0), int64_t{0}, int64_t{10'000});
  const std::string text = reply->text;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find(' ', at), text.size() - 1) + 1;
    if (delay_ms > 0) {
      auto slept = co_await io::sleep(loop_, delay_ms, stop);
      if (!slept) co_return std::unexpected(ModelFailure{.error = std::move(slept).error()});
    }
    on_delta(std::string_view(text).substr(at, end - at));
    at = end;
  }
  co_return reply;
}

}  // namespace compozy::agent
