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

// Pops the value on top and writes it as a reply. A boolean is a RESP3 boolean only when the script asked for RESP3.
void write_lua_value(lua_State* lua, ReplyWriter& reply, int script_protocol);

// Pushes {err = "ERR text"}; a text with a leading '-' has a code of its own.
void push_error(lua_State* lua, std::string_view text);
// Pushes a field of the table on top without asking its metatable: outside a protected call that may raise.
void push_raw_field(lua_State* lua, const char* name);
// Marks the error table on top as one that the error statistics know already.
void mark_counted(lua_State* lua);

}  // namespace compozy::redis
