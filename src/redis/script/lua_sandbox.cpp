// SPDX-License-Identifier: Apache-2.0
#include "redis/script/lua_sandbox.hpp"

#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string_view>

#include <lua.hpp>
extern "C" {
#include <lua-bitop.h>
#include <lua-cjson.h>
}

#include "redis/script/lua_libraries.hpp"
#include "redis/script/lua_readonly.hpp"
#include "redis/script/redis_api.hpp"
#include "redis/script/script_machine.hpp"

namespace compozy::redis {

namespace {

constexpr std::array kAllowed{"xpcall",         "tostring", "assert", "tonumber", "rawequal", "error",
                              "collectgarbage", "type",     "select", "unpack",   "gcinfo",   "ipairs"};
constexpr std::array kLibraries{"string", "table", "math", "coroutine", "cjson", "bit", "cmsgpack", "struct"};

ScriptMachine& machine_of(lua_State* lua) {
  return *static_cast<ScriptMachine*>(lua_touserdata(lua, lua_upvalueindex(1)));
}

int unknown_global(lua_State* lua) {
  const char* name = lua_tostring(lua, 2);
  return luaL_error(lua, "Script attempted to access nonexistent global variable '%s'", name != nullptr ? name : "?");
}

// Leaves the function that was loaded from text, in the scripts' environment, or nil and the error.
int finish_load(lua_State* lua, int status) {
  if (status != 0) {
    lua_pushnil(lua);
    lua_insert(lua, -2);
    return 2;
  }
  lua_getfield(lua, LUA_REGISTRYINDEX, kGlobalsProxy);
  lua_setfenv(lua, -2);
  return 1;
}

int safe_loadstring(lua_State* lua) {
  size_t size = 0;
  const char* text = luaL_checklstring(lua, 1, &size);
  const char* name = luaL_optstring(lua, 2, text);
  return finish_load(lua, ScriptMachine::load_text(lua, {text, size}, name));
}

// The pieces that a function gives, up to nil or an empty one.
int safe_load(lua_State* lua) {
  luaL_checktype(lua, 1, LUA_TFUNCTION);
  const char* name = luaL_optstring(lua, 2, "=(load)");
  lua_settop(lua, 2);
  lua_pushliteral(lua, "");
  while (true) {
    lua_pushvalue(lua, 1);
    lua_call(lua, 0, 1);
    if (lua_isnil(lua, -1)) break;
    if (lua_isstring(lua, -1) == 0) return luaL_error(lua, "reader function must return a string");
    if (lua_objlen(lua, -1) == 0) break;
    lua_concat(lua, 2);
  }
  lua_pop(lua, 1);
  size_t size = 0;
  const char* text = lua_tolstring(lua, 3, &size);
  return finish_load(lua, ScriptMachine::load_text(lua, {text, size}, name));
}

int script_random(lua_State* lua) {
  constexpr double kRange = std::numeric_limits<int32_t>::max();
  const double r = std::fmod(machine_of(lua).random().next(), kRange) / kRange;
  switch (lua_gettop(lua)) {
    case 0: lua_pushnumber(lua, r); return 1;
    case 1: {
      const int high = luaL_checkint(lua, 1);
      luaL_argcheck(lua, 1 <= high, 1, "interval is empty");
      lua_pushnumber(lua, std::floor(r * high) + 1);
      return 1;
    }
    case 2: {
      const int low = luaL_checkint(lua, 1);
      const int high = luaL_checkint(lua, 2);
      luaL_argcheck(lua, low <= high, 2, "interval is empty");
      lua_pushnumber(lua, std::floor(r * (static_cast<double>(high) - low + 1)) + low);
      return 1;
    }
    default: return luaL_error(lua, "wrong number of arguments");
  }
}

int script_randomseed(lua_State* lua) {
  machine_of(lua).random().seed(luaL_checkint(lua, 1));
  return 0;
}

// Gives an error its place: {err, source, line}. Level 1 is who raised it; a C function passes it on to its caller.
int error_handler(lua_State* lua) {
  lua_settop(lua, 1);
  lua_Debug place;
  bool known = lua_getstack(lua, 1, &place) == 1 && lua_getinfo(lua, "nSl", &place) != 0;
  if (known && std::string_view(place.what) == "C") {
    known = lua_getstack(lua, 2, &place) == 1 && lua_getinfo(lua, "nSl", &place) != 0;
  }
  if (!lua_istable(lua, 1)) {
    lua_createtable(lua, 0, 3);
    lua_pushliteral(lua, "ERR ");
    if (lua_isstring(lua, 1) != 0) {
      lua_pushvalue(lua, 1);
    } else {
      lua_getfield(lua, LUA_REGISTRYINDEX, kRealGlobals);
      lua_getfield(lua, -1, "tostring");
      lua_remove(lua, -2);
      lua_pushvalue(lua, 1);
      lua_call(lua, 1, 1);
    }
    lua_concat(lua, 2);
    lua_setfield(lua, -2, "err");
    lua_replace(lua, 1);
  }
  if (known) {
    lua_pushstring(lua, place.source);
    lua_setfield(lua, 1, "source");
    lua_pushinteger(lua, place.currentline);
    lua_setfield(lua, 1, "line");
  }
  return 1;
}

void open_library(lua_State* lua, lua_CFunction open, const char* name) {
  lua_pushcfunction(lua, open);
  lua_pushstring(lua, name);
  lua_call(lua, 1, 1);
  if (lua_istable(lua, -1)) lua_setglobal(lua, name);
  lua_settop(lua, 0);
}

void set_machine_function(lua_State* lua, ScriptMachine& machine, const char* name, lua_CFunction function) {
  lua_pushlightuserdata(lua, &machine);
  lua_pushcclosure(lua, function, 1);
  lua_setfield(lua, -2, name);
}

void open_libraries(lua_State* lua, ScriptMachine& machine) {
  open_library(lua, luaopen_base, "");
  open_library(lua, luaopen_table, LUA_TABLIBNAME);
  open_library(lua, luaopen_string, LUA_STRLIBNAME);
  open_library(lua, luaopen_math, LUA_MATHLIBNAME);
  open_library(lua, luaopen_cjson, "cjson");
  open_library(lua, luaopen_bit, "bit");
  open_library(lua, open_cmsgpack, "cmsgpack");
  open_library(lua, open_struct, "struct");

  lua_getglobal(lua, "math");
  set_machine_function(lua, machine, "random", script_random);
  set_machine_function(lua, machine, "randomseed", script_randomseed);
  lua_getglobal(lua, "table");
  add_proxy_aware_table_functions(lua);
  lua_settop(lua, 0);
}

// Fills the table on top with what the libraries in the state's own globals offer to scripts.
void fill_globals(lua_State* lua) {
  for (const char* name : kAllowed) {
    lua_getglobal(lua, name);
    lua_setfield(lua, -2, name);
  }
  for (const char* name : kLibraries) {
    lua_getglobal(lua, name);
    protect_table(lua);
    if (std::string_view(name) == "string") show_string_metatable(lua);
    lua_setfield(lua, -2, name);
  }
  add_proxy_aware_base(lua);
  lua_pushliteral(lua, LUA_VERSION);
  lua_setfield(lua, -2, "_VERSION");
  lua_pushcfunction(lua, safe_loadstring);
  lua_setfield(lua, -2, "loadstring");
  lua_pushcfunction(lua, safe_load);
  lua_setfield(lua, -2, "load");
}

// Reading what the table on top does not have is an error from now on.
void complain_about_unknown(lua_State* lua) {
  lua_createtable(lua, 0, 1);
  lua_pushcfunction(lua, unknown_global);
  lua_setfield(lua, -2, "__index");
  lua_setmetatable(lua, -2);
}

}  // namespace

void build_sandbox(lua_State* lua, ScriptMachine& machine, bool for_functions) {
  open_libraries(lua, machine);
  lua_pushcfunction(lua, error_handler);
  lua_setfield(lua, LUA_REGISTRYINDEX, kErrorHandler);

  lua_newtable(lua);  // the real globals of scripts
  fill_globals(lua);
  push_redis_library(lua, machine, for_functions);
  protect_table(lua);
  lua_setfield(lua, -2, "redis");
  if (!for_functions) {
    lua_pushcfunction(lua, error_handler);
    lua_setfield(lua, -2, "__redis__err__handler");
  }
  complain_about_unknown(lua);
  lua_pushvalue(lua, -1);
  lua_setfield(lua, LUA_REGISTRYINDEX, kRealGlobals);
  lua_pushvalue(lua, -1);
  protect_globals(lua);
  lua_pushvalue(lua, -1);
  lua_setfield(lua, LUA_REGISTRYINDEX, kGlobalsProxy);
  lua_getmetatable(lua, -1);
  lua_setfield(lua, LUA_REGISTRYINDEX, kGlobalsMetatable);
  lua_setfield(lua, -2, "_G");
  lua_settop(lua, 0);
  if (!for_functions) return;

  lua_newtable(lua);
  push_load_library(lua, machine);
  complain_about_unknown(lua);
  protect_table(lua);
  lua_setfield(lua, -2, "redis");
  complain_about_unknown(lua);
  lua_setfield(lua, LUA_REGISTRYINDEX, kLoadGlobals);
  lua_settop(lua, 0);
}

}  // namespace compozy::redis
