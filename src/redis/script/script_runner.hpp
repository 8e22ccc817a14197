// SPDX-License-Identifier: Apache-2.0
//
// ScriptRunner: the one script or function that runs: what it may do, its calls of commands, its time, its end.
//
// A script holds the gate. Past `busy-reply-threshold` its hook leaves the gate for a moment every 100,000 instructions
// (EnginePort::let_others_run), where other clients may call what is allowed while a script is busy; SCRIPT KILL ends
// one that has not written. Time stands still for the script throughout.
// Owner: ScriptHost. Thread: whoever holds the gate.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "redis/commands/context.hpp"
#include "redis/commands/state.hpp"

struct lua_State;
struct lua_Debug;

namespace compozy::redis {

class ScriptDebugger;
class ScriptMachine;

class ScriptRunner {
 public:
  explicit ScriptRunner(ServerState& server);
  ~ScriptRunner();
  ScriptRunner(const ScriptRunner&) = delete;
  ScriptRunner& operator=(const ScriptRunner&) = delete;

  struct Start {
    std::string_view name;  // the SHA-1, or the function's name
    uint32_t flags;         // ScriptFlag
    ScriptMode mode;
    bool is_function;
  };
  // Whether the script may run now; otherwise the reason is the reply. Nothing is on the machine's stack yet.
  bool may_start(Context& context, const Start& start) const;
  // Calls what is on the machine's stack: handler, function, `arguments`. Writes the reply and clears the stack.
  void run(Context& context, const Start& start, ScriptMachine& machine, int arguments);

  bool running() const { return current_ != nullptr; }
  bool busy() const { return busy_; }
  bool killed() const { return killed_; }
  std::optional<RunningScript> description() const;
  std::string kill(bool function, bool for_shutdown);
  std::string busy_error() const;

  // ---- for redis.*; each leaves one value on the stack ----
  bool call(lua_State* lua);                     // false: an error
  std::optional<bool> may_call(lua_State* lua);  // nothing: an error is on the stack
  void set_protocol(int protocol);
  void set_targets(uint8_t targets) { targets_ = targets; }  // redis.set_repl

 private:
  static void hook(lua_State* lua, lua_Debug* event);
  void interrupt(lua_State* lua);
  std::string call_for_debugger(Args args);
  bool collect_arguments(lua_State* lua);
  const Row* permitted(Args args, std::string& refusal) const;
  std::string denied(const Row& row, Args args) const;
  std::string refused_write(const Row& row) const;
  bool fail_call(lua_State* lua, const Row* row, std::string_view text);
  void reply_error(Context& context, lua_State* lua, std::string_view name);

  ServerState& server_;
  std::unique_ptr<Session> session_;  // whom the script's commands run as
  Context* current_ = nullptr;
  const Start* start_ = nullptr;
  std::unique_ptr<ScriptDebugger> debugger_;
  bool readonly_ = false;
  bool allow_oom_ = false;
  bool written_ = false;  // a command that writes was called
  uint8_t targets_ = EffectBuffer::kBoth;
  bool busy_ = false;
  bool killed_ = false;
  bool discarded_ = false;  // killed in the middle of its writes, because the process ends
  bool calling_ = false;
  int64_t started_us_ = 0;

  std::vector<std::array<char, 32>> numbers_;
  std::vector<std::string_view> arguments_;
  std::string reply_;
};

}  // namespace compozy::redis
