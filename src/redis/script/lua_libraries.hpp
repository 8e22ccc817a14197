// SPDX-License-Identifier: Apache-2.0
//
// The two Lua libraries of Redis that Debian does not have. Each opens a table on the stack.
//   struct: pack, unpack, size. Source: redis.io/docs/manual/programmability/lua-api, "struct library".
//   cmsgpack: pack, unpack, unpack_one, unpack_limit; MessagePack without its `bin` and `ext` forms, which Redis'
//   library does not know. Source: github.com/msgpack/msgpack/blob/master/spec-old.md.
// Whatever a script passes: no crash, and no more memory than its arguments justify.
#pragma once

struct lua_State;

namespace compozy::redis {

int open_struct(lua_State* lua);
int open_cmsgpack(lua_State* lua);

}  // namespace compozy::redis
