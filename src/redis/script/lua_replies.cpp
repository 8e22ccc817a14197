// SPDX-License-Identifier: Apache-2.0
#include "redis/script/lua_replies.hpp"

#include <limits>

#include <lua.hpp>

#include "base/text.hpp"
#include "redis/resp/reply_writer.hpp"

namespace compozy::redis {

namespace {

constexpr int kNestingMax = 100;

void push_text(lua_State* lua, std::string_view text) { lua_pushlstring(lua, text.data(), text.size()); }

void push_table_with(lua_State* lua, const char* name, std::string_view text) {
  lua_createtable(lua, 0, 1);
  push_text(lua, text);
  lua_setfield(lua, -2, name);
}

size_t push_array(lua_State* lua, std::string_view bytes, size_t at, int64_t count) {
  lua_createtable(lua, static_cast<int>(count), 0);
  for (int64_t i = 1; i <= count; ++i) {
    at = push_reply(lua, bytes, at);
    lua_rawseti(lua, -2, static_cast<int>(i));
  }
  return at;
}

// {map = {…}} and {set = {member = true}}.
size_t push_map(lua_State* lua, std::string_view bytes, size_t at, int64_t count, bool is_set) {
  lua_createtable(lua, 0, 1);
  lua_createtable(lua, 0, static_cast<int>(count));
  for (int64_t i = 0; i < count; ++i) {
    at = push_reply(lua, bytes, at);
    if (is_set) {
      lua_pushboolean(lua, 1);
    } else {
      at = push_reply(lua, bytes, at);
    }
    if (lua_isnil(lua, -2)) {
      lua_pop(lua, 2);
    } else {
      lua_rawset(lua, -3);
    }
  }
  lua_setfield(lua, -2, is_set ? "set" : "map");
  return at;
}

// Writes the field of the table on top under `name` when it is a string; the field stays on the stack if so.
bool has_text_field(lua_State* lua, const char* name) {
  lua_pushstring(lua, name);
  lua_rawget(lua, -2);
  if (lua_type(lua, -1) == LUA_TSTRING) return true;
  lua_pop(lua, 1);
  return false;
}

std::string top_text(lua_State* lua) {
  size_t size = 0;
  const char* text = lua_tolstring(lua, -1, &size);
  return {text, size};
}

void write_value(lua_State* lua, ReplyWriter& reply, int script_protocol, int depth);

void write_pairs(lua_State* lua, ReplyWriter& reply, int script_protocol, int depth, bool is_set) {
  const size_t place = reply.begin_deferred();
  size_t count = 0;
  lua_pushnil(lua);
  while (lua_next(lua, -2) != 0) {
    lua_pushvalue(lua, -2);
    write_value(lua, reply, script_protocol, depth + 1);
    if (is_set) {
      lua_pop(lua, 1);
    } else {
      write_value(lua, reply, script_protocol, depth + 1);
    }
    ++count;
  }
  if (is_set) {
    reply.end_set(place, count);
  } else {
    reply.end_map(place, count);
  }
}

// Whether the table on top is one of the marked forms: {err}, {ok}, {double}, {map}, {set}, {big_number}, …
bool write_marked_table(lua_State* lua, ReplyWriter& reply, int script_protocol, int depth) {
  if (has_text_field(lua, "err")) {
    reply.error(top_text(lua));
    lua_pop(lua, 1);
    return true;
  }
  if (has_text_field(lua, "ok")) {
    std::string text = top_text(lua);
    for (char& c : text) {
      if (c == '\r' || c == '\n') c = ' ';
    }
    reply.simple(text);
    lua_pop(lua, 1);
    return true;
  }
  lua_pushstring(lua, "double");
  lua_rawget(lua, -2);
  if (lua_type(lua, -1) == LUA_TNUMBER) {
    reply.number(lua_tonumber(lua, -1));
    lua_pop(lua, 1);
    return true;
  }
  lua_pop(lua, 1);
  for (const bool is_set : {false, true}) {
    lua_pushstring(lua, is_set ? "set" : "map");
    lua_rawget(lua, -2);
    if (lua_istable(lua, -1)) {
      write_pairs(lua, reply, script_protocol, depth, is_set);
      lua_pop(lua, 1);
      return true;
    }
    lua_pop(lua, 1);
  }
  if (has_text_field(lua, "big_number")) {
    reply.big_number(top_text(lua));
    lua_pop(lua, 1);
    return true;
  }
  return false;
}

void write_value(lua_State* lua, ReplyWriter& reply, int script_protocol, int depth) {
  if (depth > kNestingMax || lua_checkstack(lua, 8) == 0) {
    reply.error("ERR reached lua stack limit");
    lua_pop(lua, 1);
    return;
  }
  switch (lua_type(lua, -1)) {
    case LUA_TSTRING: reply.bulk(top_text(lua)); break;
    case LUA_TNUMBER: {
      const double number = lua_tonumber(lua, -1);
      // Casting what does not fit is undefined in C++; x86 gives the smallest integer, which is what Redis shows.
      const bool fits = number >= -9223372036854775808.0 && number < 9223372036854775808.0;
      reply.integer(fits ? static_cast<int64_t>(number) : std::numeric_limits<int64_t>::min());
      break;
    }
    case LUA_TBOOLEAN:
      if (script_protocol >= 3) {
        reply.boolean(lua_toboolean(lua, -1) != 0);
      } else if (lua_toboolean(lua, -1) != 0) {
        reply.integer(1);
      } else {
        reply.null();
      }
      break;
    case LUA_TTABLE: {
      if (write_marked_table(lua, reply, script_protocol, depth)) break;
      const size_t place = reply.begin_deferred();
      size_t count = 0;
      for (;; ++count) {
        lua_rawgeti(lua, -1, static_cast<int>(count) + 1);
        if (lua_isnil(lua, -1)) break;
        write_value(lua, reply, script_protocol, depth + 1);
      }
      lua_pop(lua, 1);
      reply.end_array(place, count);
      break;
    }
    default: reply.null();
  }
  lua_pop(lua, 1);
}

}  // namespace

void push_error(lua_State* lua, std::string_view text) { push_table_with(lua, "err", text); }

void write_lua_value(lua_State* lua, ReplyWriter& reply, int script_protocol) {
  write_value(lua, reply, script_protocol, 0);
}

size_t push_reply(lua_State* lua, std::string_view bytes, size_t at) {
  const size_t end = bytes.find("\r\n", at);
  const std::string_view line = bytes.substr(at + 1, end - at - 1);
  const size_t after = end + 2;
  int64_t number = 0;
  luaL_checkstack(lua, 8, "too deep");
  switch (bytes[at]) {
    case '+': push_table_with(lua, "ok", line); return after;
    case '-': push_table_with(lua, "err", line); return after;
    case ':':
      parse_int64(line, number);
      lua_pushnumber(lua, static_cast<double>(number));
      return after;
    case '$':
    case '=':
      parse_int64(line, number);
      if (number < 0) {
        lua_pushboolean(lua, 0);
        return after;
      }
      push_text(lua, bytes.substr(after, static_cast<size_t>(number)));
      return after + static_cast<size_t>(number) + 2;
    case '*':
    case '>':
      parse_int64(line, number);
      if (number < 0) {
        lua_pushboolean(lua, 0);
        return after;
      }
      return push_array(lua, bytes, after, number);
    case '%':
    case '~': parse_int64(line, number); return push_map(lua, bytes, after, number, bytes[at] == '~');
    case ',': {
      double value = 0;
      parse_double(line, value);
      lua_createtable(lua, 0, 1);
      lua_pushnumber(lua, value);
      lua_setfield(lua, -2, "double");
      return after;
    }
    case '#': lua_pushboolean(lua, line == "t" ? 1 : 0); return after;
    case '(': push_table_with(lua, "big_number", line); return after;
    default: lua_pushnil(lua); return after;
  }
}

}  // namespace compozy::redis
