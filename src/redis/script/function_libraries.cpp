// SPDX-License-Identifier: Apache-2.0
#include "redis/script/function_libraries.hpp"

#include <algorithm>
#include <cctype>
#include <limits>

#include <lua.hpp>

#include "base/text.hpp"
#include "redis/script/lua_replies.hpp"
#include "redis/script/shebang.hpp"

namespace compozy::redis {

namespace {

constexpr int64_t kLoadLimitUs = 500'000;
constexpr int kHookInstructions = 100'000;
constexpr const char* kChunk = "@user_function";
constexpr std::string_view kBadName =
    "Library names can only contain letters, numbers, or underscores(_) and must be at least one character long";

char libraries_key;  // the address of the libraries in the machine's registry

bool is_good_name(std::string_view name) {
  return !name.empty() && std::ranges::all_of(name, [](unsigned char c) { return std::isalnum(c) != 0 || c == '_'; });
}

Failure refuse(std::string_view text) { return fail(Errc::invalid_argument, "ERR " + std::string(text)); }

std::string text_at(lua_State* lua, int index) {
  size_t size = 0;
  const char* text = lua_tolstring(lua, index, &size);
  return {text, size};
}

bool is_text(lua_State* lua, int index) { return lua_isstring(lua, index) != 0; }

}  // namespace

FunctionLibraries::FunctionLibraries(ServerState& server, ScriptRunner& runner) : server_(server), runner_(runner) {
  flush();
}

void FunctionLibraries::flush() {
  functions_.clear();
  libraries_.clear();
  text_bytes_ = 0;
  machine_ = std::make_unique<ScriptMachine>(runner_, this, static_cast<int32_t>(server_.keyspace.random().next()));
}

// ---- loading ----

void FunctionLibraries::load_hook(lua_State* lua, lua_Debug*) {
  lua_pushlightuserdata(lua, &libraries_key);
  lua_rawget(lua, LUA_REGISTRYINDEX);
  const auto& self = *static_cast<FunctionLibraries*>(lua_touserdata(lua, -1));
  lua_pop(lua, 1);
  if (self.server_.keyspace.clock().monotonic_us() < self.load_deadline_us_) return;
  lua_sethook(lua, load_hook, LUA_MASKLINE, 0);
  push_error(lua, "FUNCTION LOAD timeout");
  lua_error(lua);
}

Result<std::shared_ptr<FunctionLibraries::Library>> FunctionLibraries::build(std::string_view code, bool bounded) {
  TRY(const LibraryHead head, read_library_head(code));
  if (!is_good_name(head.name)) return refuse(kBadName);
  if (!equals_ignoring_case(head.engine, "lua")) return refuse("Engine '" + head.engine + "' not found");
  lua_State* lua = machine_->lua();
  machine_->push_error_handler();
  std::string error;
  if (!machine_->compile(head.body, kChunk, error)) {
    lua_settop(lua, 0);
    return refuse("Error compiling function: " + error);
  }
  auto library = std::make_shared<Library>(Library{.name = head.name, .code = std::string(code), .functions = {}});
  loading_ = library.get();
  const int64_t now_us = server_.keyspace.clock().monotonic_us();
  load_deadline_us_ = bounded ? now_us + kLoadLimitUs : std::numeric_limits<int64_t>::max();
  lua_pushlightuserdata(lua, &libraries_key);
  lua_pushlightuserdata(lua, this);
  lua_rawset(lua, LUA_REGISTRYINDEX);
  machine_->enter_load_world(true);
  lua_sethook(lua, load_hook, LUA_MASKCOUNT, kHookInstructions);
  const int status = lua_pcall(lua, 0, 0, 1);
  lua_sethook(lua, nullptr, 0, 0);
  machine_->enter_load_world(false);
  loading_ = nullptr;
  if (status != 0) {
    if (lua_istable(lua, -1)) push_raw_field(lua, "err");
    const char* text = lua_tostring(lua, -1);
    error = text != nullptr ? text : "unknown error";
    lua_settop(lua, 0);
    release(*library);
    return refuse("Error registering functions: " + error);
  }
  lua_settop(lua, 0);
  if (library->functions.empty()) return refuse("No functions registered");
  return library;
}

void FunctionLibraries::release(const Library& library) {
  for (const Function& function : library.functions) luaL_unref(machine_->lua(), LUA_REGISTRYINDEX, function.reference);
}

void FunctionLibraries::remove(const Library& library) {
  for (const Function& function : library.functions) functions_.erase(to_lower(function.name));
  text_bytes_ -= static_cast<int64_t>(library.code.size());
  libraries_.erase(library.name);
}

// Puts the library in, and the one of its name out when it may be replaced.
Result<void> FunctionLibraries::add(std::shared_ptr<Library> library, bool replace) {
  const auto old = libraries_.find(library->name);
  if (old != libraries_.end() && !replace) return refuse("Library '" + library->name + "' already exists");
  for (const Function& function : library->functions) {
    const auto other = functions_.find(to_lower(function.name));
    if (other != functions_.end() && other->second.library->name != library->name)
      return refuse("Function " + function.name + " already exists");
  }
  if (old != libraries_.end()) {
    const auto replaced = old->second;
    remove(*replaced);
    release(*replaced);
  }
  for (size_t i = 0; i < library->functions.size(); ++i) {
    functions_.emplace(to_lower(library->functions[i].name), Target{library, i});
  }
  text_bytes_ += static_cast<int64_t>(library->code.size());
  libraries_.emplace(library->name, std::move(library));
  return {};
}

Result<std::string> FunctionLibraries::load(std::string_view code, bool replace, bool bounded) {
  // What is wrong with the head is told first, then that the name is taken; only then is the text run.
  TRY(const LibraryHead head, read_library_head(code));
  if (is_good_name(head.name) && equals_ignoring_case(head.engine, "lua") && !replace && libraries_.contains(head.name))
    return refuse("Library '" + head.name + "' already exists");
  TRY(auto library, build(code, bounded));
  std::string name = library->name;
  if (const auto added = add(library, replace); !added) {
    release(*library);
    return fail(added.error());
  }
  return name;
}

Result<void> FunctionLibraries::restore(const std::vector<std::string>& codes, RestorePolicy policy) {
  std::vector<std::shared_ptr<Library>> fresh;
  const auto give_up = [&](Error error) {
    for (const auto& library : fresh) release(*library);
    return fail(std::move(error));
  };
  for (const std::string& code : codes) {
    auto library = build(code, true);
    if (!library) return give_up(library.error());
    fresh.push_back(*std::move(library));
  }
  const auto old_libraries = libraries_;
  const auto old_functions = functions_;
  const int64_t old_bytes = text_bytes_;
  std::vector<std::shared_ptr<Library>> replaced;
  const auto put_out = [&](const std::shared_ptr<Library>& library) {
    replaced.push_back(library);
    remove(*library);
  };
  if (policy == RestorePolicy::flush) {
    for (const auto& [name, library] : old_libraries) put_out(library);
  }
  for (const auto& library : fresh) {
    const auto taken = libraries_.find(library->name);
    Result<void> added;
    if (taken != libraries_.end() && policy != RestorePolicy::replace) {
      added = refuse("Library " + library->name + " already exists");
    } else {
      if (taken != libraries_.end()) put_out(taken->second);
      added = add(library, false);
    }
    if (added) continue;
    libraries_ = old_libraries;
    functions_ = old_functions;
    text_bytes_ = old_bytes;
    return give_up(added.error());
  }
  for (const auto& library : replaced) release(*library);
  return {};
}

bool FunctionLibraries::erase(std::string_view name) {
  const auto at = libraries_.find(name);
  if (at == libraries_.end()) return false;
  const auto library = at->second;
  remove(*library);
  release(*library);
  return true;
}

// ---- redis.register_function ----

std::string FunctionLibraries::read_flags(lua_State* lua, uint32_t& flags) {
  for (int i = 1;; ++i) {
    lua_rawgeti(lua, -1, i);
    if (lua_isnil(lua, -1)) {
      lua_pop(lua, 1);
      return {};
    }
    const auto flag = is_text(lua, -1) ? script_flag_of(text_at(lua, -1)) : std::nullopt;
    lua_pop(lua, 1);
    if (!flag) return "unknown flag given";
    flags |= *flag;
  }
}

std::string FunctionLibraries::named_arguments(lua_State* lua, Function& function) {
  if (!lua_istable(lua, 1)) {
    return "calling redis.register_function with a single argument is only applicable to Lua table (representing named "
           "arguments).";
  }
  bool named = false;
  bool has_callback = false;
  lua_settop(lua, 1);
  lua_pushnil(lua);
  lua_pushnil(lua);  // index 2: the callback
  while (lua_next(lua, 1) != 0) {
    if (lua_type(lua, -2) != LUA_TSTRING && lua_type(lua, -2) != LUA_TNUMBER)
      return "named argument key given to redis.register_function is not a string";
    lua_pushvalue(lua, -2);
    const std::string key = text_at(lua, -1);
    lua_pop(lua, 1);
    const std::string must = key + " argument given to redis.register_function must be a ";
    if (key == "function_name") {
      if (!is_text(lua, -1)) return must + "string";
      function.name = text_at(lua, -1);
      named = true;
    } else if (key == "description") {
      if (!is_text(lua, -1)) return must + "string";
      function.description = text_at(lua, -1);
    } else if (key == "callback") {
      if (!lua_isfunction(lua, -1)) return must + "function";
      lua_pushvalue(lua, -1);
      lua_replace(lua, 2);
      has_callback = true;
    } else if (key == "flags") {
      if (!lua_istable(lua, -1)) {
        return "flags argument to redis.register_function must be a table representing function flags";
      }
      if (std::string bad = read_flags(lua, function.flags); !bad.empty()) return bad;
    } else {
      return "unknown argument given to redis.register_function";
    }
    lua_settop(lua, 3);
  }
  if (!named) return "redis.register_function must get a function name argument";
  if (!has_callback) return "redis.register_function must get a callback argument";
  return {};
}

std::string FunctionLibraries::positional_arguments(lua_State* lua, Function& function) {
  if (!is_text(lua, 1)) return "first argument to redis.register_function must be a string";
  if (!lua_isfunction(lua, 2)) return "second argument to redis.register_function must be a function";
  function.name = text_at(lua, 1);
  return {};
}

bool FunctionLibraries::register_function(lua_State* lua) {
  Function function;
  std::string wrong;
  const int count = lua_gettop(lua);
  if (loading_ == nullptr) {
    wrong = "redis.register_function can only be called on FUNCTION LOAD command";
  } else if (count < 1 || count > 2) {
    wrong = "wrong number of arguments to redis.register_function";
  } else {
    wrong = count == 1 ? named_arguments(lua, function) : positional_arguments(lua, function);
  }
  if (wrong.empty() && !is_good_name(function.name)) wrong = kBadName;
  if (wrong.empty()) {
    const std::string name = to_lower(function.name);
    const bool known =
        std::ranges::any_of(loading_->functions, [&](auto& other) { return to_lower(other.name) == name; });
    if (known) wrong = "Function already exists in the library";
  }
  if (!wrong.empty()) {
    lua_settop(lua, 0);
    push_error(lua, wrong);
    return false;
  }
  lua_pushvalue(lua, 2);
  function.reference = luaL_ref(lua, LUA_REGISTRYINDEX);
  loading_->functions.push_back(std::move(function));
  return true;
}

// ---- calling and telling ----

void FunctionLibraries::call(Context& context, ScriptMode mode) {
  const auto found = functions_.find(to_lower(context.arg(1)));
  if (found == functions_.end()) {
    context.error("ERR Function not found");
    return;
  }
  int64_t keys = 0;
  if (!context.integer(context.arg(2), keys, "ERR Bad number of keys provided")) return;
  if (keys > static_cast<int64_t>(context.size()) - 3) {
    context.error("ERR Number of keys can't be greater than number of args");
    return;
  }
  if (keys < 0) {
    context.error("ERR Number of keys can't be negative");
    return;
  }
  const Target target = found->second;
  const ScriptRunner::Start start{
      .name = target.function().name, .flags = target.function().flags, .mode = mode, .is_function = true};
  if (!runner_.may_start(context, start)) return;
  lua_State* lua = machine_->lua();
  machine_->push_error_handler();
  lua_rawgeti(lua, LUA_REGISTRYINDEX, target.function().reference);
  const auto push = [lua](Args args) {
    lua_createtable(lua, static_cast<int>(args.size()), 0);
    int index = 0;
    for (const std::string_view arg : args) {
      lua_pushlstring(lua, arg.data(), arg.size());
      lua_rawseti(lua, -2, ++index);
    }
  };
  push(context.args.subspan(3, static_cast<size_t>(keys)));
  push(context.args.subspan(3 + static_cast<size_t>(keys)));
  runner_.run(context, start, *machine_, 2);
}

std::vector<LibraryInfo> FunctionLibraries::list() const {
  std::vector<LibraryInfo> all;
  for (const auto& [name, library] : libraries_) {
    LibraryInfo& info = all.emplace_back(LibraryInfo{.name = name, .code = library->code, .functions = {}});
    for (const Function& function : library->functions) {
      info.functions.push_back({.name = function.name, .description = function.description, .flags = function.flags});
    }
  }
  return all;
}

std::optional<uint32_t> FunctionLibraries::flags_of(std::string_view function) const {
  const auto found = functions_.find(to_lower(function));
  if (found == functions_.end()) return std::nullopt;
  return found->second.function().flags;
}

}  // namespace compozy::redis
