// SPDX-License-Identifier: Apache-2.0
//
// redis.*: what a script can call. Source: redis.io/docs/manual/programmability/lua-api.
#pragma once

struct lua_State;

namespace compozy::redis {

class ScriptMachine;

// Pushes the table. That of functions lacks what only EVAL ever had (breakpoint, debug, replicate_commands).
void push_redis_library(lua_State* lua, ScriptMachine& machine, bool for_functions);
// Pushes what a library may use while it is loaded: register_function, log and the version.
void push_load_library(lua_State* lua, ScriptMachine& machine);

}  // namespace compozy::redis
