// SPDX-License-Identifier: Apache-2.0
//
// ScriptHost: EVAL with Lua 5.1 as Redis offers it (redis.*, cjson, bit, KEYS and ARGV). One virtual machine is kept
// for the life of the engine; a script is compiled once and called by its SHA-1, and nothing is rebuilt per call.
// Source: redis.io/docs/manual/programmability/lua-api.
//
// The sandbox: scripts see an empty proxy for their globals and for each library, so nothing can be changed or kept
// from one call to the next; no file, no loader, no bytecode. A script that has written nothing is stopped once it
// exceeds `lua-time-limit`; one that has written goes on, because half a script must not remain.
//
// Owner: Engine. Thread: whoever holds the gate.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "redis/commands/context.hpp"
#include "redis/commands/state.hpp"

struct lua_State;
struct lua_Debug;

namespace compozy::redis {

class ScriptHost final : public ScriptPort {
 public:
  explicit ScriptHost(ServerState& server);
  ~ScriptHost() override;
  ScriptHost(const ScriptHost&) = delete;
  ScriptHost& operator=(const ScriptHost&) = delete;

  void eval(Context& context, ScriptMode mode) override;
  void evalsha(Context& context, ScriptMode mode) override;
  Result<std::string> load(std::string_view source) override;
  bool exists(std::string_view sha1) const override;
  void flush() override;
  bool running() const override { return current_ != nullptr; }
  size_t count() const override { return scripts_.size(); }
  int64_t memory() const override { return memory_; }

  // For the functions that Lua calls.
  int call_redis(lua_State* lua, bool raise);
  int set_protocol(lua_State* lua);
  void check_time(lua_State* lua);
  uint64_t next_random();
  void seed_random(uint64_t seed) { random_ = seed; }

 private:
  struct TextHash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  };

  void open();
  void run(Context& context, const std::string& sha1, ScriptMode mode);
  void reply_error(Context& context, const std::string& sha1);
  bool push_keys_and_arguments(Context& context);
  bool collect_arguments(lua_State* lua);
  const Row* permitted(Args args, std::string& refusal) const;
  static void* allocate(void* host, void* memory, size_t old_size, size_t new_size);

  ServerState& server_;
  lua_State* lua_ = nullptr;
  std::unordered_map<std::string, int, TextHash, std::equal_to<>> scripts_;  // SHA-1 → the function's reference
  std::unique_ptr<Session> session_;                                         // whom the script's commands run as
  Context* current_ = nullptr;
  bool readonly_ = false;
  int64_t started_us_ = 0;
  uint64_t dirty_at_start_ = 0;
  int64_t memory_ = 0;
  uint64_t random_ = 0;
  std::string argument_bytes_;
  std::vector<std::pair<size_t, size_t>> argument_places_;
  std::vector<std::string_view> arguments_;
  std::string reply_;
};

}  // namespace compozy::redis
