// SPDX-License-Identifier: Apache-2.0
#include "base/text.hpp"
#include "cli/client.hpp"
#include "cli/command.hpp"
#include "cli/output.hpp"
#include "cli/watch.hpp"

namespace compozy::cli {

namespace {

std::string run_path(const Invocation& invocation) {
  return "/api/v0/executions/workflows/" + http::percent_encode(invocation.positional(0));
}

Result<void> control(Invocation& invocation, const char* what) {
  ApiClient client(invocation);
  json::Value body = json::Value::object();
  if (invocation.has("--reason")) body.set("reason", invocation.value("--reason"));
  TRY(const json::Value data, client.call("POST", run_path(invocation) + "/" + what, body));
  if (invocation.json()) {
    print_json(data);
  } else {
    line(std::string(what) + " accepted for " + invocation.positional(0));
  }
  return {};
}

// "tenant=acme" or "amount>=10" as a query parameter of the list.
Result<std::string> filter_of(std::string_view where) {
  const size_t sign = where.find_first_of("<>=");
  const bool compares = sign != std::string_view::npos && where[sign] != '=';
  if (sign == 0 || where.substr(0, sign).ends_with('!') || sign == std::string_view::npos ||
      (compares && where.substr(sign + 1, 1) != "=")) {
    return fail(Error{.code = Errc::invalid_argument,
                      .message = "expected NAME=VALUE, NAME>=N or NAME<=N, found '" + std::string(where) + "'",
                      .field = "--where"});
  }
  const std::string bound = !compares ? "" : where[sign] == '>' ? ".min" : ".max";
  return "&attribute." + http::percent_encode(trim(where.substr(0, sign))) + bound + "=" +
         http::percent_encode(trim(where.substr(sign + (compares ? 2 : 1))));
}

}  // namespace

Result<void> run_execution_list(Invocation& invocation) {
  ApiClient client(invocation);
  std::string path = "/api/v0/executions/workflows" + list_query(invocation, {"workflow", "status", "since", "until"});
  for (const std::string& where : invocation.values("--where")) {
    TRY(const std::string filter, filter_of(where));
    path += filter;
  }
  TRY(const json::Value data, client.call("GET", path));
  if (invocation.json()) {
    print_json(data["executions"]);
    return {};
  }
  std::vector<std::vector<std::string>> rows{{"EXECUTION", "WORKFLOW", "STATUS", "STARTED", "DURATION"}};
  for (const json::Value& run : data["executions"].as_array()) {
    rows.push_back({run["exec_id"].string_or(""), run["workflow_id"].string_or(""), run["status"].string_or(""),
                    run["created_at"].string_or(""), duration_of(run)});
  }
  if (rows.size() == 1) {
    note("no runs");
    return {};
  }
  print_table(rows);
  return {};
}

Result<void> run_execution_purge(Invocation& invocation) {
  ApiClient client(invocation);
  json::Value body = json::Value::object({{"dry_run", invocation.has("--dry-run")}});
  if (invocation.has("--workflow")) body.set("workflow_id", invocation.value("--workflow"));
  TRY(const json::Value data, client.call("POST", "/api/v0/executions/purge", body));
  if (invocation.json()) {
    print_json(data);
    return {};
  }
  std::vector<std::vector<std::string>> rows{{"WORKFLOW", "SUCCEEDED", "FAILED"}};
  for (const json::Value& purged : data["purged"].as_array()) {
    rows.push_back({purged["workflow_id"].string_or(""), std::to_string(purged["succeeded"].integer_or(0)),
                    std::to_string(purged["failed"].integer_or(0))});
  }
  if (rows.size() == 1) {
    line("no run is older than its retention");
  } else {
    print_table(rows);
  }
  return {};
}

Result<void> run_execution_get(Invocation& invocation) {
  ApiClient client(invocation);
  TRY(const json::Value run, client.call("GET", run_path(invocation)));
  if (invocation.json()) {
    print_json(run);
    return {};
  }
  line(run["exec_id"].string_or("") + "  " + run["workflow_id"].string_or("") + "  " + run["status"].string_or("") +
       "  " + duration_of(run));
  std::vector<std::vector<std::string>> rows{{"TASK", "TYPE", "STATUS", "DURATION"}};
  for (const json::Value& task : run["tasks"].as_array()) {
    rows.push_back(
        {task["path"].string_or(""), task["type"].string_or(""), task["status"].string_or(""), duration_of(task)});
  }
  print_table(rows);
  if (run.find("output") != nullptr) print_json(run["output"]);
  if (run.find("error") != nullptr) line("error: " + run["error"]["message"].string_or(""));
  return {};
}

Result<void> run_execution_watch(Invocation& invocation) {
  ApiClient client(invocation);
  int64_t from = 0;
  const std::string text = invocation.value("--from", "0");
  if (!parse_int64(text, from) || from < 0)
    return fail(Errc::invalid_argument, "--from must be the number of an event, found '" + text + "'");
  return watch_run(client, invocation.positional(0), from, invocation.json());
}

Result<void> run_execution_signal(Invocation& invocation) {
  ApiClient client(invocation);
  json::Value body = json::Value::object({{"signal_name", invocation.positional(1)}});
  if (invocation.has("--payload")) {
    TRY(json::Value payload, read_json_argument(invocation.value("--payload"), "--payload"));
    body.set("payload", std::move(payload));
  }
  if (invocation.has("--dedupe")) body.set("dedupe", invocation.value("--dedupe"));
  TRY(const json::Value data, client.call("POST", run_path(invocation) + "/signals", body));
  if (invocation.json()) {
    print_json(data);
  } else {
    line("signal '" + invocation.positional(1) + "' accepted for " + invocation.positional(0));
  }
  return {};
}

namespace {

Result<void> vote(Invocation& invocation, const char* decision) {
  ApiClient client(invocation);
  json::Value body = json::Value::object({{"decision", decision}});
  if (invocation.has("--values")) {
    TRY(json::Value values, read_json_argument(invocation.value("--values"), "--values"));
    body.set("values", std::move(values));
  }
  if (invocation.has("--comment")) body.set("comment", invocation.value("--comment"));
  TRY(const json::Value data,
      client.call("POST", run_path(invocation) + "/approvals/" + http::percent_encode(invocation.positional(1)), body));
  if (invocation.json()) {
    print_json(data);
  } else {
    line(std::string(decision) + " of '" + invocation.positional(1) + "' accepted for " + invocation.positional(0));
  }
  return {};
}

}  // namespace

Result<void> run_execution_approve(Invocation& invocation) { return vote(invocation, "approve"); }
Result<void> run_execution_reject(Invocation& invocation) { return vote(invocation, "reject"); }
Result<void> run_execution_cancel(Invocation& invocation) { return control(invocation, "cancel"); }
Result<void> run_execution_pause(Invocation& invocation) { return control(invocation, "pause"); }
Result<void> run_execution_resume(Invocation& invocation) { return control(invocation, "resume"); }

}  // namespace compozy::cli
