// SPDX-License-Identifier: Apache-2.0
#include "redis/script/script_host.hpp"

#include <array>
#include <utility>

#include <lua.hpp>

#include "base/text.hpp"
#include "redis/resp/sha1.hpp"
#include "redis/script/shebang.hpp"

namespace compozy::redis {

namespace {

constexpr const char* kChunk = "@user_script";
constexpr size_t kShaSize = 40;

// How many of the arguments are keys; otherwise the error is the reply.
bool read_key_count(Context& context, size_t& keys) {
  int64_t count = 0;
  if (!context.integer(context.arg(2), count)) return false;
  if (count > static_cast<int64_t>(context.size()) - 3)
    return context.error("ERR Number of keys can't be greater than number of args");
  if (count < 0) return context.error("ERR Number of keys can't be negative");
  keys = static_cast<size_t>(count);
  return true;
}

}  // namespace

ScriptHost::ScriptHost(ServerState& server) : server_(server), runner_(server), libraries_(server, runner_) { flush(); }

ScriptHost::~ScriptHost() = default;

void ScriptHost::flush() {
  scripts_.clear();
  text_bytes_ = 0;
  machine_ = std::make_unique<ScriptMachine>(runner_, nullptr, static_cast<int32_t>(server_.keyspace.random().next()));
}

bool ScriptHost::exists(std::string_view sha1) const { return scripts_.contains(to_lower(sha1)); }

Result<ScriptHost::Scripts::const_pointer> ScriptHost::cached(std::string_view source) {
  std::string sha1 = sha1_hex(source);
  if (const auto known = scripts_.find(sha1); known != scripts_.end()) return &*known;
  TRY(const ScriptHead head, read_script_head(source));
  std::string error;
  if (!machine_->compile(head.body, kChunk, error))
    return fail(Errc::invalid_argument, "ERR Error compiling script (new function): " + error);
  const Script script{.reference = luaL_ref(machine_->lua(), LUA_REGISTRYINDEX), .flags = head.flags};
  text_bytes_ += static_cast<int64_t>(source.size() + sizeof(Scripts::value_type) + kShaSize);
  return &*scripts_.emplace(std::move(sha1), script).first;
}

Result<std::string> ScriptHost::load(std::string_view source) {
  TRY(const auto script, cached(source));
  return script->first;
}

void ScriptHost::eval(Context& context, ScriptMode mode) {
  size_t keys = 0;
  if (!read_key_count(context, keys)) return;
  const auto script = cached(context.arg(1));
  if (!script) {
    context.error(script.error().message);
    return;
  }
  run(context, **script, keys, mode);
}

void ScriptHost::evalsha(Context& context, ScriptMode mode) {
  size_t keys = 0;
  auto found = scripts_.end();
  if (context.arg(1).size() == kShaSize) {
    if (!read_key_count(context, keys)) return;
    found = scripts_.find(context.arg(1));
    if (found == scripts_.end()) found = scripts_.find(to_lower(context.arg(1)));
  }
  if (found == scripts_.end()) {
    context.error("NOSCRIPT No matching script. Please use EVAL.");
    return;
  }
  run(context, *found, keys, mode);
}

void ScriptHost::run(Context& context, const Scripts::value_type& script, size_t keys, ScriptMode mode) {
  const ScriptRunner::Start start{
      .name = script.first, .flags = script.second.flags, .mode = mode, .is_function = false};
  if (!runner_.may_start(context, start)) return;
  lua_State* lua = machine_->lua();
  machine_->push_error_handler();
  lua_rawgeti(lua, LUA_REGISTRYINDEX, script.second.reference);
  const auto set = [&](Args args, const char* name) {
    lua_createtable(lua, static_cast<int>(args.size()), 0);
    int index = 0;
    for (const std::string_view arg : args) {
      lua_pushlstring(lua, arg.data(), arg.size());
      lua_rawseti(lua, -2, ++index);
    }
    machine_->set_global(name);
  };
  set(context.args.subspan(3, keys), "KEYS");
  set(context.args.subspan(3 + keys), "ARGV");
  runner_.run(context, start, *machine_, 0);
}

Result<std::string> ScriptHost::load_library(std::string_view code, bool replace) {
  return libraries_.load(code, replace, !server_.keyspace.replaying());
}

std::optional<uint32_t> ScriptHost::declared_flags(std::string_view command, std::string_view script) {
  if (command.starts_with("fcall")) return libraries_.flags_of(script);
  const auto declared = [](uint32_t flags) {
    return (flags & kScriptUndeclared) != 0 ? std::nullopt : std::optional(flags);
  };
  if (command.starts_with("evalsha")) {
    const auto found = scripts_.find(to_lower(script));
    return found == scripts_.end() ? std::nullopt : declared(found->second.flags);
  }
  if (!script.starts_with("#!")) return std::nullopt;
  const auto head = read_script_head(script);
  return head ? declared(head->flags) : std::nullopt;
}

}  // namespace compozy::redis
