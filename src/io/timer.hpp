// SPDX-License-Identifier: Apache-2.0
//
// Waiting for time to pass. These timers are monotonic and real: they pace I/O. What must survive a restart, or be
// driven by a test, keeps its due time by Clock and uses these only to be woken.
//
// Thread: everything here belongs to the loop on which it was made.
#pragma once

#include <concepts>
#include <cstdint>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <type_traits>
#include <utility>

#include "base/duration.hpp"
#include "base/result.hpp"
#include "io/loop.hpp"
#include "io/task.hpp"

namespace compozy::io {

// Errc::cancelled when a stop is requested first.
Task<Result<void>> sleep(Loop& loop, int64_t ms, std::stop_token stop = {});

// Calls a function once, later. Starting again replaces the earlier start; destroying it cancels.
class Timer {
 public:
  explicit Timer(Loop& loop);
  ~Timer();
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  void start(int64_t ms, std::move_only_function<void()> call);
  void cancel();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

// A stop token that fires when the time is up or when its parent does. restart() counts anew from now; after an expiry
// it also gives a fresh token, so take the token for each operation.
class Deadline {
 public:
  Deadline(Loop& loop, int64_t ms, const std::stop_token& parent = {});
  void restart(int64_t ms);
  bool expired() const;  // the time, not the parent, ended it
  std::stop_token token() const;

 private:
  struct State;
  struct Link {
    std::shared_ptr<State> state;
    void operator()() const;
  };
  std::shared_ptr<State> state_;
  Timer timer_;
  std::stop_callback<Link> on_parent_;
};

// co_await with_timeout(loop, 5000, "connecting to 'db'", stop, [&](std::stop_token t) { return connect(t); })
// When the time is up the work is asked to stop; if it answers `cancelled`, the answer becomes Errc::timeout.
template <class Work>
auto with_timeout(Loop& loop, int64_t ms, std::string what, std::stop_token stop, Work work)
    -> std::invoke_result_t<Work&, std::stop_token> {
  const Deadline deadline(loop, ms, stop);
  auto result = co_await work(deadline.token());
  if (!result && result.error().code == Errc::cancelled && deadline.expired()) {
    co_return fail(Errc::timeout, what + " did not finish within " + format_duration_ms(ms));
  }
  co_return result;
}

}  // namespace compozy::io
