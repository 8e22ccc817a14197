// SPDX-License-Identifier: Apache-2.0
//
// What a tool is asked and what it answers, whichever runtime it has.
#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <string>

#include "base/result.hpp"
#include "json/value.hpp"

namespace compozy::agent {

struct ToolRequest {
  std::string tool;                  // id of the definition's tool, or a built-in "cp__..."
  std::string exec_id;               // the idempotency key: "run/op", or "run/op/turn/call" for an agent's call
  json::Value input;                 // an object
  json::Value env;                   // map of texts; secrets are filled in
  std::function<void()> alive = {};  // called whenever the tool's process writes something
};

// Why a tool gave no result, and whether the same call may do better.
struct ToolFailure {
  enum class Kind : uint8_t { final, retry };
  Error error;
  Kind kind = Kind::final;
};

using ToolReply = std::expected<json::Value, ToolFailure>;

inline std::unexpected<ToolFailure> tool_failed(Error error, ToolFailure::Kind kind = ToolFailure::Kind::final) {
  return std::unexpected(ToolFailure{.error = std::move(error), .kind = kind});
}

}  // namespace compozy::agent
