// SPDX-License-Identifier: Apache-2.0
//
// The operations of a memory task: read write append delete flush health clear stats.
#include <algorithm>

#include "base/clock.hpp"
#include "workflow/activity/performer.hpp"

namespace compozy::workflow {

namespace {

constexpr int64_t kReadMax = 1'000;
constexpr double kFlushThreshold = 0.8;

// One message {role, content}, a list of them, or a plain text, which is the user's.
Result<std::vector<store::MemoryMessage>> messages_of(const json::Value& payload) {
  std::vector<store::MemoryMessage> messages;
  for (const json::Value& item : payload.is_array() ? payload.as_array() : json::Array{payload}) {
    if (item.is_string()) {
      messages.push_back({.role = "user", .content = item.as_string()});
    } else if (item.is_object() && item["content"].is_string()) {
      messages.push_back({.role = item["role"].string_or("user"), .content = item["content"].as_string()});
    } else {
      return fail(Errc::validation_failed, "the payload must be a message {role, content}, a list of them, or a text");
    }
  }
  return messages;
}

json::Value messages_view(const store::MemoryPage& page) {
  json::Value list = json::Value::array();
  for (const store::MemoryMessage& message : page.messages)
    list.push_back(json::Value::object({{"role", message.role}, {"content", message.content}}));
  return list;
}

json::Value counters_view(const std::string& key, const store::MemoryPage& page) {
  json::Value view = json::Value::object({{"key", key},
                                          {"message_count", page.message_count},
                                          {"token_count", page.token_count},
                                          {"actual_strategy", "simple_fifo"}});
  if (page.last_flush_ms != 0) view.set("last_flush", format_rfc3339(page.last_flush_ms));
  return view;
}

// How full the conversation is, against the limit that is nearest.
double usage_of(const store::MemoryPage& page, const store::MemoryLimits& limits) {
  double usage = 0;
  if (limits.max_messages > 0)
    usage = static_cast<double>(page.message_count) / static_cast<double>(limits.max_messages);
  if (limits.max_tokens > 0)
    usage = std::max(usage, static_cast<double>(page.token_count) / static_cast<double>(limits.max_tokens));
  return usage;
}

}  // namespace

store::MemoryLimits limits_of(const project::Memory& memory) {
  return {.max_messages = memory.max_messages, .max_tokens = memory.max_tokens, .ttl_ms = memory.ttl_ms};
}

io::Task<ActivityResult> Performer::perform_memory(Attempt attempt) {
  const std::string id = attempt.spec["memory"].string_or("");
  const project::Memory* memory = attempt.program->workflow().find_memory(id);
  if (memory == nullptr)
    co_return failed_activity(Error{.code = Errc::not_found, .message = "the definition has no memory '" + id + "'"});
  auto output = co_await memory_output(attempt, *memory);
  if (!output) co_return failed_activity(output.error());
  co_return succeeded_activity(std::move(*output));
}

io::Task<Result<json::Value>> Performer::memory_output(const Attempt& attempt, const project::Memory& memory) {
  const std::string operation = attempt.spec["operation"].string_or("");
  const std::string name = attempt.spec["key"].string_or("");
  const json::Value& config = attempt.spec["config"];
  const store::MemoryKey key{.project = attempt.program->workflow().project, .memory = memory.id, .key = name};
  const store::MemoryLimits limits = limits_of(memory);
  const std::string effect = attempt.run_id + ":" + std::to_string(attempt.op);
  if (operation == "read") {
    CO_TRY(const store::MemoryPage page, co_await options_.memory.read(key, 0, kReadMax));
    co_return json::Value::object({{"messages", messages_view(page)}, {"count", page.message_count}, {"key", name}});
  }
  if (operation == "stats" || operation == "health") {
    CO_TRY(const store::MemoryPage page, co_await options_.memory.read(key, 0, kReadMax));
    json::Value view = counters_view(name, page);
    if (operation == "health") view.set("healthy", true);
    if (page.message_count > 0)
      view.set("avg_tokens_per_message",
               static_cast<double>(page.token_count) / static_cast<double>(page.message_count));
    if (config["include_content"].bool_or(false)) view.set("messages", messages_view(page));
    co_return view;
  }
  remember_effect(attempt, key, effect);
  if (operation == "append" || operation == "write") {
    CO_TRY(auto messages, messages_of(attempt.spec["payload"]));
    if (operation == "append") {
      CO_TRY(const store::MemoryChange change,
             co_await options_.memory.append(key, std::move(messages), limits, effect));
      co_return json::Value::object(
          {{"success", true}, {"appended", change.changed}, {"total_count", change.message_count}, {"key", name}});
    }
    CO_TRY(const store::MemoryChange change,
           co_await options_.memory.replace(key, std::move(messages), limits, effect));
    co_return json::Value::object({{"success", true}, {"count", change.message_count}, {"key", name}});
  }
  if (operation == "delete" || operation == "clear") {
    CO_TRY(const store::MemoryChange change, co_await options_.memory.clear(key, effect));
    json::Value view = json::Value::object({{"success", true}, {"key", name}});
    if (operation == "clear") view.set("messages_cleared", change.changed).set("backup_created", false);
    co_return view;
  }
  // flush: down to half of the limits, when the conversation is full enough or it is forced
  CO_TRY(const store::MemoryPage page, co_await options_.memory.read(key, 0, 1));
  const bool due =
      config["force"].bool_or(false) || usage_of(page, limits) >= config["threshold"].double_or(kFlushThreshold);
  json::Value view = json::Value::object({{"success", true},
                                          {"key", name},
                                          {"summary_generated", false},
                                          {"message_count", page.message_count},
                                          {"token_count", page.token_count}});
  if (config["dry_run"].bool_or(false)) co_return view.set("dry_run", true).set("would_flush", due);
  if (!due) co_return view;
  const int64_t keep_messages = limits.max_messages > 0 ? limits.max_messages / 2 : page.message_count / 2;
  const int64_t keep_tokens = limits.max_tokens > 0 ? limits.max_tokens / 2 : -1;
  CO_TRY(const store::MemoryChange change, co_await options_.memory.flush(key, keep_messages, keep_tokens, effect));
  co_return view.set("message_count", change.message_count).set("token_count", change.token_count);
}

}  // namespace compozy::workflow
