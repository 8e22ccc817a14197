// SPDX-License-Identifier: Apache-2.0
#include "redis/script/lua_replies.hpp"

#include <algorithm>
#include <cstdlib>
#include <limits>

#include <lua.hpp>

#include "base/text.hpp"
#include "redis/resp/reply_writer.hpp"

namespace compozy::redis {

namespace {

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

void push_verbatim(lua_State* lua, std::string_view bytes) {
  lua_createtable(lua, 0, 1);
  lua_createtable(lua, 0, 2);
  push_text(lua, bytes.substr(0, 3));
  lua_setfield(lua, -2, "format");
  push_text(lua, bytes.substr(std::min<size_t>(4, bytes.size())));
  lua_setfield(lua, -2, "string");
  lua_setfield(lua, -2, "verbatim_string");
}

// Skips a reply without pushing it: the attributes before a reply.
size_t skip_reply(lua_State* lua, std::string_view bytes, size_t at) {
  at = push_reply(lua, bytes, at);
  lua_pop(lua, 1);
  return at;
}

std::string_view text_at(lua_State* lua, int index) {
  size_t size = 0;
  const char* text = lua_tolstring(lua, index, &size);
  return {text, size};
}

std::string without_line_breaks(std::string_view text) {
  std::string result(text);
  std::ranges::replace_if(result, [](char c) { return c == '\r' || c == '\n'; }, ' ');
  return result;
}

// Pushes the field of the table on top when it has this type.
bool push_field(lua_State* lua, const char* name, int type) {
  lua_pushstring(lua, name);
  lua_rawget(lua, -2);
  if (lua_type(lua, -1) == type) return true;
  lua_pop(lua, 1);
  return false;
}

void write_value(lua_State* lua, ReplyWriter& reply, int script_protocol);

void write_pairs(lua_State* lua, ReplyWriter& reply, int script_protocol, bool is_set) {
  size_t count = 0;
  lua_pushnil(lua);
  for (; lua_next(lua, -2) != 0; ++count) lua_pop(lua, 1);
  if (is_set) {
    reply.set(count);
  } else {
    reply.map(count);
  }
  lua_pushnil(lua);
  while (lua_next(lua, -2) != 0) {
    lua_pushvalue(lua, -2);
    write_value(lua, reply, script_protocol);
    if (is_set) {
      lua_pop(lua, 1);
    } else {
      write_value(lua, reply, script_protocol);
    }
  }
}

void write_verbatim(lua_State* lua, ReplyWriter& reply) {
  if (!push_field(lua, "format", LUA_TSTRING)) return reply.null();
  std::string format(text_at(lua, -1));
  format.resize(3, ' ');
  lua_pop(lua, 1);
  if (!push_field(lua, "string", LUA_TSTRING)) return reply.null();
  reply.verbatim(format, text_at(lua, -1));
  lua_pop(lua, 1);
}

// Whether the table on top is one of the marked forms: {err}, {ok}, {double}, {map}, {set}, {big_number}, …
bool write_marked_table(lua_State* lua, ReplyWriter& reply, int script_protocol) {
  if (push_field(lua, "err", LUA_TSTRING)) {
    reply.error(text_at(lua, -1));
  } else if (push_field(lua, "ok", LUA_TSTRING)) {
    reply.simple(without_line_breaks(text_at(lua, -1)));
  } else if (push_field(lua, "double", LUA_TNUMBER)) {
    reply.number(lua_tonumber(lua, -1));
  } else if (push_field(lua, "map", LUA_TTABLE)) {
    write_pairs(lua, reply, script_protocol, false);
  } else if (push_field(lua, "set", LUA_TTABLE)) {
    write_pairs(lua, reply, script_protocol, true);
  } else if (push_field(lua, "big_number", LUA_TSTRING)) {
    reply.big_number(without_line_breaks(text_at(lua, -1)));
  } else if (push_field(lua, "verbatim_string", LUA_TTABLE)) {
    write_verbatim(lua, reply);
  } else {
    return false;
  }
  lua_pop(lua, 1);
  return true;
}

// The elements up to the first nil.
void write_array(lua_State* lua, ReplyWriter& reply, int script_protocol) {
  int count = 0;
  for (;; ++count) {
    lua_rawgeti(lua, -1, count + 1);
    const bool ends = lua_isnil(lua, -1);
    lua_pop(lua, 1);
    if (ends) break;
  }
  reply.array(static_cast<size_t>(count));
  for (int i = 1; i <= count; ++i) {
    lua_rawgeti(lua, -1, i);
    write_value(lua, reply, script_protocol);
  }
}

void write_number(lua_Number number, ReplyWriter& reply) {
  // Casting what does not fit is undefined in C++; x86 gives the smallest integer, which is what Redis shows.
  const bool fits = number >= -9223372036854775808.0 && number < 9223372036854775808.0;
  reply.integer(fits ? static_cast<int64_t>(number) : std::numeric_limits<int64_t>::min());
}

void write_value(lua_State* lua, ReplyWriter& reply, int script_protocol) {
  // A table within tables needs room on Lua's stack, whose limit ends a table that contains itself.
  if (lua_checkstack(lua, 6) == 0) {
    reply.error("ERR reached lua stack limit");
    lua_pop(lua, 1);
    return;
  }
  switch (lua_type(lua, -1)) {
    case LUA_TSTRING: reply.bulk(text_at(lua, -1)); break;
    case LUA_TNUMBER: write_number(lua_tonumber(lua, -1), reply); break;
    case LUA_TBOOLEAN:
      if (script_protocol >= 3) {
        reply.boolean(lua_toboolean(lua, -1) != 0);
      } else if (lua_toboolean(lua, -1) != 0) {
        reply.integer(1);
      } else {
        reply.null();
      }
      break;
    case LUA_TTABLE:
      if (!write_marked_table(lua, reply, script_protocol)) write_array(lua, reply, script_protocol);
      break;
    default: reply.null();
  }
  lua_pop(lua, 1);
}

}  // namespace

void push_raw_field(lua_State* lua, const char* name) {
  lua_pushstring(lua, name);
  lua_rawget(lua, -2);
}

void mark_counted(lua_State* lua) {
  lua_pushboolean(lua, 1);
  lua_setfield(lua, -2, "ignore_error_stats_update");
}

void push_error(lua_State* lua, std::string_view text) {
  lua_createtable(lua, 0, 2);
  while (text.ends_with('\n') || text.ends_with('\r')) text.remove_suffix(1);
  // "-CODE words" has its code; anything else, and a single word, is an ERR.
  if (text.starts_with('-') && text.find(' ') != std::string_view::npos) {
    push_text(lua, text.substr(1));
  } else {
    lua_pushlstring(lua, "ERR ", 4);
    push_text(lua, text.starts_with('-') ? text.substr(1) : text);
    lua_concat(lua, 2);
  }
  lua_setfield(lua, -2, "err");
}

void write_lua_value(lua_State* lua, ReplyWriter& reply, int script_protocol) {
  write_value(lua, reply, script_protocol);
}

size_t push_reply(lua_State* lua, std::string_view bytes, size_t at) {
  const size_t end = bytes.find("\r\n", at);
  const std::string_view line = bytes.substr(at + 1, end - at - 1);
  const size_t after = end + 2;
  int64_t number = 0;
  luaL_checkstack(lua, 8, "too deep");
  switch (bytes[at]) {
    case '+': push_table_with(lua, "ok", line); return after;
    case '-':
      push_error(lua, bytes.substr(at, end - at));
      mark_counted(lua);
      return after;
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
      if (bytes[at] == '=') {
        push_verbatim(lua, bytes.substr(after, static_cast<size_t>(number)));
      } else {
        push_text(lua, bytes.substr(after, static_cast<size_t>(number)));
      }
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
    case '|':
      parse_int64(line, number);
      at = after;
      for (int64_t i = 0; i < number * 2; ++i) at = skip_reply(lua, bytes, at);
      return push_reply(lua, bytes, at);
    case ',': {
      const double value = std::strtod(line.data(), nullptr);  // "\r\n" ends it
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
