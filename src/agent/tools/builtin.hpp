// SPDX-License-Identifier: Apache-2.0
//
// The built-in tools (project/builtin_tools.hpp names them). Blocking and synchronous, but for cp__exec, which the
// toolbox runs; their files lie below one folder (FileSandbox).
#pragma once

#include <string_view>

#include "agent/llm/message.hpp"
#include "agent/tools/file_sandbox.hpp"
#include "agent/tools/tool.hpp"

namespace compozy::agent {

// What models are told about a built-in tool; its parameters are the schema of its input.
ToolOffer builtin_offer(std::string_view tool);

// All but cp__exec. The input was checked against the offer's parameters.
Result<json::Value> run_builtin(const FileSandbox& files, std::string_view tool, const json::Value& input);

}  // namespace compozy::agent
