// SPDX-License-Identifier: Apache-2.0
#include "redis/script/lua_readonly.hpp"

#include <lua.hpp>

namespace compozy::redis {

namespace {

// Keys of a proxy's metatable that no script can name: addresses.
char real_key;
char shown_key;
char string_metatable_key;  // in the registry

constexpr const char* kReadonly = "Attempt to modify a readonly table";

void push_key(lua_State* lua, char& key) { lua_pushlightuserdata(lua, &key); }

// A script's own assignment: the message tells its line.
int refuse_assignment(lua_State* lua) { return luaL_error(lua, kReadonly); }

// A library function was asked to change the table: no line, as in Redis.
int refuse_change(lua_State* lua) {
  lua_pushstring(lua, kReadonly);
  return lua_error(lua);
}

// Pushes the field of the metatable of a proxy; nothing when the value is no proxy.
bool push_field_of_proxy(lua_State* lua, int index, char& key) {
  if (!lua_istable(lua, index) || lua_getmetatable(lua, index) == 0) return false;
  push_key(lua, key);
  lua_rawget(lua, -2);
  lua_remove(lua, -2);
  if (!lua_isnil(lua, -1)) return true;
  lua_pop(lua, 1);
  return false;
}

bool is_proxy(lua_State* lua, int index) {
  if (!push_field_of_proxy(lua, index, real_key)) return false;
  lua_pop(lua, 1);
  return true;
}

// Puts the real table in the place of a proxy at `index`, for a function that only reads it.
void see_through(lua_State* lua, int index) {
  if (push_field_of_proxy(lua, index, real_key)) lua_replace(lua, index);
}

int proxy_next(lua_State* lua) {
  luaL_checktype(lua, 1, LUA_TTABLE);
  lua_settop(lua, 2);
  see_through(lua, 1);
  if (lua_next(lua, 1) != 0) return 2;
  lua_pushnil(lua);
  return 1;
}

// The real table never reaches the script: its loop calls next() with the proxy.
int proxy_pairs(lua_State* lua) {
  luaL_checktype(lua, 1, LUA_TTABLE);
  lua_pushvalue(lua, lua_upvalueindex(1));
  lua_pushvalue(lua, 1);
  lua_pushnil(lua);
  return 3;
}

int proxy_rawget(lua_State* lua) {
  luaL_checktype(lua, 1, LUA_TTABLE);
  luaL_checkany(lua, 2);
  lua_settop(lua, 2);
  see_through(lua, 1);
  lua_rawget(lua, 1);
  return 1;
}

int proxy_rawset(lua_State* lua) {
  luaL_checktype(lua, 1, LUA_TTABLE);
  luaL_checkany(lua, 2);
  luaL_checkany(lua, 3);
  lua_settop(lua, 3);
  if (is_proxy(lua, 1)) return refuse_change(lua);
  lua_rawset(lua, 1);
  return 1;
}

int proxy_setmetatable(lua_State* lua) {
  const int type = lua_type(lua, 2);
  luaL_checktype(lua, 1, LUA_TTABLE);
  luaL_argcheck(lua, type == LUA_TNIL || type == LUA_TTABLE, 2, "nil or table expected");
  if (is_proxy(lua, 1)) return refuse_change(lua);
  if (luaL_getmetafield(lua, 1, "__metatable") != 0) return luaL_error(lua, "cannot change a protected metatable");
  lua_settop(lua, 2);
  lua_setmetatable(lua, 1);
  return 1;
}

int proxy_getmetatable(lua_State* lua) {
  luaL_checkany(lua, 1);
  if (lua_type(lua, 1) == LUA_TSTRING) {
    push_key(lua, string_metatable_key);
    lua_rawget(lua, LUA_REGISTRYINDEX);
    return 1;
  }
  if (is_proxy(lua, 1)) {
    if (!push_field_of_proxy(lua, 1, shown_key)) lua_pushnil(lua);
    return 1;
  }
  if (lua_getmetatable(lua, 1) == 0) {
    lua_pushnil(lua);
    return 1;
  }
  luaL_getmetafield(lua, 1, "__metatable");
  return 1;
}

// An error table becomes its text: scripts of old Redis versions expect a string.
int text_pcall(lua_State* lua) {
  luaL_checkany(lua, 1);
  const int arguments = lua_gettop(lua) - 1;
  lua_pushboolean(lua, 1);
  lua_insert(lua, 1);
  if (lua_pcall(lua, arguments, LUA_MULTRET, 0) == 0) return lua_gettop(lua);
  lua_remove(lua, 1);
  if (lua_istable(lua, -1)) {
    lua_getfield(lua, -1, "err");
    if (lua_isstring(lua, -1) != 0) {
      lua_replace(lua, -2);
    } else {
      lua_pop(lua, 1);
    }
  }
  lua_pushboolean(lua, 0);
  lua_insert(lua, -2);
  return 2;
}

int table_insert(lua_State* lua) {
  luaL_checktype(lua, 1, LUA_TTABLE);
  if (is_proxy(lua, 1)) return refuse_change(lua);
  const int end = static_cast<int>(lua_objlen(lua, 1)) + 1;
  int at = end;
  switch (lua_gettop(lua)) {
    case 2: break;
    case 3:
      at = luaL_checkint(lua, 2);
      for (int i = at > end ? at : end; i > at; --i) {
        lua_rawgeti(lua, 1, i - 1);
        lua_rawseti(lua, 1, i);
      }
      break;
    default: return luaL_error(lua, "wrong number of arguments to 'insert'");
  }
  lua_rawseti(lua, 1, at);
  return 0;
}

int table_foreach(lua_State* lua) {
  luaL_checktype(lua, 1, LUA_TTABLE);
  luaL_checktype(lua, 2, LUA_TFUNCTION);
  see_through(lua, 1);
  lua_pushnil(lua);
  while (lua_next(lua, 1) != 0) {
    lua_pushvalue(lua, 2);
    lua_pushvalue(lua, -3);
    lua_pushvalue(lua, -3);
    lua_call(lua, 2, 1);
    if (!lua_isnil(lua, -1)) return 1;
    lua_pop(lua, 2);
  }
  return 0;
}

void set_function(lua_State* lua, const char* name, lua_CFunction function) {
  lua_pushcfunction(lua, function);
  lua_setfield(lua, -2, name);
}

}  // namespace

void protect_table(lua_State* lua) {
  lua_newtable(lua);
  lua_createtable(lua, 0, 4);
  lua_pushvalue(lua, -3);
  lua_setfield(lua, -2, "__index");
  lua_pushcfunction(lua, refuse_assignment);
  lua_setfield(lua, -2, "__newindex");
  push_key(lua, real_key);
  lua_pushvalue(lua, -4);
  lua_rawset(lua, -3);
  lua_setmetatable(lua, -2);
  lua_remove(lua, -2);
}

void protect_globals(lua_State* lua) {
  lua_newtable(lua);  // what getmetatable() shows
  if (lua_getmetatable(lua, -2) != 0) {
    lua_getfield(lua, -1, "__index");
    lua_setfield(lua, -3, "__index");
    lua_pop(lua, 1);
  }
  protect_table(lua);
  lua_insert(lua, -2);
  protect_table(lua);
  lua_getmetatable(lua, -1);
  push_key(lua, shown_key);
  lua_pushvalue(lua, -4);
  lua_rawset(lua, -3);
  lua_pop(lua, 1);
  lua_remove(lua, -2);
}

void add_proxy_aware_base(lua_State* lua) {
  set_function(lua, "next", proxy_next);
  set_function(lua, "rawget", proxy_rawget);
  set_function(lua, "rawset", proxy_rawset);
  set_function(lua, "setmetatable", proxy_setmetatable);
  set_function(lua, "getmetatable", proxy_getmetatable);
  set_function(lua, "pcall", text_pcall);
  lua_getfield(lua, -1, "next");
  lua_pushcclosure(lua, proxy_pairs, 1);
  lua_setfield(lua, -2, "pairs");
}

void add_proxy_aware_table_functions(lua_State* lua) {
  set_function(lua, "insert", table_insert);
  set_function(lua, "foreach", table_foreach);
}

void show_string_metatable(lua_State* lua) {
  lua_createtable(lua, 0, 1);
  lua_pushvalue(lua, -2);
  lua_setfield(lua, -2, "__index");
  protect_table(lua);
  push_key(lua, string_metatable_key);
  lua_insert(lua, -2);
  lua_rawset(lua, LUA_REGISTRYINDEX);
}

}  // namespace compozy::redis
