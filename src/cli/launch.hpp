// SPDX-License-Identifier: Apache-2.0
//
// What the commands that start a run have in common.
#pragma once

#include <string>

#include "cli/client.hpp"
#include "cli/command.hpp"

namespace compozy::cli {

// The JSON object of an option, with each --param NAME=VALUE over it.
Result<json::Value> read_members(const Invocation& invocation, const std::string& option);

// The run has been started: --watch prints its events, --wait its output, else its id is printed.
Result<void> follow_started(ApiClient& client, const Invocation& invocation, const json::Value& started);

}  // namespace compozy::cli
