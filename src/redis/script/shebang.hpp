// SPDX-License-Identifier: Apache-2.0
//
// The first line of a script or library: "#!lua flags=no-writes,allow-oom" and "#!lua name=library".
// Source: redis.io/docs/manual/programmability/eval-intro, "Script flags".
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace compozy::redis {

struct ScriptHead {
  uint32_t flags = 0;     // ScriptFlag; kScriptUndeclared without a shebang
  std::string_view body;  // with the line break that ends the shebang, so that line numbers are right
};
Result<ScriptHead> read_script_head(std::string_view source);

struct LibraryHead {
  std::string name;
  std::string engine;
  std::string_view body;
};
Result<LibraryHead> read_library_head(std::string_view source);

}  // namespace compozy::redis
