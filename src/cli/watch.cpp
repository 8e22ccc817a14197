// SPDX-License-Identifier: Apache-2.0
#include "cli/watch.hpp"

#include "base/duration.hpp"
#include "base/text.hpp"
#include "cli/output.hpp"
#include "json/parse.hpp"
#include "json/print.hpp"

namespace compozy::cli {

namespace {

constexpr size_t kShownBytes = 200;

std::string shown(const json::Value& value) {
  return value.is_null() ? std::string() : " " + shorten(json::print(value), kShownBytes);
}

std::string text_of(const json::Value& value) {
  return value.is_string() ? shorten(replace_all(value.as_string(), "\n", " "), kShownBytes) : shown(value);
}

std::string task_line(const json::Value& data) {
  const std::string status = data["status"].string_or("");
  if (status == "RUNNING") return " begins" + shown(data["input"]);
  std::string text = " " + status;
  if (const std::string duration = duration_of(data); !duration.empty()) text += " after " + duration;
  if (const json::Value* error = data.find("error")) return text + ": " + text_of((*error)["message"]);
  return text + shown(data["output"]);
}

std::string tool_line(const json::Value& data) {
  std::string text = " called " + data["name"].string_or("a tool");
  if (data.find("arguments") != nullptr) text += " with " + text_of(data["arguments"]);
  if (const json::Value* error = data.find("error")) return text + ", which failed: " + text_of((*error)["message"]);
  return text + shown(data["output"]);
}

std::string again_line(const json::Value& data) {
  return ": " + text_of(data["error"]["message"]) + "; again in " +
         format_duration_ms(data["retry_in_ms"].integer_or(0));
}

// What a person wants to know of an event; for kinds that are not listed here, the whole of its data.
std::string sentence_of(const std::string& kind, const json::Value& data, bool was_streamed) {
  const std::string path = data["path"].string_or("");
  if (kind == "workflow_start") return data["workflow_id"].string_or("") + " begins" + shown(data["input"]);
  if (kind == "workflow_status") return "the run is " + data["status"].string_or("");
  if (kind == "complete") return "SUCCESS" + shown(data["output"]);
  if (kind == "error") return data["status"].string_or("FAILED") + ": " + data["error"]["message"].string_or("");
  if (kind == "signal_received") return "signal " + data["name"].string_or("") + shown(data["payload"]);
  if (path.empty()) return kind + shown(data);
  if (kind == "task_status") return path + task_line(data);
  if (kind == "tool_call") return path + tool_line(data);
  if (kind == "route_taken") return path + " goes to " + data["route"].string_or("");
  if (kind == "task_retry") return path + " failed" + again_line(data);
  if (kind == "task_blocked") return path + " waits" + again_line(data);
  if (kind == "memory_loaded")
    return path + " remembers " + std::to_string(data["messages"].integer_or(0)) + " messages";
  if (kind == "llm_response") {
    const std::string text = data["text"].string_or("");
    if (text.empty() && data["tool_calls"].is_array())
      return path + " asks for " + std::to_string(data["tool_calls"].size()) + " tools";
    return path + " answered" + (was_streamed ? "" : ": " + text_of(data["text"]));
  }
  return path + " " + kind + shown(data);
}

// The text that is being shown as it is written. Others that are written at the same time are shown when they are done.
struct Writing {
  int64_t op = 0;
  bool mid_line = false;
};

constexpr std::string_view kMargin = "     | ";

void print_piece(const json::Value& data, Writing& writing) {
  const int64_t op = data["op"].integer_or(0);
  if (writing.op != 0 && writing.op != op) return;
  writing.op = op;
  std::string text = data["text"].string_or("");
  if (text.empty()) return;
  const bool ends_line = text.ends_with('\n');
  if (ends_line) text.pop_back();
  text = replace_all(std::move(text), "\n", "\n" + std::string(kMargin));
  write((writing.mid_line ? "" : std::string(kMargin)) + text + (ends_line ? "\n" : ""));
  writing.mid_line = !ends_line;
}

void print_event(const http::SseEvent& event, const json::Value& data, Writing& writing) {
  if (event.event == "llm_chunk") {
    print_piece(data, writing);
    return;
  }
  if (writing.mid_line) line("");
  writing.mid_line = false;
  const bool was_streamed = event.event == "llm_response" && data["op"].integer_or(0) == writing.op && writing.op != 0;
  if (was_streamed) writing.op = 0;
  line("[" + event.id + "] " + sentence_of(event.event, data, was_streamed));
}

// One line of --json: what has no number of its own is not given the one before.
void print_record(const http::SseEvent& event, const json::Value& data) {
  json::Value record = json::Value::object();
  int64_t n = 0;
  if (event.event != "llm_chunk" && parse_int64(event.id, n)) record.set("id", n);
  line(json::print(record.set("event", event.event).set("data", data)));
}

}  // namespace

Result<void> verdict_of(const json::Value& run) {
  const std::string status = run["status"].string_or("");
  if (status == "FAILED" || status == "TIMED_OUT")
    return fail(Errc::task_failed,
                "the run ended " + status + ": " + run["error"]["message"].string_or("no reason given"));
  if (status == "CANCELED")
    return fail(Errc::cancelled, "the run was canceled: " + run["error"]["message"].string_or(""));
  return {};
}

Result<void> watch_run(ApiClient& client, const std::string& exec_id, int64_t from, bool as_json) {
  json::Value last;
  Writing writing;
  TRY(client.follow(exec_id, from, [&](const http::SseEvent& event) {
    auto data = json::parse(event.data);
    if (!data) return true;
    if (as_json) {
      print_record(event, *data);
    } else {
      print_event(event, *data, writing);
    }
    if (event.event != "llm_chunk") last = *data;
    return true;
  }));
  return verdict_of(last);
}

}  // namespace compozy::cli
