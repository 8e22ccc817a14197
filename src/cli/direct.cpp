// SPDX-License-Identifier: Apache-2.0
//
// agent and task: what of a project can be started by itself.
#include "cli/client.hpp"
#include "cli/command.hpp"
#include "cli/launch.hpp"
#include "cli/output.hpp"

namespace compozy::cli {

namespace {

Result<void> execute(Invocation& invocation, const std::string& kind) {
  TRY(json::Value with, read_members(invocation, "--with"));
  json::Value body = json::Value::object({{"with", std::move(with)}});
  for (const char* name : {"action", "prompt", "workflow"}) {
    const std::string option = std::string("--") + name;
    if (invocation.has(option)) body.set(name, invocation.value(option));
  }
  return launch(invocation, "/api/v0/" + kind + "/" + http::percent_encode(invocation.positional(0)) + "/executions",
                body);
}

Result<void> show(Invocation& invocation, const std::string& kind) {
  ApiClient client(invocation);
  std::string path = "/api/v0/" + kind + "/" + http::percent_encode(invocation.positional(0));
  if (invocation.has("--workflow")) path += "?workflow=" + http::percent_encode(invocation.value("--workflow"));
  TRY(const json::Value data, client.call("GET", path));
  print_json(data);
  return {};
}

std::string joined(const json::Value& texts) {
  std::string out;
  for (const json::Value& text : texts.as_array()) out += (out.empty() ? "" : ", ") + text.string_or("");
  return out;
}

}  // namespace

Result<void> run_agent_list(Invocation& invocation) {
  ApiClient client(invocation);
  TRY(const json::Value data, client.call("GET", "/api/v0/agents"));
  if (invocation.json()) {
    print_json(data["agents"]);
    return {};
  }
  std::vector<std::vector<std::string>> rows{{"AGENT", "WORKFLOW", "ACTIONS"}};
  for (const json::Value& agent : data["agents"].as_array())
    rows.push_back({agent["id"].string_or(""), agent["workflow_id"].string_or("-"), joined(agent["actions"])});
  print_table(rows);
  return {};
}

Result<void> run_task_list(Invocation& invocation) {
  ApiClient client(invocation);
  TRY(const json::Value data, client.call("GET", "/api/v0/tasks"));
  if (invocation.json()) {
    print_json(data["tasks"]);
    return {};
  }
  std::vector<std::vector<std::string>> rows{{"TASK", "WORKFLOW", "TYPE"}};
  for (const json::Value& task : data["tasks"].as_array())
    rows.push_back({task["id"].string_or(""), task["workflow_id"].string_or("-"), task["type"].string_or("")});
  print_table(rows);
  return {};
}

Result<void> run_agent_get(Invocation& invocation) { return show(invocation, "agents"); }
Result<void> run_task_get(Invocation& invocation) { return show(invocation, "tasks"); }
Result<void> run_agent_execute(Invocation& invocation) { return execute(invocation, "agents"); }
Result<void> run_task_execute(Invocation& invocation) { return execute(invocation, "tasks"); }

}  // namespace compozy::cli
