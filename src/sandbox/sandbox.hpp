// SPDX-License-Identifier: Apache-2.0
//
// Sandbox: runs somebody else's program (a tool) within limits: its arguments without a shell, an environment that is
// listed, bounded output, bounded time. It bounds what a program costs; it does not hide the machine's files from it.
//
//   CO_TRY(auto outcome, co_await sandbox::run(loop, {.argv = {"./tool"}, .input = json, .timeout_ms = 60'000}, stop));
//
// An exit code is an outcome. Errors: timeout and cancelled (after SIGTERM to the group and, grace_ms later, SIGKILL),
// too_large (standard output beyond its cap; the group is killed), not_found and permission_denied of the program,
// invalid_argument for an environment variable that is refused. Standard error beyond its cap is dropped, not an error.
// Thread: the loop. Nothing of the program outlives the call.
#pragma once

#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "io/loop.hpp"
#include "io/process.hpp"
#include "io/task.hpp"

namespace compozy::sandbox {

struct Spec {
  std::vector<std::string> argv;
  std::string cwd;
  std::vector<std::pair<std::string, std::string>> environment;
  // Taken over from our own environment where they are set there.
  std::vector<std::string> inherited = {"PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR"};
  std::string input;  // its standard input
  uint64_t output_bytes_max = 10U << 20U;
  uint64_t errors_bytes_max = 1U << 20U;
  int64_t timeout_ms = 60'000;
  int64_t grace_ms = 2'000;
  io::ProcessLimits limits;
  std::string mark;                  // as in io::ProcessOptions
  std::function<void()> alive = {};  // called whenever it writes something
};

struct Outcome {
  io::ProcessExit exit;
  std::string output;
  std::string errors;
  bool errors_cut = false;
};

io::Task<Result<Outcome>> run(io::Loop& loop, Spec spec, std::stop_token stop = {});

// Names are [A-Z0-9_]+; values hold no CR, LF or NUL; what changes how programs are loaded is refused (LD_*, DYLD_*,
// NODE_OPTIONS, BUN_CONFIG_PROFILE and the like).
Result<void> check_variable(std::string_view name, std::string_view value);

// "NAME=value" for all of the spec's, checked.
Result<std::vector<std::string>> environment_of(const Spec& spec);

}  // namespace compozy::sandbox
