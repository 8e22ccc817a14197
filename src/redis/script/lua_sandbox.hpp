// SPDX-License-Identifier: Apache-2.0
//
// The world that a script sees: chosen parts of Lua's libraries, cjson, cmsgpack, struct and bit; redis.* is added by
// redis_api. Everything stands behind proxies that can be read and not changed.
#pragma once

#include <string_view>

struct lua_State;

namespace compozy::redis {

class ScriptMachine;

// Builds the world in a new state and leaves it in the registry under the names below.
void build_sandbox(lua_State* lua, ScriptMachine& machine, bool for_functions);

inline constexpr const char* kRealGlobals = "compozy.globals";      // where KEYS and ARGV are put
inline constexpr const char* kGlobalsProxy = "compozy.proxy";       // the environment of scripts
inline constexpr const char* kGlobalsMetatable = "compozy.worlds";  // the metatable of that proxy
inline constexpr const char* kLoadGlobals = "compozy.load";         // what a library sees while it is loaded
inline constexpr const char* kErrorHandler = "compozy.handler";

}  // namespace compozy::redis
