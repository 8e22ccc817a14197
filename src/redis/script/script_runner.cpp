// SPDX-License-Identifier: Apache-2.0
#include "redis/script/script_runner.hpp"

#include <charconv>
#include <cmath>
#include <cstdio>
#include <utility>

#include <lua.hpp>

#include "observe/log.hpp"
#include "redis/commands/handlers.hpp"
#include "redis/script/lua_replies.hpp"
#include "redis/script/script_debugger.hpp"
#include "redis/script/script_machine.hpp"

namespace compozy::redis {

namespace {

constexpr int kHookInstructions = 100'000;

char runner_key;  // the runner's address in a machine's registry

constexpr std::string_view kWriteInReadonly = "Can not execute a script with write flag using *_ro command.";
constexpr std::string_view kOutOfMemory = "-OOM command not allowed when used memory > 'maxmemory'.";

// "%.17g" without its slow path for whole numbers.
std::string_view format_number(double number, std::array<char, 32>& buffer) {
  char* const end = buffer.data() + buffer.size();
  if (std::fabs(number) < 1e17 && number == std::trunc(number) && (number != 0 || !std::signbit(number))) {
    const auto done = std::to_chars(buffer.data(), end, static_cast<int64_t>(number));
    return {buffer.data(), done.ptr};
  }
  const int size = std::snprintf(buffer.data(), buffer.size(), "%.17g", number);
  return {buffer.data(), static_cast<size_t>(size)};
}

}  // namespace

ScriptRunner::ScriptRunner(ServerState& server) : server_(server), session_(std::make_unique<Session>(0, nullptr)) {}

ScriptRunner::~ScriptRunner() = default;

bool ScriptRunner::may_start(Context& context, const Start& start) const {
  if (current_ != nullptr) return context.error("ERR a script cannot run inside another script");
  if ((start.flags & kScriptAllowStale) == 0 && server_.is_stale())
    return context.error("MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.");
  if ((start.flags & kScriptUndeclared) != 0 || (start.flags & kScriptNoWrites) != 0) return true;
  if (const std::string refused = server_.engine->write_refusal(); !refused.empty()) return context.error(refused);
  if (start.mode == ScriptMode::readonly) return context.error("ERR " + std::string(kWriteInReadonly));
  if ((start.flags & kScriptAllowOom) == 0 && server_.out_of_memory) {
    return context.error("OOM allow-oom flag is not set on the script, can not run it when used memory > 'maxmemory'");
  }
  return true;
}

void ScriptRunner::run(Context& context, const Start& start, ScriptMachine& machine, int arguments) {
  lua_State* lua = machine.lua();
  const bool declared = (start.flags & kScriptUndeclared) == 0;
  current_ = &context;
  start_ = &start;
  readonly_ = start.mode == ScriptMode::readonly || (declared && (start.flags & kScriptNoWrites) != 0);
  allow_oom_ = declared && (start.flags & (kScriptAllowOom | kScriptNoWrites)) != 0;
  written_ = busy_ = killed_ = discarded_ = false;
  targets_ = EffectBuffer::kBoth;
  session_->database = context.session.database;
  session_->user = context.session.user;
  session_->protocol = 2;
  started_us_ = server_.keyspace.clock().monotonic_us();
  lua_pushlightuserdata(lua, &runner_key);
  lua_pushlightuserdata(lua, this);
  lua_rawset(lua, LUA_REGISTRYINDEX);
  lua_sethook(lua, hook, LUA_MASKCOUNT, kHookInstructions);
  if (context.session.debugs_scripts && !start.is_function && context.row.name == "eval") {
    debugger_ = std::make_unique<ScriptDebugger>(context, context.arg(1),
                                                 [this](Args args) { return call_for_debugger(args); });
    busy_ = true;
    lua_sethook(lua, hook, LUA_MASKCOUNT | LUA_MASKLINE, kHookInstructions);
  }

  const int status = lua_pcall(lua, arguments, 1, -2 - arguments);

  lua_sethook(lua, nullptr, 0, 0);
  busy_ = false;
  if (debugger_ != nullptr) {
    debugger_->end();
    debugger_.reset();
    context.session.debugs_scripts = false;
    context.session.close_after_reply = true;
  }
  if (discarded_) server_.effects.clear();  // Half a script must not be logged.
  current_ = nullptr;
  start_ = nullptr;
  context.propagated = true;  // Its commands have said what they did.
  if (status != 0) {
    reply_error(context, lua, start.name);
  } else {
    const size_t place = context.reply.buffer().size();
    bool counted = false;
    if (lua_istable(lua, -1)) {
      push_raw_field(lua, "ignore_error_stats_update");
      counted = lua_toboolean(lua, -1) != 0;
      lua_pop(lua, 1);
    }
    write_lua_value(lua, context.reply, session_->protocol);
    context.failed = context.reply.buffer()[place] == '-';
    context.error_counted = context.failed && counted;
  }
  lua_settop(lua, 0);
  machine.collect_garbage();
}

// The error is {err, source, line}, or a plain value when the handler itself failed.
void ScriptRunner::reply_error(Context& context, lua_State* lua, std::string_view name) {
  std::string message;
  if (!lua_istable(lua, -1)) {
    const char* text = lua_tostring(lua, -1);
    message = "ERR Error running script " + std::string(name) + ", " +
              std::string(text != nullptr ? text : "execution failure").substr(0, 100);
    context.error(message);
    return;
  }
  const auto field = [&](const char* key) {
    push_raw_field(lua, key);
    const char* text = lua_tostring(lua, -1);
    std::string value = text != nullptr ? text : "";
    lua_pop(lua, 1);
    return value;
  };
  message = field("err");
  if (message.empty()) message = "ERR unknown error";
  const std::string source = field("source");
  const std::string line = field("line");
  if (!source.empty() && !line.empty())
    message += " script: " + std::string(name) + ", on " + source + ":" + line + ".";
  push_raw_field(lua, "ignore_error_stats_update");
  context.error_counted = lua_toboolean(lua, -1) != 0;
  lua_pop(lua, 1);
  context.error(message);
}

// ---- time ----

void ScriptRunner::hook(lua_State* lua, lua_Debug* event) {
  lua_pushlightuserdata(lua, &runner_key);
  lua_rawget(lua, LUA_REGISTRYINDEX);
  auto* runner = static_cast<ScriptRunner*>(lua_touserdata(lua, -1));
  lua_pop(lua, 1);
  if (event->event == LUA_HOOKCOUNT) runner->interrupt(lua);
  if (event->event == LUA_HOOKLINE && runner->debugger_ != nullptr && !runner->killed_ &&
      !runner->debugger_->at_line(lua, event)) {
    push_error(lua, "script aborted for user request");
    lua_error(lua);
  }
  if (!runner->killed_) return;
  // From now on at every line, so that no pcall() of the script outlives its end.
  lua_sethook(lua, hook, LUA_MASKLINE, 0);
  push_error(lua, "Script killed by user with SCRIPT KILL...");
  lua_error(lua);
}

void ScriptRunner::interrupt(lua_State*) {
  if (current_ == nullptr || killed_) return;
  if (!busy_) {
    const int64_t limit_ms = server_.settings.lua_time_limit;
    const int64_t elapsed_ms = (server_.keyspace.clock().monotonic_us() - started_us_) / 1000;
    if (limit_ms <= 0 || elapsed_ms < limit_ms) return;
    busy_ = true;
    log::warn("Slow script detected: it is still running; SCRIPT KILL or FUNCTION KILL may end it",
              {{"script", start_->name}, {"ms", elapsed_ms}});
  }
  server_.engine->let_others_run(current_->session);
}

std::string ScriptRunner::kill(bool function, bool for_shutdown) {
  if (current_ == nullptr) return "NOTBUSY No scripts in execution right now.";
  if (!for_shutdown) {
    if (written_) {
      return "UNKILLABLE Sorry the script already executed write commands against the dataset. You can either wait the "
             "script termination or kill the server in a hard way using the SHUTDOWN NOSAVE command.";
    }
    if (function != start_->is_function) return busy_error();
  }
  killed_ = true;
  if (for_shutdown) discarded_ = true;
  return {};
}

std::string ScriptRunner::busy_error() const {
  const bool function = start_ != nullptr && start_->is_function;
  return std::string("BUSY Redis is busy running a script. You can only call ") + (function ? "FUNCTION" : "SCRIPT") +
         " KILL or SHUTDOWN NOSAVE.";
}

std::optional<RunningScript> ScriptRunner::description() const {
  if (current_ == nullptr) return std::nullopt;
  return RunningScript{.name = std::string(start_->name),
                       .command = {current_->args.begin(), current_->args.end()},
                       .duration_ms = (server_.keyspace.clock().monotonic_us() - started_us_) / 1000,
                       .is_function = start_->is_function};
}

// ---- commands ----

void ScriptRunner::set_protocol(int protocol) { session_->protocol = protocol; }

// Views of the strings on the stack, which keeps them until the command is done.
bool ScriptRunner::collect_arguments(lua_State* lua) {
  const auto count = static_cast<size_t>(lua_gettop(lua));
  arguments_.clear();
  if (numbers_.size() < count) numbers_.resize(count);
  for (size_t i = 0; i < count; ++i) {
    const int index = static_cast<int>(i) + 1;
    const int type = lua_type(lua, index);
    if (type == LUA_TSTRING) {
      size_t size = 0;
      const char* text = lua_tolstring(lua, index, &size);
      arguments_.emplace_back(text, size);
    } else if (type == LUA_TNUMBER) {
      arguments_.push_back(format_number(lua_tonumber(lua, index), numbers_[i]));
    } else {
      push_error(lua, "Lua redis lib command arguments must be strings or integers");
      return false;
    }
  }
  if (count > 0) return true;
  push_error(lua, "Please specify at least one argument for this redis lib call");
  return false;
}

// Why a write cannot be, although the script may write: nothing else stops one that has begun to.
std::string ScriptRunner::refused_write(const Row& row) const {
  if (!row.has(kWrite) && !(readonly_ && row.has(kMayReplicate))) return {};
  if (readonly_) return "Write commands are not allowed from read-only scripts.";
  if (written_) return {};
  const std::string refused = server_.engine->write_refusal();
  return refused.empty() ? refused : "-" + refused;
}

std::string ScriptRunner::denied(const Row& row, Args args) const {
  const std::string reason = server_.engine->denied(*session_, row, args, "lua");
  if (reason.empty()) return {};
  std::string text = "The user executing the script can't ";
  if (reason.find("the keys") != std::string::npos)
    return text + "access at least one of the keys mentioned in the command arguments";
  if (reason.find("the channels") != std::string::npos) return text + "publish to the channel mentioned in the command";
  return text + "run this command or subcommand";
}

const Row* ScriptRunner::permitted(Args args, std::string& refusal) const {
  const Found found = find_command(args);
  const Row* row = found.effective();
  if (row == nullptr || (is_container(*found.row) && args.size() > 1 && found.subcommand == nullptr)) {
    refusal = "Unknown Redis command called from script";
    return nullptr;
  }
  if (!row->accepts(args.size()) || row->run == nullptr) {
    refusal = "Wrong number of args calling Redis command from script";
  } else if (row->has(kNoScript) && !server_.allow_denied_in_scripts) {
    refusal = "This Redis command is not allowed from script";
  } else if (!row->has(kStale) && server_.is_stale()) {
    refusal = "Can not execute the command on a stale replica";
  } else if (refusal = denied(*row, args); refusal.empty()) {
    refusal = refused_write(*row);
  }
  if (refusal.empty() && row->has(kDenyOom) && !allow_oom_ && !written_ && server_.out_of_memory) {
    refusal = kOutOfMemory;
  }
  return row;
}

bool ScriptRunner::fail_call(lua_State* lua, const Row* row, std::string_view text) {
  lua_settop(lua, 0);
  push_error(lua, text);
  mark_counted(lua);
  server_.engine->rejected(row, text.starts_with('-') ? text.substr(1) : "ERR " + std::string(text));
  return false;
}

bool ScriptRunner::call(lua_State* lua) {
  if (current_ == nullptr) {
    push_error(lua, "redis.call/pcall can only be called inside a script invocation");
    return false;
  }
  if (calling_) {
    push_error(lua, "redis.call/pcall cannot be called while a command of the script runs");
    return false;
  }
  if (!collect_arguments(lua)) return false;
  std::string refusal;
  const Row* row = permitted(arguments_, refusal);
  if (!refusal.empty()) return fail_call(lua, row, refusal);
  if (row->has(kWrite)) written_ = true;
  reply_.clear();
  ReplyWriter writer(reply_, session_->protocol);
  calling_ = true;
  server_.effects.targets = targets_;
  server_.engine->call(*session_, *row, arguments_, writer, true);
  server_.effects.targets = EffectBuffer::kBoth;
  calling_ = false;
  lua_settop(lua, 0);  // Thousands of arguments would leave no room for the reply.
  push_reply(lua, reply_, 0);
  return !reply_.starts_with('-');
}

// The debugger's own command: a word of it that is wrong is an answer, no end of the script.
std::string ScriptRunner::call_for_debugger(Args args) {
  std::string refusal;
  const Row* row = permitted(args, refusal);
  if (!refusal.empty()) return refusal.starts_with('-') ? refusal : "-ERR " + refusal;
  if (row->has(kWrite)) written_ = true;
  std::string reply;
  ReplyWriter writer(reply, session_->protocol);
  server_.engine->call(*session_, *row, args, writer, true);
  return reply;
}

std::optional<bool> ScriptRunner::may_call(lua_State* lua) {
  if (current_ == nullptr) {
    push_error(lua, "redis.acl_check_cmd can only be called inside a script invocation");
    return std::nullopt;
  }
  if (!collect_arguments(lua)) return std::nullopt;
  const Row* row = find_command(arguments_).effective();
  if (row == nullptr) {
    push_error(lua, "Invalid command passed to redis.acl_check_cmd()");
    return std::nullopt;
  }
  std::string object;
  return session_->user == nullptr ||
         session_->user->check(acl_request(*row, arguments_), object) == AclDenied::nothing;
}

}  // namespace compozy::redis
