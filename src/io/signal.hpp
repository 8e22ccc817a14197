// SPDX-License-Identifier: Apache-2.0
//
// SignalWatcher: signals of the operating system (SIGINT, SIGTERM) as values on a loop. From its construction on they
// no longer end the process. Thread: the loop.
#pragma once

#include <memory>
#include <stop_token>
#include <vector>

#include "base/result.hpp"
#include "io/loop.hpp"
#include "io/task.hpp"

namespace compozy::io {

class SignalWatcher {
 public:
  SignalWatcher(Loop& loop, const std::vector<int>& signals);
  ~SignalWatcher();
  SignalWatcher(const SignalWatcher&) = delete;
  SignalWatcher& operator=(const SignalWatcher&) = delete;

  Task<Result<int>> wait(std::stop_token stop = {});  // the signal's number

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace compozy::io
