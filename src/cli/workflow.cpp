// SPDX-License-Identifier: Apache-2.0
#include "cli/client.hpp"
#include "cli/command.hpp"
#include "cli/launch.hpp"
#include "cli/output.hpp"

namespace compozy::cli {

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
  TRY(json::Value input, read_members(invocation, "--input"));
  json::Value body = json::Value::object({{"input", std::move(input)}});
  if (invocation.has("--task")) body.set("task_id", invocation.value("--task"));
  return launch(invocation, "/api/v0/workflows/" + http::percent_encode(invocation.positional(0)) + "/executions",
                body);
}

}  // namespace compozy::cli
