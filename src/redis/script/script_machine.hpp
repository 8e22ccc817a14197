// SPDX-License-Identifier: Apache-2.0
//
// ScriptMachine: one Lua 5.1 virtual machine with the world that scripts of Redis see: chosen parts of Lua's libraries,
// cjson, cmsgpack, struct, bit and redis.*, all read-only. It lives as long as its scripts; nothing is rebuilt per
// call. There are two: one for EVAL and one for functions, whose world differs a little.
//
// The sandbox: no file, no loader, no bytecode, no way to keep anything from one call to the next outside locals that a
// library has declared. Lua unwinds with longjmp: no function that Lua calls keeps an object with a destructor alive
// where an error may be raised.
// Owner: ScriptHost. Thread: whoever holds the gate.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "redis/script/script_random.hpp"

struct lua_State;

namespace compozy::redis {

class ScriptRunner;
class FunctionLibraries;

class ScriptMachine {
 public:
  // The machine of functions is given its libraries.
  ScriptMachine(ScriptRunner& runner, FunctionLibraries* libraries, int32_t seed);
  ~ScriptMachine();
  ScriptMachine(const ScriptMachine&) = delete;
  ScriptMachine& operator=(const ScriptMachine&) = delete;

  lua_State* lua() const { return lua_; }
  int64_t memory() const { return memory_; }
  ScriptRandom& random() { return random_; }
  ScriptRunner& runner() const { return runner_; }
  FunctionLibraries* libraries() const { return libraries_; }

  // Leaves the compiled text on the stack, or its error in `error`. The chunk's name is "@user_script" and the like.
  bool compile(std::string_view text, const char* chunk, std::string& error);
  // The text in front of which a script is compiled must not look like bytecode.
  static int load_text(lua_State* lua, std::string_view text, const char* chunk);

  void push_error_handler();
  // Sets KEYS or ARGV: the value on top, which is popped.
  void set_global(const char* name);
  // While a library is loaded its globals are redis.register_function and little else.
  void enter_load_world(bool on);
  // A bit of garbage collection after each call, as Redis does.
  void collect_garbage();

 private:
  static void* allocate(void* machine, void* memory, size_t old_size, size_t new_size);

  ScriptRunner& runner_;
  FunctionLibraries* libraries_;
  ScriptRandom random_;
  int64_t memory_ = 0;
  int calls_ = 0;
  lua_State* lua_ = nullptr;
};

}  // namespace compozy::redis
