// SPDX-License-Identifier: Apache-2.0
#include "redis/script/script_debugger.hpp"

#include <algorithm>
#include <array>
#include <cstdio>

#include <lua.hpp>

#include "base/text.hpp"
#include "redis/resp/words.hpp"
#include "redis/script/script_machine.hpp"

namespace compozy::redis {

namespace {

constexpr int kDepthMax = 4;
constexpr size_t kBreakpointsMax = 64;
constexpr int kLinesAround = 5;

std::string describe(lua_State* lua, int index, int depth);

std::string describe_table(lua_State* lua, int index, int depth) {
  if (depth >= kDepthMax || lua_checkstack(lua, 4) == 0) return "{...}";
  const int table = index < 0 ? lua_gettop(lua) + index + 1 : index;
  std::string text = "{";
  lua_pushnil(lua);
  while (lua_next(lua, table) != 0) {
    if (text.size() > 1) text += "; ";
    const bool listed = lua_type(lua, -2) == LUA_TNUMBER;
    text += (listed ? "[" : "") + describe(lua, -2, depth + 1) + (listed ? "]=" : "=") + describe(lua, -1, depth + 1);
    lua_pop(lua, 1);
  }
  return text + "}";
}

std::string describe(lua_State* lua, int index, int depth) {
  switch (lua_type(lua, index)) {
    case LUA_TNIL: return "nil";
    case LUA_TBOOLEAN: return lua_toboolean(lua, index) != 0 ? "true" : "false";
    case LUA_TNUMBER: {
      std::array<char, 64> digits{};
      std::snprintf(digits.data(), digits.size(), "%.17g", lua_tonumber(lua, index));
      return digits.data();
    }
    case LUA_TSTRING: {
      size_t size = 0;
      const char* text = lua_tolstring(lua, index, &size);
      return quote_word({text, size});
    }
    case LUA_TTABLE: return describe_table(lua, index, depth);
    default: return std::string("\"") + lua_typename(lua, lua_type(lua, index)) + "\"";
  }
}

bool is_script(const lua_Debug& place) {
  return place.source != nullptr && std::string_view(place.source).find("user_script") != std::string_view::npos;
}

}  // namespace

ScriptDebugger::ScriptDebugger(Context& context, std::string_view source, Caller call)
    : context_(context), call_(std::move(call)) {
  for (const std::string_view line : split(source, '\n')) lines_.emplace_back(line);
}

void ScriptDebugger::say(std::string_view line) {
  said_.push_back(replace_all(replace_all(std::string(line), "\n", " "), "\r", " "));
}

void ScriptDebugger::flush() {
  ReplyWriter reply(context_.session.outbox.bytes, 2);
  reply.array(said_.size());
  for (const std::string& line : said_) reply.simple(line);
  said_.clear();
}

std::string ScriptDebugger::shortened(std::string text) const {
  if (length_max_ == 0 || text.size() <= length_max_) return text;
  return text.substr(0, length_max_) + " ...";
}

bool ScriptDebugger::at_line(lua_State* lua, lua_Debug* place) {
  if (evaluating_ || aborted_) return !aborted_;
  lua_getinfo(lua, "Sl", place);
  if (!is_script(*place)) return true;
  line_ = place->currentline;
  const bool breaks = breakpoints_.contains(line_);
  if (!stepping_ && !breaks) return true;
  say("* Stopped at " + std::to_string(line_) + ", stop reason = " + (breaks ? "break point" : "step over"));
  show(line_);
  return lead(lua);
}

// Takes commands until one lets the script go on.
bool ScriptDebugger::lead(lua_State* lua) {
  resumed_ = false;
  flush();
  while (!resumed_ && !aborted_) {
    if (context_.server.scripts->killed()) return true;
    Command command;
    const auto outcome = context_.server.engine->debugger_command(context_.session, command);
    if (outcome == SessionOwner::Debugging::gone) aborted_ = true;
    if (outcome != SessionOwner::Debugging::command) continue;
    if (!obey(lua, command)) say("<error> Unknown Redis Lua debugger command or wrong number of arguments.");
    if (!resumed_) flush();
  }
  return !aborted_;
}

bool ScriptDebugger::obey(lua_State* lua, const Command& command) {
  const auto is = [&](std::string_view name, size_t arguments_min, size_t arguments_max) {
    const bool named = equals_ignoring_case(command[0], name) || equals_ignoring_case(command[0], name.substr(0, 1));
    return named && command.size() > arguments_min && command.size() - 1 <= arguments_max;
  };
  if (is("help", 0, 0)) {
    help();
  } else if (is("step", 0, 0) || is("next", 0, 0) || is("continue", 0, 0)) {
    stepping_ = !is("continue", 0, 0);
    resumed_ = true;
  } else if (is("list", 0, 2) || is("whole", 0, 0)) {
    list(command);
  } else if (is("print", 0, 1)) {
    print(lua, command);
  } else if (is("break", 0, 100)) {
    break_at(command);
  } else if (is("trace", 0, 0)) {
    trace(lua);
  } else if (is("eval", 1, 1'000'000)) {
    evaluate(lua, command);
  } else if (is("redis", 1, 1'000'000)) {
    call(command);
  } else if (is("maxlen", 0, 1)) {
    limit(command);
  } else if (is("abort", 0, 0)) {
    say("Aborting the script.");
    aborted_ = true;
  } else {
    return false;
  }
  return true;
}

void ScriptDebugger::show(int line) {
  if (line < 1 || static_cast<size_t>(line) > lines_.size()) {
    say("<error> source code line out of range.");
    return;
  }
  std::string mark = line == line_ ? "->" : "  ";
  if (breakpoints_.contains(line)) mark[0] = '#';
  say(mark + std::to_string(line) + "   " + lines_[static_cast<size_t>(line) - 1]);
}

void ScriptDebugger::list(const Command& command) {
  int64_t around = line_;
  int64_t context = kLinesAround;
  if (equals_ignoring_case(command[0], "whole") || equals_ignoring_case(command[0], "w")) context = 1'000'000;
  if (command.size() > 1) parse_int64(command[1], around);
  if (command.size() > 2) parse_int64(command[2], context);
  const auto last = static_cast<int64_t>(lines_.size());
  for (int64_t line = std::max<int64_t>(1, around - context); line <= std::min(last, around + context); ++line)
    show(static_cast<int>(line));
}

void ScriptDebugger::break_at(const Command& command) {
  if (command.size() == 1) {
    if (breakpoints_.empty()) return say("No breakpoints set. Use 'b <line>' to add one.");
    say(std::to_string(breakpoints_.size()) + " breakpoints set:");
    for (const int line : breakpoints_) show(line);
    return;
  }
  for (size_t i = 1; i < command.size(); ++i) {
    int64_t line = 0;
    if (!parse_int64(command[i], line)) {
      say("Invalid argument:" + command[i]);
    } else if (line == 0) {
      breakpoints_.clear();
      say("All breakpoints removed.");
    } else if (line < 0) {
      say(breakpoints_.erase(static_cast<int>(-line)) > 0 ? "Breakpoint removed."
                                                          : "No breakpoint in the specified line.");
    } else if (static_cast<size_t>(line) > lines_.size() || breakpoints_.size() >= kBreakpointsMax) {
      say(breakpoints_.size() >= kBreakpointsMax ? "Too many breakpoints set." : "Wrong line number.");
    } else {
      breakpoints_.insert(static_cast<int>(line));
      list({"list", command[i], "1"});
    }
  }
}

// The innermost variable of the name, else KEYS and ARGV.
void ScriptDebugger::print(lua_State* lua, const Command& command) {
  if (command.size() == 1) return print_all(lua);
  lua_Debug frame;
  for (int level = 0; lua_getstack(lua, level, &frame) == 1; ++level) {
    std::string found;
    for (int i = 1;; ++i) {
      const char* name = lua_getlocal(lua, &frame, i);
      if (name == nullptr) break;
      if (command[1] == name) found = describe(lua, -1, 0);
      lua_pop(lua, 1);
    }
    if (!found.empty()) return say("<value> " + shortened(found));
  }
  if (command[1] != "KEYS" && command[1] != "ARGV") return say("No such variable.");
  lua_getglobal(lua, command[1].c_str());
  say("<value> " + shortened(describe(lua, -1, 0)));
  lua_pop(lua, 1);
}

void ScriptDebugger::print_all(lua_State* lua) {
  lua_Debug frame;
  bool any = false;
  if (lua_getstack(lua, 0, &frame) == 1) {
    for (int i = 1;; ++i) {
      const char* name = lua_getlocal(lua, &frame, i);
      if (name == nullptr) break;
      if (!std::string_view(name).contains("(*temporary)")) {
        say("<value> " + std::string(name) + " = " + shortened(describe(lua, -1, 0)));
        any = true;
      }
      lua_pop(lua, 1);
    }
  }
  if (!any) say("No local variables in the current context.");
}

void ScriptDebugger::trace(lua_State* lua) {
  lua_Debug frame;
  for (int level = 0; lua_getstack(lua, level, &frame) == 1; ++level) {
    lua_getinfo(lua, "Snl", &frame);
    if (!is_script(frame)) continue;
    say(std::string(level == 0 ? "In " : "From ") + (frame.name != nullptr ? frame.name : "top level") + ":");
    show(frame.currentline);
  }
}

// In a thread of its own, so that the script's own stack stays as it is.
void ScriptDebugger::evaluate(lua_State* lua, const Command& command) {
  std::string code = command[1];
  for (size_t i = 2; i < command.size(); ++i) code += " " + command[i];
  lua_State* thread = lua_newthread(lua);
  evaluating_ = true;
  bool loaded = ScriptMachine::load_text(thread, "return " + code, "@ldb_eval") == 0;
  if (!loaded) {
    lua_settop(thread, 0);
    loaded = ScriptMachine::load_text(thread, code, "@ldb_eval") == 0;
  }
  if (!loaded || lua_pcall(thread, 0, 1, 0) != 0) {
    std::string reason = describe(thread, -1, 0);
    if (lua_istable(thread, -1)) {
      lua_pushstring(thread, "err");
      lua_rawget(thread, -2);
      reason = describe(thread, -1, 0);
    }
    say("<error> " + shortened(reason));
  } else {
    say("<retval> " + shortened(describe(thread, -1, 0)));
  }
  evaluating_ = false;
  lua_pop(lua, 1);
}

void ScriptDebugger::call(const Command& command) {
  const std::vector<std::string_view> args(command.begin() + 1, command.end());
  std::string shown;
  for (const std::string_view arg : args) shown.append(" ").append(arg);
  say("<redis>" + shortened(shown));
  say("<reply> " + shortened(call_(args)));
}

void ScriptDebugger::limit(const Command& command) {
  int64_t size = 0;
  if (command.size() > 1 && parse_int64(command[1], size))
    length_max_ = size <= 0 ? 0 : std::max<size_t>(60, static_cast<size_t>(size));
  say(length_max_ == 0 ? "<value> replies are unlimited."
                       : "<value> replies are truncated at " + std::to_string(length_max_) + " bytes.");
}

void ScriptDebugger::help() {
  for (const std::string_view line :
       {"Redis Lua debugger help:", "[h]elp               Show this help.",
        "[s]tep               Run the line and stop again.", "[n]ext               The same.",
        "[c]ontinue           Run to the next breakpoint.", "[l]ist [line] [ctx]  Show the source around a line.",
        "[w]hole              Show all of the source.", "[p]rint [var]        Show a variable, or all of them.",
        "[b]reak [line|-line|0] Set, remove or show breakpoints.", "[t]race              Show where the script is.",
        "[e]val <code>        Run some Lua.", "[r]edis <cmd>        Run a command.",
        "[m]axlen [len]       Limit what is shown of a value.", "[a]bort              End the script."}) {
    say(line);
  }
}

void ScriptDebugger::end() {
  say("<endsession>");
  flush();
}

}  // namespace compozy::redis
