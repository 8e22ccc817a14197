// SPDX-License-Identifier: Apache-2.0
//
// Values between Lua and RESP, as redis.io/docs/manual/programmability/lua-api lays down.
#pragma once

#include <string>
#include <string_view>

struct lua_State;

namespace compozy::redis {

class ReplyWriter;

// Pushes one reply that a command wrote; returns the place after it.
size_t push_reply(lua_State* lua, std::string_view bytes, size_t at);

// Pops the value on top and writes it as a reply.
void write_lua_value(lua_State* lua, ReplyWriter& reply, int script_protocol);

// Pushes {err = text}.
void push_error(lua_State* lua, std::string_view text);

}  // namespace compozy::redis
