// SPDX-License-Identifier: Apache-2.0
#include "agent/loop/agent_loop.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "expression/secret.hpp"
#include "json/parse.hpp"
#include "json/print.hpp"

namespace compozy::agent {
namespace {

using json::Value;

Value tool_error(std::string_view code, std::string_view message) {
  return Value::object({{"success", false}, {"error", Value::object({{"code", code}, {"message", message}})}});
}

}  // namespace

LoopTurn memory_turn(const std::vector<Message>& messages) {
  json::Array out;
  for (const Message& message : messages) out.push_back(to_json(message));
  return {.kind = "memory", .body = expression::without_secret_marks(Value::object({{"messages", std::move(out)}}))};
}

LoopTurn answer_turn(const ModelAnswer& answer) {
  return {.kind = "answer", .body = expression::without_secret_marks(to_json(answer))};
}

LoopTurn result_turn(const ToolCall& call, const Result<Value>& result) {
  Value body = Value::object({{"id", call.id}, {"name", call.name}});
  if (result) {
    body.set("output", *result);
  } else {
    body.set("error",
             Value::object({{"code", errc_row(result.error().code).name}, {"message", result.error().message}}));
  }
  return {.kind = "result", .body = expression::without_secret_marks(body)};
}

// Either the arguments, or what the model is told instead of a result.
struct AgentLoop::Checked {
  Value arguments;
  std::optional<Value> refusal;
};

AgentLoop::AgentLoop(LoopSpec spec) : spec_(std::move(spec)) {
  for (const ToolOffer& tool : spec_.tools) {
    if (!tool.parameters.is_object()) continue;
    // The definition's schemas were checked when it was loaded; one that does not compile checks nothing.
    if (auto schema = json::Schema::compile(tool.parameters)) tool_schemas_.emplace(tool.name, *std::move(schema));
  }
  if (spec_.output_schema.is_object()) {
    if (auto schema = json::Schema::compile(spec_.output_schema)) output_schema_ = *std::move(schema);
  }
}

AgentLoop::Checked AgentLoop::check_call(const ToolCall& call) const {
  const bool known = std::ranges::any_of(spec_.tools, [&](const ToolOffer& tool) { return tool.name == call.name; });
  if (!known) {
    std::string names;
    for (const ToolOffer& tool : spec_.tools) names += (names.empty() ? "" : ", ") + tool.name;
    return {.refusal = tool_error("TOOL_NOT_FOUND", "there is no tool '" + call.name + "'; there are: " + names)};
  }
  const std::string_view text = trim(call.arguments);
  auto parsed = text.empty() ? Result<Value>(Value::object()) : json::parse(text);
  if (!parsed)
    return {.refusal = tool_error("TOOL_INVALID_INPUT", "the arguments are no JSON: " + parsed.error().message)};
  if (!parsed->is_object()) return {.refusal = tool_error("TOOL_INVALID_INPUT", "the arguments must be a JSON object")};
  auto schema = tool_schemas_.find(call.name);
  if (schema == tool_schemas_.end()) return {.arguments = *std::move(parsed)};
  Value arguments = schema->second.with_defaults(*parsed);
  auto valid = schema->second.check(arguments);
  if (!valid) return {.refusal = tool_error("TOOL_INVALID_INPUT", valid.error().message)};
  return {.arguments = std::move(arguments)};
}

Result<void> AgentLoop::apply(const LoopTurn& turn) {
  if (turn.kind == "memory") {
    std::vector<Message> messages;
    for (const Value& item : turn.body["messages"].is_array() ? turn.body["messages"].as_array() : json::Array{}) {
      TRY(Message message, message_from_json(item));
      messages.push_back(std::move(message));
    }
    memory_ = std::move(messages);
    return {};
  }
  if (turn.kind == "answer") {
    TRY(ModelAnswer answer, answer_from_json(turn.body));
    usage_ += answer.usage;
    answers_.push_back({.answer = std::move(answer), .results = {}});
    return {};
  }
  if (turn.kind != "result" || answers_.empty()) {
    return fail(Errc::corrupt_data, "a turn of kind '" + turn.kind + "' cannot come here");
  }
  const std::string name = turn.body["name"].string_or("");
  const Value* error = turn.body.find("error");
  if (error != nullptr) {
    const int64_t count = ++errors_in_a_row_[name];
    if (count >= spec_.limits.tool_errors_max && !tool_failure_) {
      tool_failure_ = Error{.code = Errc::tool_error,
                            .message = "tool '" + name + "' failed " + std::to_string(count) +
                                       " times in a row; the last time: " + (*error)["message"].string_or("")};
    }
    answers_.back().results[turn.body["id"].string_or("")] =
        tool_error((*error)["code"].string_or("tool_error"), (*error)["message"].string_or(""));
    return {};
  }
  errors_in_a_row_[name] = 0;
  answers_.back().results[turn.body["id"].string_or("")] = turn.body["output"];
  return {};
}

std::string AgentLoop::shown(const Value& result) const {
  std::string text = result.is_string() ? result.as_string() : json::print(result);
  if (text.size() <= spec_.limits.result_bytes_max) return text;
  const size_t whole = text.size();
  text = shorten(text, spec_.limits.result_bytes_max);
  return text + "\n[cut: the result has " + std::to_string(whole) + " bytes]";
}

void AgentLoop::add_results(const Answered& answered, std::vector<Message>& messages) const {
  for (const ToolCall& call : answered.answer.tool_calls) {
    auto found = answered.results.find(call.id);
    const Value result = found != answered.results.end() ? found->second : check_call(call).refusal.value_or(Value());
    messages.push_back({.role = Role::tool, .content = shown(result), .tool_call_id = call.id, .name = call.name});
  }
}

Result<Value> AgentLoop::output_of(const ModelAnswer& answer) const {
  if (!output_schema_ && !spec_.json_mode) return Value::object({{"response", answer.text}});
  const std::string_view text = trim(answer.text);
  auto parsed = json::parse(text);
  if (!parsed) parsed = json::parse_embedded(text);
  if (!parsed) {
    std::string why = text.empty() ? "the answer is empty" : "the answer holds no JSON";
    if (answer.finish_reason == "length") why += "; it was cut off at the limit of tokens, so be brief";
    return fail(Errc::validation_failed, std::move(why));
  }
  if (output_schema_) TRY(output_schema_->check(*parsed));
  return parsed;
}

LoopAction AgentLoop::final_answer(const Answered& last, std::vector<Message> messages, int64_t failed_attempts) const {
  if (last.answer.finish_reason == "content_filter") {
    return GiveUp{
        .error = {.code = Errc::provider_error, .message = "the provider's content filter stopped the answer"},
        .usage = usage_};
  }
  auto output = output_of(last.answer);
  if (output) {
    return Finish{.output = *std::move(output),
                  .remember = {{.role = Role::user, .content = spec_.prompt},
                               {.role = Role::assistant, .content = last.answer.text}},
                  .usage = usage_};
  }
  if (failed_attempts >= spec_.limits.output_retries_max) {
    return GiveUp{.error = {.code = Errc::validation_failed,
                            .message = "the model gave no valid answer in " + std::to_string(failed_attempts + 1) +
                                       " attempts: " + output.error().message},
                  .usage = usage_};
  }
  messages.push_back({.role = Role::user,
                      .content = "Your answer cannot be used (attempt " + std::to_string(failed_attempts + 1) + " of " +
                                 std::to_string(spec_.limits.output_retries_max + 1) + "): " + output.error().message +
                                 ". Answer again with one JSON value only, without any other text."});
  return AskModel{.messages = std::move(messages), .tools = spec_.tools};
}

LoopAction AgentLoop::next() const {
  if (spec_.has_memory && !memory_) return LoadMemory{};
  std::vector<Message> messages;
  if (!spec_.instructions.empty()) messages.push_back({.role = Role::system, .content = spec_.instructions});
  if (memory_) messages.insert(messages.end(), memory_->begin(), memory_->end());
  messages.push_back({.role = Role::user, .content = spec_.prompt});

  int64_t iterations = 0;
  int64_t failed_attempts = 0;
  for (size_t turn = 0; turn < answers_.size(); ++turn) {
    const Answered& answered = answers_[turn];
    const ModelAnswer& answer = answered.answer;
    const bool is_last = turn + 1 == answers_.size();
    messages.push_back({.role = Role::assistant, .content = answer.text, .tool_calls = answer.tool_calls});
    if (answer.tool_calls.empty()) {
      LoopAction action = final_answer(answered, std::move(messages), failed_attempts++);
      if (is_last || !std::holds_alternative<AskModel>(action)) return action;
      messages = std::move(std::get<AskModel>(action).messages);
      continue;
    }
    if (++iterations > spec_.limits.iterations_max) {
      return GiveUp{
          .error = {.code = Errc::limit_exceeded,
                    .message = "the model called tools in more than " + std::to_string(spec_.limits.iterations_max) +
                               " turns; raise the agent's max_iterations if that is needed"},
          .usage = usage_};
    }
    CallTools wanted;
    for (size_t i = 0; is_last && i < answer.tool_calls.size(); ++i) {
      const ToolCall& call = answer.tool_calls[i];
      if (answered.results.contains(call.id)) continue;
      Checked checked = check_call(call);
      if (checked.refusal) continue;
      wanted.calls.push_back({.call = call,
                              .arguments = std::move(checked.arguments),
                              .key = std::to_string(turn) + '/' + std::to_string(i)});
    }
    if (!wanted.calls.empty() && !tool_failure_) return wanted;
    add_results(answered, messages);
  }
  if (tool_failure_) return GiveUp{.error = *tool_failure_, .usage = usage_};
  return AskModel{.messages = std::move(messages), .tools = spec_.tools};
}

}  // namespace compozy::agent
