// SPDX-License-Identifier: Apache-2.0
//
// ScriptDebugger: SCRIPT DEBUG SYNC: the next EVAL of that client stops before its first line and is led by commands
// that the client sends: step, continue, list, print, break, eval, redis, trace, abort. Each is answered with an array
// of lines. The server stands still for everybody else, who get -BUSY; when the script ends, so does the connection.
// Source: redis.io/docs/manual/programmability/lua-debugging.
//
// Owner: ScriptRunner, for one run. Thread: whoever holds the gate; it is left while the client thinks.
#pragma once

#include <cstddef>
#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "redis/commands/context.hpp"

struct lua_State;
struct lua_Debug;

namespace compozy::redis {

class ScriptDebugger {
 public:
  // Runs a command as the script would; its reply as bytes of the protocol.
  using Caller = std::function<std::string(Args)>;
  ScriptDebugger(Context& context, std::string_view source, Caller call);

  // Before a line of the script runs. False: the client ended the script, or is gone.
  bool at_line(lua_State* lua, lua_Debug* place);
  // The script has ended; its reply follows.
  void end();

 private:
  using Command = std::vector<std::string>;

  void say(std::string_view line);
  void flush();
  bool lead(lua_State* lua);
  bool obey(lua_State* lua, const Command& command);
  void show(int line);
  void list(const Command& command);
  void break_at(const Command& command);
  void print(lua_State* lua, const Command& command);
  void print_all(lua_State* lua);
  void trace(lua_State* lua);
  void evaluate(lua_State* lua, const Command& command);
  void call(const Command& command);
  void limit(const Command& command);
  void help();
  std::string shortened(std::string text) const;

  Context& context_;
  std::vector<std::string> lines_;
  Caller call_;
  std::vector<std::string> said_;
  std::set<int> breakpoints_;
  int line_ = 0;
  size_t length_max_ = 256;
  bool stepping_ = true;
  bool evaluating_ = false;
  bool resumed_ = false;
  bool aborted_ = false;
};

}  // namespace compozy::redis
