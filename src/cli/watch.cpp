// SPDX-License-Identifier: Apache-2.0
#include "cli/watch.hpp"

#include <cstdio>

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

// The text that is being shown as it is written. Others that are written at the same time are shown when they are done.
struct Writing {
  int64_t op = 0;
  bool mid_line = false;
};

void print_event(const http::SseEvent& event, const json::Value& data, Writing& writing) {
  const int64_t op = data["op"].integer_or(0);
  if (event.event == "llm_chunk") {
    if (writing.op != 0 && writing.op != op) return;
    writing.op = op;
    const std::string text = data["text"].string_or("");
    std::fwrite(text.data(), 1, text.size(), stdout);
    std::fflush(stdout);
    writing.mid_line = true;
    return;
  }
  if (writing.mid_line) line("");
  writing.mid_line = false;
  if (event.event == "llm_response" && op == writing.op) writing.op = 0;
  std::string text = "[" + event.id + "] ";
  if (event.event == "task_status") {
    text += data["path"].string_or("") + " " + data["status"].string_or("");
    if (const json::Value* duration = data.find("duration_ms"))
      text += " after " + format_duration_ms(duration->integer_or(0));
    text += shown(data[data["status"].string_or("") == "RUNNING" ? "input"
                       : data.find("error") != nullptr           ? "error"
                                                                 : "output"]);
  } else if (event.event == "complete") {
    text += "SUCCESS" + shown(data["output"]);
  } else if (event.event == "error") {
    text += data["status"].string_or("FAILED") + " " + data["error"]["message"].string_or("");
  } else {
    text += event.event + shown(data);
  }
  line(text);
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
      line(json::print(json::Value::object({{"id", event.id}, {"event", event.event}, {"data", *data}})));
    } else {
      print_event(event, *data, writing);
    }
    if (event.event != "llm_chunk") last = *data;
    return true;
  }));
  return verdict_of(last);
}

}  // namespace compozy::cli
