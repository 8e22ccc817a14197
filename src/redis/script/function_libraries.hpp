// SPDX-License-Identifier: Apache-2.0
//
// FunctionLibraries: FUNCTION LOAD and what it registered. A library is its text, run once when it is loaded; its
// functions stay in the machine with the locals they share. Loading is all or nothing: whatever fails, the libraries
// are what they were. Source: redis.io/docs/manual/programmability/functions-intro.
// Owner: ScriptHost. Thread: whoever holds the gate.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "redis/commands/scripting/script_port.hpp"
#include "redis/commands/state.hpp"
#include "redis/script/script_machine.hpp"
#include "redis/script/script_runner.hpp"

struct lua_State;
struct lua_Debug;

namespace compozy::redis {

class FunctionLibraries {
 public:
  FunctionLibraries(ServerState& server, ScriptRunner& runner);
  FunctionLibraries(const FunctionLibraries&) = delete;
  FunctionLibraries& operator=(const FunctionLibraries&) = delete;

  void call(Context& context, ScriptMode mode);
  Result<std::string> load(std::string_view code, bool replace, bool bounded);
  Result<void> restore(const std::vector<std::string>& codes, RestorePolicy policy);
  bool erase(std::string_view name);
  void flush();
  std::vector<LibraryInfo> list() const;
  size_t function_count() const { return functions_.size(); }
  int64_t memory() const { return machine_->memory() + text_bytes_; }
  std::optional<uint32_t> flags_of(std::string_view function) const;

  // redis.register_function. False: an error is on the stack.
  bool register_function(lua_State* lua);

 private:
  struct Function {
    std::string name;
    std::optional<std::string> description;
    uint32_t flags = 0;
    int reference = 0;  // in the machine's registry
  };
  struct Library {
    std::string name;
    std::string code;
    std::vector<Function> functions;
  };
  using Libraries = std::map<std::string, std::shared_ptr<Library>, std::less<>>;
  struct Target {
    std::shared_ptr<Library> library;
    size_t index;
    const Function& function() const { return library->functions[index]; }
  };

  Result<std::shared_ptr<Library>> build(std::string_view code, bool bounded);
  Result<void> add(std::shared_ptr<Library> library, bool replace);
  void remove(const Library& library);
  void release(const Library& library);
  std::string named_arguments(lua_State* lua, Function& function);
  std::string positional_arguments(lua_State* lua, Function& function);
  static std::string read_flags(lua_State* lua, uint32_t& flags);
  static void load_hook(lua_State* lua, lua_Debug* event);

  ServerState& server_;
  ScriptRunner& runner_;
  std::unique_ptr<ScriptMachine> machine_;
  Libraries libraries_;
  std::map<std::string, Target, std::less<>> functions_;  // by name in lower case
  Library* loading_ = nullptr;
  int64_t load_deadline_us_ = 0;
  int64_t text_bytes_ = 0;
};

}  // namespace compozy::redis
