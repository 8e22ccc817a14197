// SPDX-License-Identifier: Apache-2.0
//
// The world that a script sees: chosen parts of Lua's libraries, cjson, bit and redis.*, each behind an empty proxy
// that can be read and not changed.
#pragma once

struct lua_State;

namespace compozy::redis {

class ScriptHost;

// Builds the world in a new state and leaves references to it in the registry under the two names below.
void build_sandbox(lua_State* lua, ScriptHost& host);

inline constexpr const char* kRealGlobals = "compozy.globals";  // where KEYS and ARGV are put
inline constexpr const char* kGlobalsProxy = "compozy.proxy";   // the environment of scripts
inline constexpr const char* kErrorHandler = "compozy.handler";

}  // namespace compozy::redis
