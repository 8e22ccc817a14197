// SPDX-License-Identifier: Apache-2.0
#include "redis/script/redis_api.hpp"

#include <string>
#include <string_view>

#include <lua.hpp>

#include "observe/log.hpp"
#include "redis/commands/handlers.hpp"
#include "redis/resp/sha1.hpp"
#include "redis/script/function_libraries.hpp"
#include "redis/script/lua_replies.hpp"
#include "redis/script/script_machine.hpp"
#include "redis/script/script_runner.hpp"

namespace compozy::redis {

namespace {

// Lua unwinds with longjmp: a function below that may raise keeps no C++ object with a destructor alive at that point.

ScriptMachine& machine_of(lua_State* lua) {
  return *static_cast<ScriptMachine*>(lua_touserdata(lua, lua_upvalueindex(1)));
}

int raise(lua_State* lua, std::string_view text) {
  push_error(lua, text);
  return lua_error(lua);
}

std::string_view text_at(lua_State* lua, int index) {
  size_t size = 0;
  const char* text = lua_tolstring(lua, index, &size);
  return {text, size};
}

int redis_call(lua_State* lua) {
  if (!machine_of(lua).runner().call(lua)) return lua_error(lua);
  return 1;
}

int redis_pcall(lua_State* lua) {
  machine_of(lua).runner().call(lua);
  return 1;
}

int redis_acl_check_cmd(lua_State* lua) {
  const auto allowed = machine_of(lua).runner().may_call(lua);
  if (!allowed) return lua_error(lua);
  lua_pushboolean(lua, *allowed ? 1 : 0);
  return 1;
}

bool has_one_string(lua_State* lua) {
  if (lua_gettop(lua) == 1 && lua_type(lua, 1) == LUA_TSTRING) return true;
  push_error(lua, "wrong number or type of arguments");
  return false;
}

void push_error_reply(lua_State* lua) {
  const std::string_view text = text_at(lua, 1);
  push_error(lua, text.starts_with('-') ? std::string(text) : "-" + std::string(text));
}

int redis_error_reply(lua_State* lua) {
  if (has_one_string(lua)) push_error_reply(lua);
  return 1;
}

int redis_status_reply(lua_State* lua) {
  if (!has_one_string(lua)) return 1;
  lua_createtable(lua, 0, 1);
  lua_pushvalue(lua, 1);
  lua_setfield(lua, -2, "ok");
  return 1;
}

void push_sha1(lua_State* lua) {
  const std::string hex = sha1_hex(text_at(lua, 1));
  lua_pushlstring(lua, hex.data(), hex.size());
}

int redis_sha1hex(lua_State* lua) {
  if (lua_gettop(lua) != 1) return raise(lua, "wrong number of arguments");
  if (lua_tolstring(lua, 1, nullptr) == nullptr) {
    lua_pushliteral(lua, "");
    lua_replace(lua, 1);
  }
  push_sha1(lua);
  return 1;
}

void log_parts(lua_State* lua, int level) {
  std::string text;
  for (int i = 2; i <= lua_gettop(lua); ++i) {
    if (lua_isstring(lua, i) == 0) continue;
    if (i > 2) text += ' ';
    text += text_at(lua, i);
  }
  if (level == 3) {
    log::warn("script says", {{"text", text}});
  } else if (level == 2) {
    log::info("script says", {{"text", text}});
  } else {
    log::debug("script says", {{"text", text}});
  }
}

int redis_log(lua_State* lua) {
  if (lua_gettop(lua) < 2) return raise(lua, "redis.log() requires two arguments or more.");
  if (lua_isnumber(lua, 1) == 0) return raise(lua, "First argument must be a number (log level).");
  const auto level = static_cast<int>(lua_tonumber(lua, 1));
  if (level < 0 || level > 3) return raise(lua, "Invalid debug level.");
  log_parts(lua, level);
  return 0;
}

int redis_setresp(lua_State* lua) {
  if (lua_gettop(lua) != 1) return raise(lua, "redis.setresp() requires one argument.");
  const auto protocol = static_cast<int>(lua_tonumber(lua, 1));
  if (protocol != 2 && protocol != 3) return raise(lua, "RESP version must be 2 or 3.");
  machine_of(lua).runner().set_protocol(protocol);
  return 0;
}

int redis_set_repl(lua_State* lua) {
  if (lua_gettop(lua) != 1) return raise(lua, "redis.set_repl() requires two arguments.");
  const auto flags = static_cast<int>(lua_tonumber(lua, 1));
  if ((flags & ~3) != 0)
    return raise(lua, "Invalid replication flags. Use REPL_AOF, REPL_REPLICA, REPL_ALL or REPL_NONE.");
  machine_of(lua).runner().set_targets(static_cast<uint8_t>(flags));
  return 0;
}

int redis_true(lua_State* lua) {
  lua_pushboolean(lua, 1);
  return 1;
}

int redis_false(lua_State* lua) {
  lua_pushboolean(lua, 0);
  return 1;
}

int redis_nothing(lua_State*) { return 0; }

int redis_register_function(lua_State* lua) {
  if (!machine_of(lua).libraries()->register_function(lua)) return lua_error(lua);
  return 0;
}

struct Library {
  lua_State* lua;
  ScriptMachine& machine;

  void function(const char* name, lua_CFunction function) const {
    lua_pushlightuserdata(lua, &machine);
    lua_pushcclosure(lua, function, 1);
    lua_setfield(lua, -2, name);
  }
  void number(const char* name, int value) const {
    lua_pushnumber(lua, value);
    lua_setfield(lua, -2, name);
  }
  void log_and_version() const {
    function("log", redis_log);
    number("LOG_DEBUG", 0);
    number("LOG_VERBOSE", 1);
    number("LOG_NOTICE", 2);
    number("LOG_WARNING", 3);
    lua_pushlstring(lua, kRedisVersion.data(), kRedisVersion.size());
    lua_setfield(lua, -2, "REDIS_VERSION");
    number("REDIS_VERSION_NUM", kRedisVersionNumber);
  }
};

}  // namespace

void push_redis_library(lua_State* lua, ScriptMachine& machine, bool for_functions) {
  lua_newtable(lua);
  const Library library{lua, machine};
  library.function("call", redis_call);
  library.function("pcall", redis_pcall);
  library.function("acl_check_cmd", redis_acl_check_cmd);
  library.function("error_reply", redis_error_reply);
  library.function("status_reply", redis_status_reply);
  library.function("sha1hex", redis_sha1hex);
  library.function("setresp", redis_setresp);
  library.function("set_repl", redis_set_repl);
  library.number("REPL_NONE", 0);
  library.number("REPL_AOF", 1);
  library.number("REPL_SLAVE", 2);
  library.number("REPL_REPLICA", 2);
  library.number("REPL_ALL", 3);
  library.log_and_version();
  if (for_functions) return;
  library.function("replicate_commands", redis_true);
  library.function("breakpoint", redis_false);
  library.function("debug", redis_nothing);
}

void push_load_library(lua_State* lua, ScriptMachine& machine) {
  lua_newtable(lua);
  const Library library{lua, machine};
  library.function("register_function", redis_register_function);
  library.log_and_version();
}

}  // namespace compozy::redis
