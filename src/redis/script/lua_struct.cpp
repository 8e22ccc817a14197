// SPDX-License-Identifier: Apache-2.0
#include <bit>
#include <climits>
#include <cstdint>
#include <cstring>

#include <lua.hpp>

#include "redis/script/lua_libraries.hpp"

namespace compozy::redis {

namespace {

// Lua unwinds with longjmp: nothing here has a destructor.

constexpr int kIntegerMax = 32;  // bytes
constexpr int kNativeAlignment = 8;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// One pass over a format string: gives the items and keeps byte order, alignment and position.
class Format {
 public:
  Format(lua_State* lua, const char* text) : lua_(lua), at_(text) {}

  // The next item; false at the end. Options that only change the state are consumed on the way.
  bool next() {
    while (*at_ != '\0') {
      option = *at_++;
      size = item_size();
      padding = padding_at(position);
      if (std::strchr("bBhHlLTiIxfdcs", option) != nullptr) return true;
      change_state();
    }
    return false;
  }

  bool is_integer() const { return std::strchr("bBhHlLTiI", option) != nullptr; }
  bool is_signed() const { return option >= 'a' && option <= 'z'; }

  char option = 0;
  size_t size = 0;     // 0 for 's' and "c0": the argument tells
  size_t padding = 0;  // zeros before the item
  size_t position = 0;
  bool big_endian = false;

 private:
  int number(int otherwise) {
    if (!is_digit(*at_)) return otherwise;
    int value = 0;
    while (is_digit(*at_)) {
      const int digit = *at_++ - '0';
      if (value > (INT_MAX - digit) / 10) luaL_error(lua_, "integral size overflow");
      value = value * 10 + digit;
    }
    return value;
  }

  size_t item_size() {
    switch (option) {
      case 'b':
      case 'B':
      case 'x': return 1;
      case 'h':
      case 'H': return sizeof(short);
      case 'l':
      case 'L': return sizeof(long);
      case 'T': return sizeof(size_t);
      case 'f': return sizeof(float);
      case 'd': return sizeof(double);
      case 'c': return static_cast<size_t>(number(1));
      case 'i':
      case 'I': {
        const int bytes = number(sizeof(int));
        if (bytes > kIntegerMax) luaL_error(lua_, "integral size %d is larger than limit of %d", bytes, kIntegerMax);
        return static_cast<size_t>(bytes);
      }
      default: return 0;
    }
  }

  size_t padding_at(size_t offset) const {
    if (size == 0 || option == 'c') return 0;
    const size_t unit = size < alignment_ ? size : alignment_;
    return (unit - (offset & (unit - 1))) & (unit - 1);
  }

  void change_state() {
    switch (option) {
      case ' ': return;
      case '>': big_endian = true; return;
      case '<': big_endian = false; return;
      case '!': {
        const int bytes = number(kNativeAlignment);
        if (bytes <= 0 || !std::has_single_bit(static_cast<unsigned>(bytes)))
          luaL_error(lua_, "alignment %d is not a power of 2", bytes);
        alignment_ = static_cast<size_t>(bytes);
        return;
      }
      default: luaL_argerror(lua_, 1, lua_pushfstring(lua_, "invalid format option '%c'", option));
    }
  }

  lua_State* lua_;
  const char* at_;
  size_t alignment_ = 1;
};

// What a C cast gives on x86-64, where the language leaves it open.
uint64_t integer_of(lua_Number number) {
  if (number != number) return uint64_t{1} << 63;
  if (number < 0)
    return number >= -9223372036854775808.0 ? static_cast<uint64_t>(static_cast<int64_t>(number)) : uint64_t{1} << 63;
  if (number < 9223372036854775808.0) return static_cast<uint64_t>(number);
  return number < 18446744073709551616.0 ? static_cast<uint64_t>(number) : 0;
}

void add_integer(luaL_Buffer& out, uint64_t value, const Format& item) {
  char bytes[kIntegerMax] = {};
  for (size_t i = 0; i < item.size; ++i) {
    bytes[item.big_endian ? item.size - 1 - i : i] = static_cast<char>(value & 0xff);
    value >>= 8;
  }
  luaL_addlstring(&out, bytes, item.size);
}

lua_Number read_integer(const char* data, const Format& item) {
  uint64_t value = 0;
  for (size_t i = 0; i < item.size; ++i) {
    value = value << 8 | static_cast<unsigned char>(data[item.big_endian ? i : item.size - 1 - i]);
  }
  if (!item.is_signed()) return static_cast<lua_Number>(value);
  const uint64_t sign = item.size == 0 || item.size >= 8 ? uint64_t{1} << 63 : uint64_t{1} << (item.size * 8 - 1);
  if ((value & sign) != 0) value |= ~(sign - 1);
  return static_cast<lua_Number>(static_cast<int64_t>(value));
}

template <class Real>
void add_real(luaL_Buffer& out, lua_Number number, const Format& item) {
  const Real real = static_cast<Real>(number);
  char bytes[sizeof real];
  std::memcpy(bytes, &real, sizeof real);
  if (item.big_endian) {
    for (size_t i = 0; i < sizeof real / 2; ++i) {
      const char other = bytes[i];
      bytes[i] = bytes[sizeof real - 1 - i];
      bytes[sizeof real - 1 - i] = other;
    }
  }
  luaL_addlstring(&out, bytes, sizeof real);
}

template <class Real>
lua_Number read_real(const char* data, const Format& item) {
  char bytes[sizeof(Real)];
  for (size_t i = 0; i < sizeof bytes; ++i) bytes[i] = data[item.big_endian ? sizeof bytes - 1 - i : i];
  Real real = 0;
  std::memcpy(&real, bytes, sizeof real);
  return static_cast<lua_Number>(real);
}

int struct_pack(lua_State* lua) {
  Format item(lua, luaL_checkstring(lua, 1));
  int argument = 2;
  lua_pushnil(lua);  // keeps the arguments apart from what the buffer puts on the stack
  luaL_Buffer out;
  luaL_buffinit(lua, &out);
  while (item.next()) {
    for (size_t i = 0; i < item.padding; ++i) luaL_addchar(&out, '\0');
    size_t written = item.size;
    if (item.is_integer()) {
      add_integer(out, integer_of(luaL_checknumber(lua, argument++)), item);
    } else if (item.option == 'f') {
      add_real<float>(out, luaL_checknumber(lua, argument++), item);
    } else if (item.option == 'd') {
      add_real<double>(out, luaL_checknumber(lua, argument++), item);
    } else if (item.option == 'x') {
      luaL_addchar(&out, '\0');
    } else {
      size_t given = 0;
      const char* text = luaL_checklstring(lua, argument++, &given);
      if (written == 0) written = given;
      luaL_argcheck(lua, given >= written, argument, "string too short");
      luaL_addlstring(&out, text, written);
      if (item.option == 's') {
        luaL_addchar(&out, '\0');
        ++written;
      }
    }
    item.position += item.padding + written;
  }
  luaL_pushresult(&out);
  return 1;
}

int struct_unpack(lua_State* lua) {
  Format item(lua, luaL_checkstring(lua, 1));
  size_t length = 0;
  const char* data = luaL_checklstring(lua, 2, &length);
  const auto start = static_cast<size_t>(luaL_optinteger(lua, 3, 1));
  luaL_argcheck(lua, start > 0, 3, "offset must be 1 or greater");
  item.position = start - 1;
  const auto need = [&](size_t bytes) {
    luaL_argcheck(lua, bytes <= length && item.position <= length - bytes, 2, "data string too short");
  };
  int results = 0;
  while (item.next()) {
    item.position += item.padding;
    need(item.size);
    luaL_checkstack(lua, 2, "too many results");
    const char* at = data + item.position;
    size_t used = item.size;
    if (item.is_integer()) {
      lua_pushnumber(lua, read_integer(at, item));
    } else if (item.option == 'f') {
      lua_pushnumber(lua, read_real<float>(at, item));
    } else if (item.option == 'd') {
      lua_pushnumber(lua, read_real<double>(at, item));
    } else if (item.option == 's') {
      const void* end = std::memchr(at, '\0', length - item.position);
      if (end == nullptr) return luaL_error(lua, "unfinished string in data");
      const auto size = static_cast<size_t>(static_cast<const char*>(end) - at);
      lua_pushlstring(lua, at, size);
      used = size + 1;
    } else if (item.option == 'c') {
      if (used == 0) {
        if (results == 0 || lua_isnumber(lua, -1) == 0) return luaL_error(lua, "format 'c0' needs a previous size");
        used = static_cast<size_t>(integer_of(lua_tonumber(lua, -1)));
        lua_pop(lua, 1);
        --results;
        need(used);
      }
      lua_pushlstring(lua, at, used);
    }
    if (item.option != 'x') ++results;
    item.position += used;
  }
  lua_pushinteger(lua, static_cast<lua_Integer>(item.position + 1));
  return results + 1;
}

int struct_size(lua_State* lua) {
  Format item(lua, luaL_checkstring(lua, 1));
  while (item.next()) {
    if (item.option == 's') luaL_argerror(lua, 1, "option 's' has no fixed size");
    if (item.option == 'c' && item.size == 0) luaL_argerror(lua, 1, "option 'c0' has no fixed size");
    item.position += item.padding + item.size;
  }
  lua_pushinteger(lua, static_cast<lua_Integer>(item.position));
  return 1;
}

}  // namespace

int open_struct(lua_State* lua) {
  lua_createtable(lua, 0, 3);
  lua_pushcfunction(lua, struct_pack);
  lua_setfield(lua, -2, "pack");
  lua_pushcfunction(lua, struct_unpack);
  lua_setfield(lua, -2, "unpack");
  lua_pushcfunction(lua, struct_size);
  lua_setfield(lua, -2, "size");
  return 1;
}

}  // namespace compozy::redis
