// SPDX-License-Identifier: Apache-2.0
#include "cli/client.hpp"
#include "cli/command.hpp"
#include "cli/output.hpp"

namespace compozy::cli {

namespace {

std::string path_of(const Invocation& invocation) {
  return "/api/v0/schedules/" + http::percent_encode(invocation.positional(0));
}

Result<void> show(Invocation& invocation, const json::Value& schedule) {
  if (invocation.json()) {
    print_json(schedule);
    return {};
  }
  line(schedule["workflow_id"].string_or("") + "  " + schedule["cron"].string_or("") + " (" +
       schedule["timezone"].string_or("") + ")  " + (schedule["enabled"].bool_or(false) ? "enabled" : "paused") +
       (schedule["is_override"].bool_or(false) ? ", changed by hand" : ""));
  for (const json::Value& time : schedule["next_run_times"].as_array()) line("  due  " + time.string_or(""));
  if (schedule["last_run_id"].is_string()) {
    line("  last " + schedule["last_run_time"].string_or("") + "  " + schedule["last_run_id"].string_or("") + "  " +
         schedule["last_run_status"].string_or(""));
  }
  return {};
}

Result<void> change(Invocation& invocation, const json::Value& body) {
  ApiClient client(invocation);
  TRY(const json::Value schedule, client.call("PATCH", path_of(invocation), body));
  return show(invocation, schedule);
}

}  // namespace

Result<void> run_schedule_list(Invocation& invocation) {
  ApiClient client(invocation);
  TRY(const json::Value data, client.call("GET", "/api/v0/schedules"));
  if (invocation.json()) {
    print_json(data["schedules"]);
    return {};
  }
  std::vector<std::vector<std::string>> rows{{"WORKFLOW", "CRON", "ZONE", "STATE", "NEXT", "LAST"}};
  for (const json::Value& schedule : data["schedules"].as_array()) {
    rows.push_back({schedule["workflow_id"].string_or(""), schedule["cron"].string_or(""),
                    schedule["timezone"].string_or(""), schedule["enabled"].bool_or(false) ? "enabled" : "paused",
                    schedule["next_run_time"].string_or("-"), schedule["last_run_status"].string_or("-")});
  }
  if (rows.size() == 1) {
    note("no workflow has a schedule");
    return {};
  }
  print_table(rows);
  return {};
}

Result<void> run_schedule_get(Invocation& invocation) {
  ApiClient client(invocation);
  TRY(const json::Value schedule, client.call("GET", path_of(invocation)));
  return show(invocation, schedule);
}

Result<void> run_schedule_pause(Invocation& invocation) {
  return change(invocation, json::Value::object({{"enabled", false}}));
}
Result<void> run_schedule_resume(Invocation& invocation) {
  return change(invocation, json::Value::object({{"enabled", true}}));
}
Result<void> run_schedule_update(Invocation& invocation) {
  return change(invocation, json::Value::object({{"cron", invocation.positional(1)}}));
}

Result<void> run_schedule_reset(Invocation& invocation) {
  ApiClient client(invocation);
  TRY(const json::Value schedule, client.call("DELETE", path_of(invocation)));
  return show(invocation, schedule);
}

}  // namespace compozy::cli
