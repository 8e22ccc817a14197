// SPDX-License-Identifier: Apache-2.0
//
// Process: a child program in a session of its own, connected by pipes. What it may do to the machine is limited by
// sandbox/; this is the mechanism.
//
// The child gets exactly the given environment, no descriptor but its three, default signal handling and, in case we
// die first, SIGKILL. Nothing of it outlives it: when it has ended, what is left of its group is killed, and, where
// adopt_orphans() was called, also what left the group.
// Owner and thread: one loop. Destroying a Process that still runs kills its group.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "io/file.hpp"
#include "io/loop.hpp"
#include "io/stream.hpp"
#include "io/task.hpp"

namespace compozy::io {

// 0: no limit. Exceeding: memory makes allocation fail, cpu ends the process by SIGXCPU, the others make calls fail.
struct ProcessLimits {
  uint64_t memory_bytes = 0;  // private writable memory (RLIMIT_DATA): reserved address space does not count
  uint64_t cpu_seconds = 0;
  uint64_t processes = 0;  // of the user, the whole machine's (RLIMIT_NPROC); root is not bound by it
  uint64_t open_files = 0;
  uint64_t file_bytes = 0;  // of one file it writes
};

struct ProcessOptions {
  std::vector<std::string> argv;         // argv[0] without a slash is looked for in PATH: `environment`'s, else ours
  std::string cwd;                       // empty: ours
  std::vector<std::string> environment;  // "NAME=value"
  ProcessLimits limits;
  std::string mark;  // "NAME=value" of the environment that no other process has: by it its descendants are known
};

// From now on descendants that outlive their parents become children of this process, not of init. When a process ends,
// those that carry its mark are killed; when none runs, all that are not of our own process group are.
void adopt_orphans();

// Lets this process open as many files as the system allows; programs that it starts keep the usual limit, for some
// cannot handle more. Gives the limit that now holds.
uint64_t raise_open_files();

// A variable of our own environment.
std::optional<std::string> environment_variable(std::string_view name);

struct ProcessExit {
  int code = 0;    // 0 … 255 when it ended by itself
  int signal = 0;  // otherwise the signal that ended it

  bool succeeded() const { return code == 0 && signal == 0; }
  std::string to_string() const;  // "exit code 3", "signal 9 (Killed)"
};

class Process {
 public:
  // Errors: not_found or permission_denied name the program or the directory. Once it gives a process, exec succeeded.
  static Result<std::unique_ptr<Process>> start(Loop& loop, const ProcessOptions& options);
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  Stream& input() { return *input_; }
  Stream& output() { return *output_; }
  Stream& errors() { return *errors_; }
  pid_t pid() const { return pid_; }

  Task<Result<ProcessExit>> wait(std::stop_token stop = {});  // again gives the same
  void kill_group(int signal);                                // nothing after its end

 private:
  Process(Loop& loop, pid_t pid, Fd pidfd) : loop_(loop), pid_(pid), pidfd_(std::move(pidfd)) {}
  ProcessExit reap();

  Loop& loop_;
  pid_t pid_;
  Fd pidfd_;
  std::unique_ptr<Stream> input_;
  std::unique_ptr<Stream> output_;
  std::unique_ptr<Stream> errors_;
  std::string mark_;
  bool ended_ = false;
  ProcessExit exit_;
};

}  // namespace compozy::io
