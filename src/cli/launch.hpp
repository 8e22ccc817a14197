// SPDX-License-Identifier: Apache-2.0
//
// What the commands that start a run have in common.
#pragma once

#include <string>

#include "cli/command.hpp"
#include "json/value.hpp"

namespace compozy::cli {

// The JSON object of an option, with each --param NAME=VALUE over it.
Result<json::Value> read_members(const Invocation& invocation, const std::string& option);

// Starts a run with a POST of `body`, under the idempotency key of --key. Then --watch prints its events, --wait its
// output, else its id is printed.
Result<void> launch(const Invocation& invocation, const std::string& path, const json::Value& body);

}  // namespace compozy::cli
