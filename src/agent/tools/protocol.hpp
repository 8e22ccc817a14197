// SPDX-License-Identifier: Apache-2.0
//
// The protocol of executable and script tools. Pure. One JSON object in:
//
//   {"tool_id": "save", "tool_exec_id": "01J.../7", "input": {...}, "config": {...}, "env": {...}, "timeout_ms": 60000}
//
// and one JSON value out: {"result": ...}, {"error": {"message": "...", "retryable": true}}, or simply the result.
// `tool_exec_id` is the same each time the same call is repeated; so is COMPOZY_IDEMPOTENCY_KEY in the environment.
#pragma once

#include <string>
#include <string_view>

#include "agent/tools/tool.hpp"
#include "project/definition.hpp"

namespace compozy::agent {

std::string encode_tool_request(const project::Tool& tool, const ToolRequest& request, int64_t timeout_ms);

// What it wrote. An empty text is an empty object.
ToolReply decode_tool_answer(std::string_view tool, std::string_view text);

}  // namespace compozy::agent
