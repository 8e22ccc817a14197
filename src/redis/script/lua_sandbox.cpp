// SPDX-License-Identifier: Apache-2.0
#include "redis/script/lua_sandbox.hpp"

#include <array>
#include <string>
#include <string_view>

#include <lua.hpp>
extern "C" {
#include <lua-bitop.h>
#include <lua-cjson.h>
}

#include "observe/log.hpp"
#include "redis/resp/sha1.hpp"
#include "redis/script/lua_replies.hpp"
#include "redis/script/script_host.hpp"

namespace compozy::redis {

namespace {

// Lua unwinds with longjmp: a function below that may raise keeps no C++ object with a destructor alive at that point.

constexpr std::array kAllowed{"xpcall",         "tostring", "next",   "assert", "tonumber", "rawequal",
                              "collectgarbage", "pcall",    "type",   "select", "unpack",   "gcinfo",
                              "rawget",         "error",    "ipairs", "pairs"};
constexpr std::array kLibraries{"string", "table", "math", "coroutine", "cjson", "bit"};
constexpr const char* kProtected = "compozy.protected";  // marks the metatables of proxies

ScriptHost& host_of(lua_State* lua) { return *static_cast<ScriptHost*>(lua_touserdata(lua, lua_upvalueindex(1))); }

int refuse_change(lua_State* lua) { return luaL_error(lua, "Attempt to modify a readonly table"); }

int unknown_global(lua_State* lua) {
  const char* name = lua_tostring(lua, 2);
  return luaL_error(lua, "Script attempted to access nonexistent global variable '%s'", name != nullptr ? name : "?");
}

// Replaces the table on top by an empty proxy that reads from it.
void push_proxy(lua_State* lua) {
  lua_newtable(lua);
  lua_createtable(lua, 0, 4);
  lua_pushvalue(lua, -3);
  lua_setfield(lua, -2, "__index");
  lua_pushcfunction(lua, refuse_change);
  lua_setfield(lua, -2, "__newindex");
  lua_pushboolean(lua, 0);
  lua_setfield(lua, -2, "__metatable");
  lua_pushboolean(lua, 1);
  lua_setfield(lua, -2, kProtected);
  lua_setmetatable(lua, -2);
  lua_remove(lua, -2);
}

bool is_protected(lua_State* lua, int index) {
  if (!lua_istable(lua, index) || lua_getmetatable(lua, index) == 0) return false;
  lua_pushstring(lua, kProtected);
  lua_rawget(lua, -2);
  const bool is = lua_toboolean(lua, -1) != 0;
  lua_pop(lua, 2);
  return is;
}

int safe_rawset(lua_State* lua) {
  luaL_checktype(lua, 1, LUA_TTABLE);
  luaL_checkany(lua, 2);
  luaL_checkany(lua, 3);
  if (is_protected(lua, 1)) return refuse_change(lua);
  lua_settop(lua, 3);
  lua_rawset(lua, 1);
  return 1;
}

int safe_setmetatable(lua_State* lua) {
  luaL_checktype(lua, 1, LUA_TTABLE);
  if (is_protected(lua, 1)) return refuse_change(lua);
  const int type = lua_type(lua, 2);
  luaL_argcheck(lua, type == LUA_TNIL || type == LUA_TTABLE, 2, "nil or table expected");
  if (luaL_getmetafield(lua, 1, "__metatable") != 0) return luaL_error(lua, "cannot change a protected metatable");
  lua_settop(lua, 2);
  lua_setmetatable(lua, 1);
  return 1;
}

int safe_getmetatable(lua_State* lua) {
  luaL_checkany(lua, 1);
  // Strings share one metatable, which leads to the string library itself.
  if (lua_type(lua, 1) != LUA_TTABLE || is_protected(lua, 1) || lua_getmetatable(lua, 1) == 0) {
    lua_pushnil(lua);
    return 1;
  }
  luaL_getmetafield(lua, 1, "__metatable");
  return 1;
}

// Text only, and the loaded function sees what the script sees.
int safe_loadstring(lua_State* lua) {
  size_t size = 0;
  const char* text = luaL_checklstring(lua, 1, &size);
  const char* name = luaL_optstring(lua, 2, text);
  if (size > 0 && text[0] == LUA_SIGNATURE[0]) return luaL_error(lua, "bytecode is not allowed");
  if (luaL_loadbuffer(lua, text, size, name) != 0) {
    lua_pushnil(lua);
    lua_insert(lua, -2);
    return 2;
  }
  lua_getfield(lua, LUA_REGISTRYINDEX, kGlobalsProxy);
  lua_setfenv(lua, -2);
  return 1;
}

// Chance from the engine's own source: scripts are logged by their effects, so it need not repeat.
int script_random(lua_State* lua) {
  ScriptHost& host = host_of(lua);
  const double r = static_cast<double>(host.next_random() >> 11) / 9007199254740992.0;
  if (lua_gettop(lua) == 0) {
    lua_pushnumber(lua, r);
    return 1;
  }
  const bool two = lua_gettop(lua) >= 2;
  const double low = two ? luaL_checknumber(lua, 1) : 1;
  const double high = luaL_checknumber(lua, two ? 2 : 1);
  luaL_argcheck(lua, low <= high, two ? 2 : 1, "interval is empty");
  lua_pushnumber(lua, low + static_cast<double>(static_cast<int64_t>(r * (high - low + 1))));
  return 1;
}

int script_randomseed(lua_State* lua) {
  host_of(lua).seed_random(static_cast<uint64_t>(static_cast<int64_t>(luaL_checknumber(lua, 1))));
  return 0;
}

int redis_call(lua_State* lua) {
  // raise is decided below, where no C++ object is alive.
  if (host_of(lua).call_redis(lua, true) == 0) return lua_error(lua);
  return 1;
}

int redis_pcall(lua_State* lua) {
  host_of(lua).call_redis(lua, false);
  return 1;
}

int redis_error_reply(lua_State* lua) {
  if (lua_gettop(lua) != 1 || lua_type(lua, 1) != LUA_TSTRING) {
    push_error(lua, "ERR wrong number or type of arguments");
    return 1;
  }
  size_t size = 0;
  const char* text = lua_tolstring(lua, 1, &size);
  std::string_view message(text, size);
  if (message.starts_with('-')) message.remove_prefix(1);
  push_error(lua, message);
  return 1;
}

int redis_status_reply(lua_State* lua) {
  if (lua_gettop(lua) != 1 || lua_type(lua, 1) != LUA_TSTRING) {
    push_error(lua, "ERR wrong number or type of arguments");
    return 1;
  }
  lua_createtable(lua, 0, 1);
  lua_pushvalue(lua, 1);
  lua_setfield(lua, -2, "ok");
  return 1;
}

int redis_sha1hex(lua_State* lua) {
  if (lua_gettop(lua) != 1) {
    push_error(lua, "ERR wrong number of arguments");
    return lua_error(lua);
  }
  size_t size = 0;
  const char* text = lua_tolstring(lua, 1, &size);
  {
    const std::string digest = sha1_hex(text == nullptr ? std::string_view() : std::string_view(text, size));
    lua_pushlstring(lua, digest.data(), digest.size());
  }
  return 1;
}

int redis_log(lua_State* lua) {
  const int count = lua_gettop(lua);
  if (count < 2 || lua_isnumber(lua, 1) == 0) {
    push_error(lua, count < 2 ? "ERR redis.log() requires two arguments or more."
                              : "ERR First argument must be a number (log level).");
    return lua_error(lua);
  }
  const auto level = static_cast<int>(lua_tonumber(lua, 1));
  if (level < 0 || level > 3) {
    push_error(lua, "ERR Invalid log level.");
    return lua_error(lua);
  }
  std::string text;
  for (int i = 2; i <= count; ++i) {
    size_t size = 0;
    const char* part = lua_tolstring(lua, i, &size);
    if (part != nullptr) text.append(i > 2 ? " " : "").append(part, size);
  }
  if (level == 3) {
    log::warn("script says", {{"text", text}});
  } else if (level == 2) {
    log::info("script says", {{"text", text}});
  } else {
    log::debug("script says", {{"text", text}});
  }
  return 0;
}

int redis_setresp(lua_State* lua) {
  if (host_of(lua).set_protocol(lua) == 0) return lua_error(lua);
  return 0;
}

int redis_nothing(lua_State*) { return 0; }

int redis_true(lua_State* lua) {
  lua_pushboolean(lua, 1);
  return 1;
}

void set_function(lua_State* lua, ScriptHost& host, const char* name, lua_CFunction function) {
  lua_pushlightuserdata(lua, &host);
  lua_pushcclosure(lua, function, 1);
  lua_setfield(lua, -2, name);
}

void push_redis_library(lua_State* lua, ScriptHost& host) {
  lua_newtable(lua);
  set_function(lua, host, "call", redis_call);
  set_function(lua, host, "pcall", redis_pcall);
  set_function(lua, host, "error_reply", redis_error_reply);
  set_function(lua, host, "status_reply", redis_status_reply);
  set_function(lua, host, "sha1hex", redis_sha1hex);
  set_function(lua, host, "log", redis_log);
  set_function(lua, host, "setresp", redis_setresp);
  set_function(lua, host, "set_repl", redis_nothing);
  set_function(lua, host, "replicate_commands", redis_true);
  const auto number = [&](const char* name, int value) {
    lua_pushnumber(lua, value);
    lua_setfield(lua, -2, name);
  };
  number("LOG_DEBUG", 0);
  number("LOG_VERBOSE", 1);
  number("LOG_NOTICE", 2);
  number("LOG_WARNING", 3);
  number("REPL_NONE", 0);
  number("REPL_AOF", 1);
  number("REPL_SLAVE", 2);
  number("REPL_REPLICA", 2);
  number("REPL_ALL", 3);
}

void open_library(lua_State* lua, lua_CFunction open, const char* name) {
  lua_pushcfunction(lua, open);
  lua_pushstring(lua, name);
  lua_call(lua, 1, 1);
  if (lua_istable(lua, -1)) lua_setglobal(lua, name);
  lua_settop(lua, 0);
}

// Gives an error its place, as Redis' own handler does: {err, source, line}.
constexpr std::string_view kHandlerSource = R"(
local getinfo = ...
return function(err)
  local i = getinfo(2, 'nSl')
  if i and i.what == 'C' then i = getinfo(3, 'nSl') end
  if type(err) ~= 'table' then err = {err = 'ERR ' .. tostring(err)} end
  if i then
    err.source = i.source
    err.line = i.currentline
  end
  return err
end
)";

void set_error_handler(lua_State* lua) {
  luaL_loadbuffer(lua, kHandlerSource.data(), kHandlerSource.size(), "@handler");
  lua_getglobal(lua, "debug");
  lua_getfield(lua, -1, "getinfo");
  lua_remove(lua, -2);
  lua_call(lua, 1, 1);
  lua_setfield(lua, LUA_REGISTRYINDEX, kErrorHandler);
}

}  // namespace

void build_sandbox(lua_State* lua, ScriptHost& host) {
  open_library(lua, luaopen_base, "");
  open_library(lua, luaopen_table, LUA_TABLIBNAME);
  open_library(lua, luaopen_string, LUA_STRLIBNAME);
  open_library(lua, luaopen_math, LUA_MATHLIBNAME);
  open_library(lua, luaopen_debug, LUA_DBLIBNAME);
  open_library(lua, luaopen_cjson, "cjson");
  open_library(lua, luaopen_bit, "bit");
  set_error_handler(lua);

  lua_getglobal(lua, "math");
  set_function(lua, host, "random", script_random);
  set_function(lua, host, "randomseed", script_randomseed);
  lua_pop(lua, 1);

  lua_newtable(lua);  // the real globals of scripts
  for (const char* name : kAllowed) {
    lua_getglobal(lua, name);
    lua_setfield(lua, -2, name);
  }
  for (const char* name : kLibraries) {
    lua_getglobal(lua, name);
    if (lua_istable(lua, -1)) push_proxy(lua);
    lua_setfield(lua, -2, name);
  }
  push_redis_library(lua, host);
  push_proxy(lua);
  lua_pushvalue(lua, -1);
  lua_setfield(lua, -3, "redis");
  lua_setfield(lua, -2, "server");
  set_function(lua, host, "rawset", safe_rawset);
  set_function(lua, host, "setmetatable", safe_setmetatable);
  set_function(lua, host, "getmetatable", safe_getmetatable);
  set_function(lua, host, "loadstring", safe_loadstring);
  lua_createtable(lua, 0, 1);
  lua_pushcfunction(lua, unknown_global);
  lua_setfield(lua, -2, "__index");
  lua_setmetatable(lua, -2);
  lua_pushvalue(lua, -1);
  lua_setfield(lua, LUA_REGISTRYINDEX, kRealGlobals);
  lua_pushvalue(lua, -1);
  push_proxy(lua);
  lua_pushvalue(lua, -1);
  lua_setfield(lua, LUA_REGISTRYINDEX, kGlobalsProxy);
  lua_setfield(lua, -2, "_G");
  lua_settop(lua, 0);
}

}  // namespace compozy::redis
