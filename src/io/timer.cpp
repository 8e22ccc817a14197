// SPDX-License-Identifier: Apache-2.0
#include "io/timer.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>

#include "io/completion.hpp"
#include "io/operation.hpp"

namespace compozy::io {

namespace asio = boost::asio;

Task<Result<void>> sleep(Loop& loop, int64_t ms, std::stop_token stop) {
  ASSERT(loop.in_loop_thread());
  asio::steady_timer timer(loop.context(), std::chrono::milliseconds(ms));
  const auto outcome =
      co_await operation(std::move(stop), [&timer](auto handler) { timer.async_wait(std::move(handler)); });
  if (outcome) co_return cancelled();
  co_return {};
}

struct Timer::State {
  explicit State(Loop& loop) : timer(loop.context()) {}
  asio::steady_timer timer;
  std::move_only_function<void()> call;
  uint64_t generation = 0;  // a handler that was already queued when the timer was restarted does nothing
};

Timer::Timer(Loop& loop) : state_(std::make_shared<State>(loop)) {}

Timer::~Timer() { cancel(); }

void Timer::start(int64_t ms, std::move_only_function<void()> call) {
  const uint64_t generation = ++state_->generation;
  state_->call = std::move(call);
  state_->timer.expires_after(std::chrono::milliseconds(ms));
  state_->timer.async_wait([weak = std::weak_ptr(state_), generation](const boost::system::error_code& outcome) {
    const auto state = weak.lock();
    if (outcome || !state || state->generation != generation) return;
    // Moved out, because the call may start or destroy this timer.
    auto due = std::move(state->call);
    due();
  });
}

void Timer::cancel() {
  ++state_->generation;
  state_->timer.cancel();
  state_->call = nullptr;
}

Deadline::Deadline(Loop& loop, int64_t ms, const std::stop_token& parent)
    : source_(std::make_shared<std::stop_source>()),
      expired_(std::make_shared<bool>(false)),
      timer_(loop),
      on_parent_(parent, Link{source_}) {
  restart(ms);
}

void Deadline::restart(int64_t ms) {
  timer_.start(ms, [source = source_, expired = expired_] {
    if (source->stop_requested()) return;
    *expired = true;
    source->request_stop();
  });
}

bool Deadline::expired() const { return *expired_; }

}  // namespace compozy::io
