// SPDX-License-Identifier: Apache-2.0
//
// Parked: one coroutine that waits until somebody wakes it, from any thread, at most once. Completion and Channel are
// built on it; nothing else needs it.
//
// Whoever will wake it holds the shared_ptr. wake() before the coroutine suspends is not lost: it then does not
// suspend. A requested stop wakes it too, so after the wait the coroutine looks at its own state to learn why.
#pragma once

#include <atomic>
#include <coroutine>
#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <utility>

#include "base/assert.hpp"
#include "io/loop.hpp"

namespace compozy::io {

class Parked {
 public:
  Parked() : loop_(Loop::current()) { ASSERT(loop_ != nullptr); }

  // True for the one call that woke it.
  bool wake() {
    const uint8_t before = state_.exchange(kWoken, std::memory_order_acq_rel);
    if (before == kSuspended) loop_->resume(handle_);
    return before != kWoken;
  }

 private:
  friend class ParkAwaiter;
  static constexpr uint8_t kNew = 0;
  static constexpr uint8_t kSuspended = 1;
  static constexpr uint8_t kWoken = 2;

  bool suspend(std::coroutine_handle<> handle) {
    handle_ = handle;
    uint8_t expected = kNew;
    return state_.compare_exchange_strong(expected, kSuspended, std::memory_order_acq_rel);
  }

  Loop* loop_;
  std::coroutine_handle<> handle_;
  std::atomic<uint8_t> state_{kNew};
};

// co_await ParkAwaiter(parked, stop)
class ParkAwaiter {
 public:
  ParkAwaiter(std::shared_ptr<Parked> parked, std::stop_token stop)
      : parked_(std::move(parked)), stop_(std::move(stop)) {}
  ParkAwaiter(const ParkAwaiter&) = delete;
  ParkAwaiter& operator=(const ParkAwaiter&) = delete;
  ~ParkAwaiter() { parked_->state_.store(Parked::kWoken, std::memory_order_release); }

  bool await_ready() const noexcept { return false; }
  bool await_suspend(std::coroutine_handle<> handle) {
    if (!parked_->suspend(handle)) return false;
    // A wake only posts to this very loop, so this awaiter lives until we return to it.
    if (stop_.stop_possible()) on_stop_.emplace(std::move(stop_), Wake{parked_});
    return true;
  }
  void await_resume() { on_stop_.reset(); }

 private:
  struct Wake {
    std::shared_ptr<Parked> parked;
    void operator()() const { parked->wake(); }
  };
  std::shared_ptr<Parked> parked_;
  std::stop_token stop_;
  std::optional<std::stop_callback<Wake>> on_stop_;
};

}  // namespace compozy::io
