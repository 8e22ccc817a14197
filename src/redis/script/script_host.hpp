// SPDX-License-Identifier: Apache-2.0
//
// ScriptHost: EVAL's cache of scripts and the libraries of functions, each with a Lua machine of its own that is kept
// for the life of the engine; a script is compiled once and called by its SHA-1.
// Source: redis.io/docs/manual/programmability.
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
#include "redis/script/function_libraries.hpp"
#include "redis/script/script_machine.hpp"
#include "redis/script/script_runner.hpp"

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
  size_t count() const override { return scripts_.size(); }
  int64_t memory() const override { return machine_->memory() + text_bytes_; }

  void call_function(Context& context, ScriptMode mode) override { libraries_.call(context, mode); }
  Result<std::string> load_library(std::string_view code, bool replace) override;
  Result<void> restore_libraries(const std::vector<std::string>& codes, RestorePolicy policy) override {
    return libraries_.restore(codes, policy);
  }
  bool delete_library(std::string_view name) override { return libraries_.erase(name); }
  void flush_libraries() override { libraries_.flush(); }
  std::vector<LibraryInfo> libraries() const override { return libraries_.list(); }
  size_t function_count() const override { return libraries_.function_count(); }
  int64_t function_memory() const override { return libraries_.memory(); }

  std::optional<uint32_t> declared_flags(std::string_view command, std::string_view script) override;

  bool running() const override { return runner_.running(); }
  bool killed() const override { return runner_.killed(); }
  bool busy() const override { return runner_.busy(); }
  std::optional<RunningScript> running_script() const override { return runner_.description(); }
  std::string kill(bool function, bool for_shutdown = false) override { return runner_.kill(function, for_shutdown); }
  std::string busy_error() const override { return runner_.busy_error(); }

 private:
  struct Script {
    int reference;  // in the machine's registry
    uint32_t flags;
  };
  struct TextHash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  };
  using Scripts = std::unordered_map<std::string, Script, TextHash, std::equal_to<>>;

  void run(Context& context, const Scripts::value_type& script, size_t keys, ScriptMode mode);
  Result<Scripts::const_pointer> cached(std::string_view source);

  ServerState& server_;
  ScriptRunner runner_;
  std::unique_ptr<ScriptMachine> machine_;
  Scripts scripts_;  // by SHA-1
  FunctionLibraries libraries_;
  int64_t text_bytes_ = 0;
};

}  // namespace compozy::redis
