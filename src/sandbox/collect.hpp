// SPDX-License-Identifier: Apache-2.0
//
// What run() and Worker share: reading a pipe up to a cap, and ending a process. Internal to sandbox.
#pragma once

#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>

#include "base/result.hpp"
#include "io/loop.hpp"
#include "io/process.hpp"
#include "io/stream.hpp"
#include "io/task.hpp"

namespace compozy::sandbox {

struct Collected {
  std::string bytes;
  bool overflowed = false;
};

// Reads to the end, and calls `alive` (may be empty) for each piece. Beyond the cap: requests `overflow` and returns;
// where that has no state, reads on and drops.
io::Task<void> collect(io::Stream& stream, Collected& into, uint64_t bytes_max, std::stop_source overflow,
                       const std::function<void()>& alive, std::stop_token stop);

// Waits until the pipes of an ended process are read, but not long: one that left its group may hold them open.
io::Task<void> await_pipes(io::Loop& loop, io::TaskScope& pipes);

// SIGTERM to the group, then after grace_ms SIGKILL.
io::Task<Result<io::ProcessExit>> end_process(io::Loop& loop, io::Process& process, int64_t grace_ms);

}  // namespace compozy::sandbox
