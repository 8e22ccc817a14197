// SPDX-License-Identifier: Apache-2.0
#include "cli/launch.hpp"

#include "cli/client.hpp"
#include "cli/output.hpp"
#include "cli/watch.hpp"
#include "json/parse.hpp"

namespace compozy::cli {

Result<json::Value> read_members(const Invocation& invocation, const std::string& option) {
  json::Value input = json::Value::object();
  if (invocation.has(option)) {
    TRY(input, read_json_argument(invocation.value(option), option));
    if (!input.is_object()) return fail(Errc::invalid_argument, option + " must be a JSON object");
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

Result<void> launch(const Invocation& invocation, const std::string& path, const json::Value& body) {
  ApiClient client(invocation);
  http::Headers headers;
  if (invocation.has("--key")) headers.add("Idempotency-Key", invocation.value("--key"));
  TRY(const json::Value started, client.call("POST", path, body, headers));
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
