// SPDX-License-Identifier: Apache-2.0
//
// ScriptPort: what commands ask of the Lua machines (redis/script): EVAL and its kin, FUNCTION libraries, and the state
// of a script that runs. Thread: whoever holds the gate.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace compozy::redis {

struct Context;

enum class ScriptMode : uint8_t { normal, readonly };

// What a script or function says about itself, under Redis' names.
enum ScriptFlag : uint32_t {
  kScriptNoWrites = 1U << 0,
  kScriptAllowOom = 1U << 1,
  kScriptAllowStale = 1U << 2,
  kScriptNoCluster = 1U << 3,
  kScriptAllowCrossSlotKeys = 1U << 4,
  kScriptUndeclared = 1U << 5,  // EVAL without a shebang: what it does shows when it does it
};
std::vector<std::string_view> names_of_script_flags(uint32_t flags);
std::optional<uint32_t> script_flag_of(std::string_view name);

struct FunctionInfo {
  std::string name;
  std::optional<std::string> description;
  uint32_t flags = 0;
};

struct LibraryInfo {
  std::string name;
  std::string_view code;
  std::vector<FunctionInfo> functions;
};

struct RunningScript {
  std::string name;
  std::vector<std::string> command;
  int64_t duration_ms = 0;
  bool is_function = false;
};

enum class RestorePolicy : uint8_t { append, replace, flush };

class ScriptPort {
 public:
  virtual ~ScriptPort() = default;
  virtual void eval(Context& context, ScriptMode mode) = 0;
  virtual void evalsha(Context& context, ScriptMode mode) = 0;
  virtual Result<std::string> load(std::string_view source) = 0;  // gives the SHA-1
  virtual bool exists(std::string_view sha1) const = 0;
  virtual void flush() = 0;
  virtual size_t count() const = 0;
  virtual int64_t memory() const = 0;

  virtual void call_function(Context& context, ScriptMode mode) = 0;
  virtual Result<std::string> load_library(std::string_view code, bool replace) = 0;  // gives the library's name
  virtual Result<void> restore_libraries(const std::vector<std::string>& codes, RestorePolicy policy) = 0;
  virtual bool delete_library(std::string_view name) = 0;
  virtual void flush_libraries() = 0;
  virtual std::vector<LibraryInfo> libraries() const = 0;
  virtual size_t function_count() const = 0;
  virtual int64_t function_memory() const = 0;

  // Flags that the script of an EVAL, EVALSHA or FCALL declares; none when it declares nothing or is not known.
  virtual std::optional<uint32_t> declared_flags(std::string_view command, std::string_view script) = 0;

  virtual bool running() const = 0;
  virtual bool killed() const = 0;  // the running script has been told to end
  // It runs longer than `busy-reply-threshold`; others may be served meanwhile.
  virtual bool busy() const = 0;
  virtual std::optional<RunningScript> running_script() const = 0;
  // Empty: it ends soon. Otherwise the error reply. `for_shutdown` ends it whatever it has done.
  virtual std::string kill(bool function, bool for_shutdown = false) = 0;
  virtual std::string busy_error() const = 0;
};

}  // namespace compozy::redis
