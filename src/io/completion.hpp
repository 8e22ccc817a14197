// SPDX-License-Identifier: Apache-2.0
//
// Completion<T>: one value, set once from any thread, awaited by one coroutine. The bridge from callbacks and threads
// into coroutines.
//
//   Completion<Result<Reply>> done;
//   engine.submit(command, [done](Result<Reply> reply) { done.set(std::move(reply)); });
//   CO_TRY(auto reply, co_await done.wait(stop));
//
// A handle: copies share the state. wait() gives Errc::cancelled when a stop is requested before the value arrives;
// a value that arrives later is dropped with the last handle. Event is the Completion that carries nothing.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <utility>
#include <variant>

#include "base/result.hpp"
#include "io/task.hpp"
#include "io/wait.hpp"

namespace compozy::io {

template <class T>
struct AsResult {
  using type = Result<T>;
};
template <class T>
struct AsResult<Result<T>> {
  using type = Result<T>;
};
template <class T>
using AsResultT = typename AsResult<T>::type;  // Result<T>, without wrapping a Result twice

inline Failure cancelled() { return fail(Errc::cancelled, "cancelled while waiting"); }

template <class T>
class Completion {
 public:
  Completion() : state_(std::make_shared<State>()) {}

  // False when it was set before; the first value stays.
  bool set(T value) const {
    std::shared_ptr<Parked> waiter;
    {
      const std::lock_guard lock(state_->mutex);
      if (state_->set) return false;
      state_->set = true;
      state_->value.emplace(std::move(value));
      waiter = std::move(state_->waiter);
    }
    if (waiter) waiter->wake();
    return true;
  }

  bool is_set() const {
    const std::lock_guard lock(state_->mutex);
    return state_->set;
  }

  Task<AsResultT<T>> wait(std::stop_token stop = {}) const { return wait_on(state_, std::move(stop)); }

 private:
  struct State {
    std::mutex mutex;
    bool set = false;
    std::optional<T> value;
    std::shared_ptr<Parked> waiter;
  };

  static Task<AsResultT<T>> wait_on(std::shared_ptr<State> state, std::stop_token stop) {
    std::shared_ptr<Parked> parked;
    {
      const std::lock_guard lock(state->mutex);
      if (!state->set) {
        ASSERT(!state->waiter);
        parked = std::make_shared<Parked>();
        state->waiter = parked;
      }
    }
    if (parked) co_await ParkAwaiter(parked, std::move(stop));
    const std::lock_guard lock(state->mutex);
    state->waiter = nullptr;
    if (!state->value) co_return cancelled();
    co_return *std::exchange(state->value, std::nullopt);
  }

  std::shared_ptr<State> state_;
};

using Event = Completion<std::monostate>;

}  // namespace compozy::io
