// SPDX-License-Identifier: Apache-2.0
#include "redis/script/script_machine.hpp"

#include <cstdlib>

#include <lua.hpp>

#include "base/assert.hpp"
#include "redis/script/lua_sandbox.hpp"

namespace compozy::redis {

namespace {

constexpr int kCallsPerCollection = 50;

// Lua takes a text that starts with ESC for bytecode. A space before it makes the parser say what it says of any text.
struct Source {
  std::string_view text;
  bool guarded;
};

const char* read_source(lua_State*, void* source, size_t* size) {
  auto& from = *static_cast<Source*>(source);
  if (from.guarded) {
    from.guarded = false;
    *size = 1;
    return " ";
  }
  *size = from.text.size();
  const char* data = from.text.data();
  from.text = {};
  return *size == 0 ? nullptr : data;
}

}  // namespace

ScriptMachine::ScriptMachine(ScriptRunner& runner, FunctionLibraries* libraries, int32_t seed)
    : runner_(runner), libraries_(libraries) {
  random_.seed(seed);
  lua_ = lua_newstate(allocate, this);
  ASSERT(lua_ != nullptr);
  build_sandbox(lua_, *this, libraries != nullptr);
}

ScriptMachine::~ScriptMachine() { lua_close(lua_); }

void* ScriptMachine::allocate(void* machine, void* memory, size_t old_size, size_t new_size) {
  auto& self = *static_cast<ScriptMachine*>(machine);
  self.memory_ += static_cast<int64_t>(new_size) - static_cast<int64_t>(memory == nullptr ? 0 : old_size);
  if (new_size > 0) return std::realloc(memory, new_size);
  std::free(memory);
  return nullptr;
}

int ScriptMachine::load_text(lua_State* lua, std::string_view text, const char* chunk) {
  Source source{text, text.starts_with(LUA_SIGNATURE[0])};
  return lua_load(lua, read_source, &source, chunk);
}

bool ScriptMachine::compile(std::string_view text, const char* chunk, std::string& error) {
  if (load_text(lua_, text, chunk) != 0) {
    const char* message = lua_tostring(lua_, -1);
    error = message != nullptr ? message : "unknown error";
    lua_pop(lua_, 1);
    return false;
  }
  lua_getfield(lua_, LUA_REGISTRYINDEX, kGlobalsProxy);
  lua_setfenv(lua_, -2);
  return true;
}

void ScriptMachine::push_error_handler() { lua_getfield(lua_, LUA_REGISTRYINDEX, kErrorHandler); }

void ScriptMachine::set_global(const char* name) {
  lua_getfield(lua_, LUA_REGISTRYINDEX, kRealGlobals);
  lua_insert(lua_, -2);
  lua_setfield(lua_, -2, name);
  lua_pop(lua_, 1);
}

void ScriptMachine::enter_load_world(bool on) {
  lua_getfield(lua_, LUA_REGISTRYINDEX, kGlobalsMetatable);
  lua_getfield(lua_, LUA_REGISTRYINDEX, on ? kLoadGlobals : kRealGlobals);
  lua_setfield(lua_, -2, "__index");
  lua_pop(lua_, 1);
}

void ScriptMachine::collect_garbage() {
  if (++calls_ < kCallsPerCollection) return;
  calls_ = 0;
  lua_gc(lua_, LUA_GCSTEP, kCallsPerCollection);
}

}  // namespace compozy::redis
