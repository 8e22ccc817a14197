// SPDX-License-Identifier: Apache-2.0
#include "io/timer.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <mutex>
#include <optional>

#include "io/completion.hpp"
#include "io/operation.hpp"
#include "io/virtual_time.hpp"

namespace compozy::io {

namespace asio = boost::asio;

Task<Result<void>> sleep(Loop& loop, int64_t ms, std::stop_token stop) {
  ASSERT(loop.in_loop_thread());
  if (loop.virtual_time() != nullptr) {
    const Event due;
    Timer timer(loop);
    timer.start(ms, [due] { due.set({}); });
    CO_TRY(co_await due.wait(std::move(stop)));
    co_return {};
  }
  asio::steady_timer timer(loop.context(), std::chrono::milliseconds(ms));
  const auto outcome =
      co_await operation(std::move(stop), [&timer](auto handler) { timer.async_wait(std::move(handler)); });
  if (outcome) co_return cancelled();
  co_return {};
}

struct Timer::State {
  explicit State(Loop& loop) : time(loop.virtual_time()) {
    if (time == nullptr) timer.emplace(loop.context());
  }
  VirtualTime* time;
  VirtualTime::Ticket ticket;
  std::optional<asio::steady_timer> timer;
  std::move_only_function<void()> call;
  uint64_t generation = 0;  // a handler that was already queued when the timer was restarted does nothing
};

Timer::Timer(Loop& loop) : state_(std::make_shared<State>(loop)) {}

Timer::~Timer() { cancel(); }

void Timer::start(int64_t ms, std::move_only_function<void()> call) {
  const uint64_t generation = ++state_->generation;
  state_->call = std::move(call);
  if (state_->time != nullptr) {
    state_->time->cancel(state_->ticket);
    state_->ticket = state_->time->call_in(ms * 1'000, [weak = std::weak_ptr(state_)] {
      if (const auto state = weak.lock()) std::exchange(state->call, nullptr)();
    });
    return;
  }
  state_->timer->expires_after(std::chrono::milliseconds(ms));
  state_->timer->async_wait([weak = std::weak_ptr(state_), generation](const boost::system::error_code& outcome) {
    const auto state = weak.lock();
    if (outcome || !state || state->generation != generation) return;
    // Moved out, because the call may start or destroy this timer.
    auto due = std::move(state->call);
    due();
  });
}

void Timer::cancel() {
  ++state_->generation;
  if (state_->time != nullptr) {
    state_->time->cancel(state_->ticket);
  } else {
    state_->timer->cancel();
  }
  state_->call = nullptr;
}

// The parent's stop may come from any thread; all else happens on the loop.
struct Deadline::State {
  std::mutex mutex;
  std::stop_source source;
  bool expired = false;
  bool parent_stopped = false;

  std::stop_source current() {
    const std::lock_guard lock(mutex);
    return source;
  }
};

void Deadline::Link::operator()() const {
  {
    const std::lock_guard lock(state->mutex);
    state->parent_stopped = true;
  }
  state->current().request_stop();
}

Deadline::Deadline(Loop& loop, int64_t ms, const std::stop_token& parent)
    : state_(std::make_shared<State>()), timer_(loop), on_parent_(parent, Link{state_}) {
  restart(ms);
}

void Deadline::restart(int64_t ms) {
  {
    const std::lock_guard lock(state_->mutex);
    if (state_->parent_stopped) return;
    if (state_->expired) state_->source = std::stop_source();
    state_->expired = false;
  }
  timer_.start(ms, [state = state_] {
    auto source = state->current();
    {
      const std::lock_guard lock(state->mutex);
      if (state->parent_stopped) return;
      state->expired = true;
    }
    source.request_stop();
  });
}

bool Deadline::expired() const {
  const std::lock_guard lock(state_->mutex);
  return state_->expired;
}

std::stop_token Deadline::token() const { return state_->current().get_token(); }

}  // namespace compozy::io
