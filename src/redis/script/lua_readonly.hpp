// SPDX-License-Identifier: Apache-2.0
//
// Read-only tables for Lua 5.1, which has none. A protected table is an empty proxy whose metatable reads from the real
// one and refuses writes; the functions of the base and table libraries that look at a table without metatables (next,
// rawget, table.insert …) are replaced by ones that know proxies, so that a script sees what it would see in Redis.
// Thread: the machine's.
#pragma once

struct lua_State;

namespace compozy::redis {

// Replaces the table on top by a proxy of it. getmetatable() of the proxy shows nothing.
void protect_table(lua_State* lua);
// The same; getmetatable() shows a protected copy of the table's own metatable, as Redis does for its globals.
void protect_globals(lua_State* lua);

// Sets next, pairs, rawget, rawset, setmetatable, getmetatable and pcall in the table on top.
void add_proxy_aware_base(lua_State* lua);
// Sets insert, foreach in the table on top, the table library.
void add_proxy_aware_table_functions(lua_State* lua);
// getmetatable("") shows {__index = the table on top}, which is the protected string library. Pops nothing.
void show_string_metatable(lua_State* lua);

}  // namespace compozy::redis
