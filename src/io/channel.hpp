// SPDX-License-Identifier: Apache-2.0
//
// Channel<T>: a bounded queue from any thread to coroutines. What does not fit is refused, never stored.
//
// Invariants: values leave in the order in which they entered; after close() nothing enters, and what is inside can
// still be popped. pop() gives nothing when the channel is closed and empty, or when a stop is requested.
// Thread: try_push, try_pop, close and size from any; pop and push on a loop.
#pragma once

#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <utility>

#include "base/result.hpp"
#include "io/completion.hpp"
#include "io/task.hpp"
#include "io/wait.hpp"

namespace compozy::io {

enum class Push : uint8_t { done, full, closed };

template <class T>
class Channel {
 public:
  // Besides their number, what the values weigh may be limited, where T has a weight(); one value always fits.
  explicit Channel(size_t capacity, size_t weight_max = SIZE_MAX) : capacity_(capacity), weight_max_(weight_max) {
    ASSERT(capacity > 0);
  }
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  // The value is moved from only when the answer is `done`.
  Push try_push(T&& value) {
    std::unique_lock lock(mutex_);
    if (closed_) return Push::closed;
    if (is_full()) return Push::full;
    weight_ += weight_of(value);
    items_.push_back(std::move(value));
    wake_one(poppers_);
    return Push::done;
  }

  std::optional<T> try_pop() {
    const std::lock_guard lock(mutex_);
    if (items_.empty()) return std::nullopt;
    std::optional<T> item(std::move(items_.front()));
    items_.pop_front();
    weight_ -= weight_of(*item);
    wake_one(pushers_);
    return item;
  }

  // Waits for a value.
  Task<std::optional<T>> pop(std::stop_token stop = {}) {
    for (;;) {
      if (auto item = try_pop()) co_return item;
      if (stop.stop_requested()) co_return std::nullopt;
      std::shared_ptr<Parked> parked;
      {
        const std::lock_guard lock(mutex_);
        if (!items_.empty()) continue;
        if (closed_) co_return std::nullopt;
        parked = std::make_shared<Parked>();
        poppers_.push_back(parked);
      }
      co_await ParkAwaiter(parked, stop);
      forget(poppers_, parked);
    }
  }

  // Waits for room: the pusher goes as fast as the popper.
  Task<Result<void>> push(T value, std::stop_token stop = {}) {
    for (;;) {
      const Push outcome = try_push(std::move(value));
      if (outcome == Push::done) co_return {};
      if (outcome == Push::closed) co_return fail(Errc::closed, "the channel is closed");
      if (stop.stop_requested()) co_return cancelled();
      std::shared_ptr<Parked> parked;
      {
        const std::lock_guard lock(mutex_);
        if (closed_ || !is_full()) continue;
        parked = std::make_shared<Parked>();
        pushers_.push_back(parked);
      }
      co_await ParkAwaiter(parked, stop);
      forget(pushers_, parked);
    }
  }

  void close() {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    while (wake_one(poppers_)) {
    }
    while (wake_one(pushers_)) {
    }
  }

  bool is_closed() const {
    const std::lock_guard lock(mutex_);
    return closed_;
  }
  size_t size() const {
    const std::lock_guard lock(mutex_);
    return items_.size();
  }
  size_t capacity() const { return capacity_; }

 private:
  static size_t weight_of(const T& value) {
    if constexpr (requires { value.weight(); }) {
      return value.weight();
    } else {
      return 0;
    }
  }
  bool is_full() const { return items_.size() >= capacity_ || weight_ >= weight_max_; }

  using Waiters = std::deque<std::shared_ptr<Parked>>;

  // One that was woken by its stop in the same instant does not count: the next one gets the turn.
  static bool wake_one(Waiters& waiters) {
    while (!waiters.empty()) {
      const auto waiter = std::move(waiters.front());
      waiters.pop_front();
      if (waiter->wake()) return true;
    }
    return false;
  }

  void forget(Waiters& waiters, const std::shared_ptr<Parked>& waiter) {
    const std::lock_guard lock(mutex_);
    std::erase(waiters, waiter);
  }

  const size_t capacity_;
  const size_t weight_max_;
  size_t weight_ = 0;
  mutable std::mutex mutex_;
  std::deque<T> items_;
  Waiters poppers_;
  Waiters pushers_;
  bool closed_ = false;
};

}  // namespace compozy::io
