// SPDX-License-Identifier: Apache-2.0
#include "base/text.hpp"
#include "cli/client.hpp"
#include "cli/command.hpp"
#include "cli/output.hpp"
#include "cli/watch.hpp"
#include "json/parse.hpp"

namespace compozy::cli {

namespace {

Result<json::Value> read_input(const Invocation& invocation) {
  json::Value input = json::Value::object();
  if (invocation.has("--input")) {
    TRY(input, read_json_argument(invocation.value("--input"), "--input"));
    if (!input.is_object()) return fail(Errc::invalid_argument, "--input must be a JSON object");
  }
  for (const std::string& parameter : invocation.values("--param")) {
    const size_t equals = parameter.find('=');
    if (equals == std::string::npos || equals == 0)
      return fail(Errc::invalid_argument, "--param '" + parameter + "' must have the form NAME=VALUE");
    const std::string text = parameter.substr(equals + 1);
    const auto value = json::parse(text);
    input.set(parameter.substr(0, equals), value ? *value : json::Value(text));
  }
  return input;
}

}  // namespace

Result<void> run_workflow_list(Invocation& invocation) {
  ApiClient client(invocation);
  TRY(const json::Value data, client.call("GET", "/api/v0/workflows"));
  if (invocation.json()) {
    print_json(data["workflows"]);
    return {};
  }
  std::vector<std::vector<std::string>> rows{{"WORKFLOW", "TASKS", "DESCRIPTION"}};
  for (const json::Value& workflow : data["workflows"].as_array()) {
    rows.push_back({workflow["id"].string_or(""), std::to_string(workflow["tasks"].integer_or(0)),
                    workflow["description"].string_or("")});
  }
  print_table(rows);
  return {};
}

Result<void> run_workflow_get(Invocation& invocation) {
  ApiClient client(invocation);
  TRY(const json::Value data,
      client.call("GET", "/api/v0/workflows/" + http::percent_encode(invocation.positional(0))));
  print_json(data);
  return {};
}

Result<void> run_workflow_execute(Invocation& invocation) {
  ApiClient client(invocation);
  TRY(json::Value input, read_input(invocation));
  json::Value body = json::Value::object({{"input", std::move(input)}});
  if (invocation.has("--task")) body.set("task_id", invocation.value("--task"));
  http::Headers headers;
  if (invocation.has("--key")) headers.add("Idempotency-Key", invocation.value("--key"));
  TRY(const json::Value started,
      client.call("POST", "/api/v0/workflows/" + http::percent_encode(invocation.positional(0)) + "/executions", body,
                  headers));
  const std::string id = started["exec_id"].string_or("");
  if (invocation.has("--watch") || invocation.has("--wait")) note("run " + id);
  if (invocation.has("--watch")) return watch_run(client, id, 0, invocation.json());
  if (!invocation.has("--wait")) {
    if (invocation.json()) {
      print_json(started);
    } else {
      line(id);
      note("follow it with: compozy execution watch " + id);
    }
    return {};
  }
  TRY(client.follow(id, 0, [](const http::SseEvent&) { return true; }));
  TRY(const json::Value run, client.call("GET", "/api/v0/executions/workflows/" + id));
  print_json(invocation.json() ? run : run["output"]);
  return verdict_of(run);
}

}  // namespace compozy::cli
