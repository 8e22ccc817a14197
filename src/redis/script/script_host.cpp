// SPDX-License-Identifier: Apache-2.0
#include "redis/script/script_host.hpp"

#include <array>
#include <cstdio>
#include <cstdlib>

#include <lua.hpp>

#include "base/assert.hpp"
#include "base/text.hpp"
#include "redis/resp/sha1.hpp"
#include "redis/script/lua_replies.hpp"
#include "redis/script/lua_sandbox.hpp"

namespace compozy::redis {

namespace {

constexpr int kHookInstructions = 100'000;
constexpr std::string_view kRecursion = "compozy.host";  // the host's address in the registry

void time_hook(lua_State* lua, lua_Debug*) {
  lua_getfield(lua, LUA_REGISTRYINDEX, kRecursion.data());
  auto* host = static_cast<ScriptHost*>(lua_touserdata(lua, -1));
  lua_pop(lua, 1);
  host->check_time(lua);
}

}  // namespace

ScriptHost::ScriptHost(ServerState& server) : server_(server), session_(std::make_unique<Session>(0, nullptr)) {
  open();
}

ScriptHost::~ScriptHost() { lua_close(lua_); }

void* ScriptHost::allocate(void* host, void* memory, size_t old_size, size_t new_size) {
  auto& self = *static_cast<ScriptHost*>(host);
  self.memory_ += static_cast<int64_t>(new_size) - static_cast<int64_t>(memory == nullptr ? 0 : old_size);
  if (new_size > 0) return std::realloc(memory, new_size);
  std::free(memory);
  return nullptr;
}

void ScriptHost::open() {
  lua_ = lua_newstate(allocate, this);
  ASSERT(lua_ != nullptr);
  lua_pushlightuserdata(lua_, this);
  lua_setfield(lua_, LUA_REGISTRYINDEX, kRecursion.data());
  random_ = server_.keyspace.random().next();
  build_sandbox(lua_, *this);
}

void ScriptHost::flush() {
  scripts_.clear();
  lua_close(lua_);
  open();
}

bool ScriptHost::exists(std::string_view sha1) const { return scripts_.contains(to_lower(sha1)); }

uint64_t ScriptHost::next_random() {
  uint64_t z = (random_ += 0x9e3779b97f4a7c15);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

Result<std::string> ScriptHost::load(std::string_view source) {
  std::string sha1 = sha1_hex(source);
  if (scripts_.contains(sha1)) return sha1;
  if (source.starts_with(LUA_SIGNATURE[0])) {
    return fail(Errc::invalid_argument, "ERR Error compiling script (new function): bytecode is not allowed");
  }
  // A shebang names the engine; its line stays, so that line numbers are right.
  std::string text(source);
  if (text.starts_with("#!")) {
    const size_t end = std::min(text.find('\n'), text.size());
    if (!std::string_view(text).substr(0, end).starts_with("#!lua")) {
      return fail(Errc::invalid_argument, "ERR Unexpected engine in script shebang: " + text.substr(2, end - 2));
    }
    text.erase(0, end);
  }
  if (luaL_loadbuffer(lua_, text.data(), text.size(), "@user_script") != 0) {
    std::string message = "ERR Error compiling script (new function): " + std::string(lua_tostring(lua_, -1));
    lua_pop(lua_, 1);
    return fail(Errc::invalid_argument, std::move(message));
  }
  lua_getfield(lua_, LUA_REGISTRYINDEX, kGlobalsProxy);
  lua_setfenv(lua_, -2);
  scripts_.emplace(sha1, luaL_ref(lua_, LUA_REGISTRYINDEX));
  return sha1;
}

void ScriptHost::eval(Context& context, ScriptMode mode) {
  const auto sha1 = load(context.arg(1));
  if (!sha1) {
    context.error(sha1.error().message);
    return;
  }
  run(context, *sha1, mode);
}

void ScriptHost::evalsha(Context& context, ScriptMode mode) {
  const std::string sha1 = to_lower(context.arg(1));
  if (!scripts_.contains(sha1)) {
    context.error("NOSCRIPT No matching script. Please use EVAL.");
    return;
  }
  run(context, sha1, mode);
}

bool ScriptHost::push_keys_and_arguments(Context& context) {
  int64_t keys = 0;
  if (!context.integer(context.arg(2), keys)) return false;
  if (keys > static_cast<int64_t>(context.size()) - 3) {
    return context.error("ERR Number of keys can't be greater than number of args");
  }
  if (keys < 0) return context.error("ERR Number of keys can't be negative");
  lua_getfield(lua_, LUA_REGISTRYINDEX, kRealGlobals);
  const auto push = [&](Args args, const char* name) {
    lua_createtable(lua_, static_cast<int>(args.size()), 0);
    int index = 0;
    for (const std::string_view arg : args) {
      lua_pushlstring(lua_, arg.data(), arg.size());
      lua_rawseti(lua_, -2, ++index);
    }
    lua_setfield(lua_, -2, name);
  };
  push(context.args.subspan(3, static_cast<size_t>(keys)), "KEYS");
  push(context.args.subspan(3 + static_cast<size_t>(keys)), "ARGV");
  lua_pop(lua_, 1);
  return true;
}

void ScriptHost::run(Context& context, const std::string& sha1, ScriptMode mode) {
  if (!push_keys_and_arguments(context)) return;
  current_ = &context;
  readonly_ = mode == ScriptMode::readonly;
  session_->database = context.session.database;
  session_->protocol = 2;
  dirty_at_start_ = server_.stats.dirty;
  started_us_ = server_.keyspace.clock().monotonic_us();
  lua_sethook(lua_, time_hook, LUA_MASKCOUNT, kHookInstructions);
  lua_getfield(lua_, LUA_REGISTRYINDEX, kErrorHandler);
  lua_rawgeti(lua_, LUA_REGISTRYINDEX, scripts_.at(sha1));
  const int status = lua_pcall(lua_, 0, 1, -2);
  lua_sethook(lua_, nullptr, 0, 0);
  current_ = nullptr;
  context.propagated = true;  // Its commands have said what they did.
  if (status != 0) {
    reply_error(context, sha1);
  } else {
    const size_t place = context.reply.begin_deferred();
    write_lua_value(lua_, context.reply, session_->protocol);
    context.failed = context.reply.buffer()[place] == '-';
  }
  lua_settop(lua_, 0);
}

// The error is {err, source, line}, or a plain value when the handler itself failed.
void ScriptHost::reply_error(Context& context, const std::string& sha1) {
  std::string message;
  if (lua_istable(lua_, -1)) {
    const auto field = [&](const char* name) {
      lua_getfield(lua_, -1, name);
      const char* text = lua_tostring(lua_, -1);
      std::string value = text != nullptr ? text : "";
      lua_pop(lua_, 1);
      return value;
    };
    message = field("err");
    const std::string source = field("source");
    if (message.empty()) message = "ERR unknown error";
    message += " script: " + sha1;
    if (!source.empty()) message += ", on " + source + ":" + field("line") + ".";
  } else {
    const char* text = lua_tostring(lua_, -1);
    message = "ERR " + std::string(text != nullptr ? text : "unknown error") + " script: " + sha1;
  }
  context.error(message);
}

void ScriptHost::check_time(lua_State* lua) {
  const int64_t limit_ms = server_.settings.lua_time_limit;
  if (limit_ms <= 0 || server_.stats.dirty != dirty_at_start_) return;
  if (server_.keyspace.clock().monotonic_us() - started_us_ < limit_ms * 1000) return;
  luaL_error(lua, "script exceeded lua-time-limit of %d ms and was stopped; it had written nothing",
             static_cast<int>(limit_ms));
}

bool ScriptHost::collect_arguments(lua_State* lua) {
  const int count = lua_gettop(lua);
  argument_bytes_.clear();
  argument_places_.clear();
  arguments_.clear();
  for (int i = 1; i <= count; ++i) {
    const size_t start = argument_bytes_.size();
    if (lua_type(lua, i) == LUA_TNUMBER) {
      std::array<char, 64> digits;
      const int size = std::snprintf(digits.data(), digits.size(), "%.17g", lua_tonumber(lua, i));
      argument_bytes_.append(digits.data(), static_cast<size_t>(size));
    } else if (lua_type(lua, i) == LUA_TSTRING) {
      size_t size = 0;
      const char* text = lua_tolstring(lua, i, &size);
      argument_bytes_.append(text, size);
    } else {
      return false;
    }
    argument_places_.emplace_back(start, argument_bytes_.size() - start);
  }
  for (const auto& [start, size] : argument_places_) {
    arguments_.push_back(std::string_view(argument_bytes_).substr(start, size));
  }
  return true;
}

const Row* ScriptHost::permitted(Args args, std::string& refusal) const {
  const Found found = find_command(args);
  const Row* row = found.effective();
  if (row == nullptr || (is_container(*found.row) && args.size() > 1 && found.subcommand == nullptr)) {
    refusal = "ERR Unknown Redis command called from script";
  } else if (!row->accepts(args.size()) || row->run == nullptr) {
    refusal = "ERR Wrong number of args calling Redis command from script";
  } else if (row->has(kNoScript)) {
    refusal = "ERR This Redis command is not allowed from script";
  } else if (row->has(kWrite) && readonly_) {
    refusal = "ERR Write commands are not allowed from read-only scripts.";
  } else if (row->has(kDenyOom) && server_.settings.maxmemory > 0 &&
             server_.keyspace.memory().used > server_.settings.maxmemory && server_.stats.dirty == dirty_at_start_) {
    refusal = "OOM command not allowed when used memory > 'maxmemory'.";
  }
  return row;
}

// Leaves one value on the stack. Returns 0 when the caller must raise it.
int ScriptHost::call_redis(lua_State* lua, bool raise) {
  if (current_ == nullptr) {
    push_error(lua, "ERR redis.call/pcall can only be called inside a script invocation");
    return 0;
  }
  if (lua_gettop(lua) == 0) {
    push_error(lua, "ERR Please specify at least one argument for this redis.call() call");
    return raise ? 0 : 1;
  }
  if (!collect_arguments(lua)) {
    push_error(lua, "ERR Lua redis lib command arguments must be strings or integers");
    return raise ? 0 : 1;
  }
  lua_settop(lua, 0);  // They are copied; thousands of them would leave no room for the reply.
  std::string refusal;
  const Row* row = permitted(arguments_, refusal);
  if (!refusal.empty()) {
    push_error(lua, refusal);
    return raise ? 0 : 1;
  }
  reply_.clear();
  ReplyWriter writer(reply_, session_->protocol);
  server_.engine->call(*session_, *row, arguments_, writer, true);
  const bool failed = reply_.starts_with('-');
  push_reply(lua, reply_, 0);
  return failed && raise ? 0 : 1;
}

int ScriptHost::set_protocol(lua_State* lua) {
  if (lua_gettop(lua) != 1) {
    push_error(lua, "ERR redis.setresp() requires one argument.");
    return 0;
  }
  const auto protocol = static_cast<int>(lua_tonumber(lua, 1));
  if (protocol != 2 && protocol != 3) {
    push_error(lua, "ERR RESP version must be 2 or 3.");
    return 0;
  }
  session_->protocol = protocol;
  return 1;
}

}  // namespace compozy::redis
