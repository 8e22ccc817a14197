// SPDX-License-Identifier: Apache-2.0
#include <bit>
#include <cmath>
#include <cstdint>
#include <string>

#include <lua.hpp>

#include "redis/script/lua_libraries.hpp"

namespace compozy::redis {

namespace {

// Lua unwinds with longjmp: nothing here has a destructor.

constexpr int kNestingMax = 16;  // deeper tables are written as nil, as Redis does, so cycles end

// ---- packing ----

// Whether the table on top has the keys 1 … n and no others; `count` is the number of its fields.
bool is_array(lua_State* lua, size_t& count) {
  lua_Number highest = 0;
  bool indices_only = true;
  count = 0;
  lua_pushnil(lua);
  while (lua_next(lua, -2) != 0) {
    lua_pop(lua, 1);
    const lua_Number key = lua_type(lua, -1) == LUA_TNUMBER ? lua_tonumber(lua, -1) : 0;
    if (key < 1 || key != std::floor(key)) indices_only = false;
    if (key > highest) highest = key;
    ++count;
  }
  return indices_only && highest == static_cast<lua_Number>(count);
}

class Packer {
 public:
  Packer(lua_State* lua, std::string& out) : lua_(lua), out_(out) {}

  // Writes the value on top and leaves it there.
  void value(int depth) {
    switch (lua_type(lua_, -1)) {
      case LUA_TSTRING: {
        size_t size = 0;
        const char* text = lua_tolstring(lua_, -1, &size);
        head(size, 31, 0xa0, 0xd9, 0xda, 0xdb);
        out_.append(text, size);
        return;
      }
      case LUA_TBOOLEAN: byte(lua_toboolean(lua_, -1) != 0 ? 0xc3 : 0xc2); return;
      case LUA_TNUMBER: number(lua_tonumber(lua_, -1)); return;
      case LUA_TTABLE:
        if (depth == kNestingMax) break;
        luaL_checkstack(lua_, 4, "in function cmsgpack.pack");
        return table(depth);
      default: break;
    }
    byte(0xc0);
  }

 private:
  void table(int depth) {
    size_t count = 0;
    if (is_array(lua_, count)) {
      head(count, 15, 0x90, 0, 0xdc, 0xdd);
      for (size_t i = 1; i <= count; ++i) {
        lua_rawgeti(lua_, -1, static_cast<int>(i));
        value(depth + 1);
        lua_pop(lua_, 1);
      }
      return;
    }
    head(count, 15, 0x80, 0, 0xde, 0xdf);
    lua_pushnil(lua_);
    while (lua_next(lua_, -2) != 0) {
      lua_pushvalue(lua_, -2);
      value(depth + 1);
      lua_pop(lua_, 1);
      value(depth + 1);
      lua_pop(lua_, 1);
    }
  }

  void byte(unsigned value) { out_ += static_cast<char>(value); }

  void big_endian(uint64_t value, int bytes) {
    for (int i = bytes - 1; i >= 0; --i) byte(value >> (8 * i) & 0xff);
  }

  void head(size_t size, size_t fix_max, unsigned fix, unsigned code8, unsigned code16, unsigned code32) {
    if (size <= fix_max) return byte(fix | static_cast<unsigned>(size));
    const int bytes = size <= 0xff && code8 != 0 ? 1 : size <= 0xffff ? 2 : 4;
    byte(bytes == 1 ? code8 : bytes == 2 ? code16 : code32);
    big_endian(size, bytes);
  }

  void number(lua_Number number) {
    if (number >= -9223372036854775808.0 && number < 9223372036854775808.0 && number == std::trunc(number))
      return integer(static_cast<int64_t>(number));
    const auto narrow = static_cast<float>(number);
    const bool fits = static_cast<double>(narrow) == number;
    byte(fits ? 0xca : 0xcb);
    big_endian(fits ? std::bit_cast<uint32_t>(narrow) : std::bit_cast<uint64_t>(number), fits ? 4 : 8);
  }

  void integer(int64_t whole) {
    const auto bits = static_cast<uint64_t>(whole);
    if (whole >= -32 && whole <= 127) return byte(bits & 0xff);
    if (whole > 0) {
      const int step = bits <= 0xff ? 0 : bits <= 0xffff ? 1 : bits <= 0xffffffff ? 2 : 3;
      byte(0xcc + static_cast<unsigned>(step));
      return big_endian(bits, 1 << step);
    }
    const int step = whole >= INT8_MIN ? 0 : whole >= INT16_MIN ? 1 : whole >= INT32_MIN ? 2 : 3;
    byte(0xd0 + static_cast<unsigned>(step));
    big_endian(bits, 1 << step);
  }

  lua_State* lua_;
  std::string& out_;
};

// An error leaves pack by longjmp: the buffer must not be a local variable.
std::string& pack_buffer() {
  constexpr size_t kKept = 1024UL * 1024;
  static thread_local std::string buffer;
  if (buffer.capacity() > kKept) std::string().swap(buffer);
  buffer.clear();
  return buffer;
}

int cmsgpack_pack(lua_State* lua) {
  const int count = lua_gettop(lua);
  if (count == 0) return luaL_argerror(lua, 0, "MessagePack pack needs input.");
  luaL_checkstack(lua, 4, "too many arguments for MessagePack pack.");
  std::string& out = pack_buffer();
  Packer packer(lua, out);
  for (int i = 1; i <= count; ++i) {
    lua_pushvalue(lua, i);
    packer.value(0);
    lua_pop(lua, 1);
  }
  lua_pushlstring(lua, out.data(), out.size());
  return 1;
}

// ---- unpacking ----

class Unpacker {
 public:
  Unpacker(lua_State* lua, const char* data, size_t size) : lua_(lua), data_(data), left_(size) {}

  size_t left() const { return left_; }

  // Pushes the next value, or raises.
  void value() {
    luaL_checkstack(lua_, 4, "in function cmsgpack.unpack");
    const unsigned code = byte();
    if (code <= 0x7f) return lua_pushnumber(lua_, code);
    if (code >= 0xe0) return lua_pushnumber(lua_, static_cast<int>(code) - 256);
    if ((code & 0xe0) == 0xa0) return text(code & 0x1f);
    if ((code & 0xf0) == 0x90) return array(code & 0xf);
    if ((code & 0xf0) == 0x80) return map(code & 0xf);
    coded(code);
  }

 private:
  void coded(unsigned code) {
    switch (code) {
      case 0xc0: lua_pushnil(lua_); return;
      case 0xc2: lua_pushboolean(lua_, 0); return;
      case 0xc3: lua_pushboolean(lua_, 1); return;
      case 0xca: {
        const auto number = std::bit_cast<float>(static_cast<uint32_t>(unsigned_integer(4)));
        lua_pushnumber(lua_, static_cast<lua_Number>(number));
        return;
      }
      case 0xcb: lua_pushnumber(lua_, std::bit_cast<double>(unsigned_integer(8))); return;
      case 0xcc:
      case 0xcd:
      case 0xce:
      case 0xcf: lua_pushnumber(lua_, static_cast<lua_Number>(unsigned_integer(1U << (code - 0xcc)))); return;
      case 0xd0: lua_pushnumber(lua_, static_cast<int8_t>(unsigned_integer(1))); return;
      case 0xd1: lua_pushnumber(lua_, static_cast<int16_t>(unsigned_integer(2))); return;
      case 0xd2: lua_pushnumber(lua_, static_cast<int32_t>(unsigned_integer(4))); return;
      case 0xd3: lua_pushnumber(lua_, static_cast<lua_Number>(static_cast<int64_t>(unsigned_integer(8)))); return;
      case 0xd9: return text(unsigned_integer(1));
      case 0xda: return text(unsigned_integer(2));
      case 0xdb: return text(unsigned_integer(4));
      case 0xdc: return array(unsigned_integer(2));
      case 0xdd: return array(unsigned_integer(4));
      case 0xde: return map(unsigned_integer(2));
      case 0xdf: return map(unsigned_integer(4));
      default: luaL_error(lua_, "Bad data format in input.");
    }
  }

  void need(uint64_t bytes) {
    if (bytes > left_) luaL_error(lua_, "Missing bytes in input.");
  }

  unsigned byte() {
    need(1);
    --left_;
    return static_cast<unsigned char>(*data_++);
  }

  uint64_t unsigned_integer(unsigned bytes) {
    need(bytes);
    uint64_t value = 0;
    for (unsigned i = 0; i < bytes; ++i) value = value << 8 | static_cast<unsigned char>(*data_++);
    left_ -= bytes;
    return value;
  }

  void text(uint64_t size) {
    need(size);
    lua_pushlstring(lua_, data_, static_cast<size_t>(size));
    data_ += size;
    left_ -= size;
  }

  // Tables grow with what is really there, never by the count that the input claims.
  void array(uint64_t count) {
    lua_newtable(lua_);
    for (uint64_t i = 1; i <= count; ++i) {
      value();
      lua_rawseti(lua_, -2, static_cast<int>(i));
    }
  }

  void map(uint64_t count) {
    lua_newtable(lua_);
    for (uint64_t i = 0; i < count; ++i) {
      value();
      value();
      lua_settable(lua_, -3);
    }
  }

  lua_State* lua_;
  const char* data_;
  size_t left_;
};

// Leaves the values above the input; with `tells_offset` the place after them, or -1 at the end, comes first.
int unpack_values(lua_State* lua, lua_Integer limit, lua_Integer offset, bool tells_offset) {
  size_t size = 0;
  const char* data = luaL_checklstring(lua, 1, &size);
  lua_settop(lua, 1);
  if (offset < 0 || limit < 0) {
    return luaL_error(lua, "Invalid request to unpack with offset of %d and limit of %d.", static_cast<int>(offset),
                      static_cast<int>(size));
  }
  if (static_cast<size_t>(offset) > size) {
    return luaL_error(lua, "Start offset %d greater than input length %d.", static_cast<int>(offset),
                      static_cast<int>(size));
  }
  Unpacker unpacker(lua, data + offset, size - static_cast<size_t>(offset));
  int count = 0;
  while (unpacker.left() > 0 && (limit == 0 || count < limit)) {
    luaL_checkstack(lua, 2, "too many return values at once; use unpack_one or unpack_limit instead.");
    unpacker.value();
    ++count;
  }
  if (!tells_offset) return count;
  lua_pushinteger(lua, unpacker.left() == 0 ? -1 : static_cast<lua_Integer>(size - unpacker.left()));
  lua_insert(lua, 2);
  return count + 1;
}

int cmsgpack_unpack(lua_State* lua) { return unpack_values(lua, 0, 0, false); }

int cmsgpack_unpack_one(lua_State* lua) { return unpack_values(lua, 1, luaL_optinteger(lua, 2, 0), true); }

int cmsgpack_unpack_limit(lua_State* lua) {
  const lua_Integer limit = luaL_checkinteger(lua, 2);
  const lua_Integer offset = luaL_optinteger(lua, 3, 0);
  // Neither a limit nor an offset: everything, and then there is no place to tell.
  return unpack_values(lua, limit, offset, limit != 0 || offset != 0);
}

}  // namespace

int open_cmsgpack(lua_State* lua) {
  constexpr luaL_Reg kFunctions[] = {{"pack", cmsgpack_pack},
                                     {"unpack", cmsgpack_unpack},
                                     {"unpack_one", cmsgpack_unpack_one},
                                     {"unpack_limit", cmsgpack_unpack_limit}};
  lua_createtable(lua, 0, 8);
  for (const auto& [name, function] : kFunctions) {
    lua_pushcfunction(lua, function);
    lua_setfield(lua, -2, name);
  }
  const auto text = [lua](const char* name, const char* value) {
    lua_pushstring(lua, value);
    lua_setfield(lua, -2, name);
  };
  text("_NAME", "cmsgpack");
  text("_VERSION", "lua-cmsgpack 0.4.0");
  text("_COPYRIGHT", "The authors of Compozy");
  text("_DESCRIPTION", "MessagePack C implementation for Lua");
  return 1;
}

}  // namespace compozy::redis
