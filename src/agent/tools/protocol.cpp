// SPDX-License-Identifier: Apache-2.0
#include "agent/tools/protocol.hpp"

#include <algorithm>
#include <array>

#include "base/text.hpp"
#include "json/parse.hpp"
#include "json/print.hpp"

namespace compozy::agent {
namespace {

constexpr std::array<std::string_view, 3> kEnvelope{"result", "error", "metadata"};

// {"result": x, "metadata": ...} is an envelope; {"result": x, "count": 1} is the tool's own output.
bool is_envelope(const json::Value& value) {
  if (!value.is_object() || value.as_object().empty()) return false;
  return std::ranges::all_of(value.as_object(), [](const auto& member) {
    return std::ranges::find(kEnvelope, member.first) != kEnvelope.end();
  });
}

}  // namespace

std::string encode_tool_request(const project::Tool& tool, const ToolRequest& request, int64_t timeout_ms) {
  json::Value out = json::Value::object({{"tool_id", tool.id},
                                         {"tool_exec_id", request.exec_id},
                                         {"input", request.input.is_null() ? json::Value::object() : request.input},
                                         {"config", tool.config.is_null() ? json::Value::object() : tool.config},
                                         {"env", request.env.is_null() ? json::Value::object() : request.env},
                                         {"timeout_ms", timeout_ms}});
  return json::print(out);
}

ToolReply decode_tool_answer(std::string_view tool, std::string_view text) {
  const std::string_view body = trim(text);
  if (body.empty()) return json::Value::object();
  auto parsed = json::parse(body);
  const std::string name = "tool '" + std::string(tool) + "'";
  if (!parsed) {
    return tool_failed(
        {.code = Errc::tool_error,
         .message = name + " must write one JSON value to standard output, and wrote: " + shorten(body, 200)});
  }
  if (!is_envelope(*parsed)) return *std::move(parsed);
  const json::Value& error = (*parsed)["error"];
  if (!error.is_null()) {
    std::string message = error.is_string() ? error.as_string() : error["message"].string_or(json::print(error));
    return tool_failed({.code = Errc::tool_error, .message = name + ": " + shorten(message, 2'000)},
                       error["retryable"].bool_or(true) ? ToolFailure::Kind::retry : ToolFailure::Kind::final);
  }
  return json::Value((*parsed)["result"]);
}

}  // namespace compozy::agent
