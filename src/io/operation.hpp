// SPDX-License-Identifier: Apache-2.0
//
// Awaits one asynchronous operation of Asio. For io/'s own .cpp files only.
//
//   error_code ec = co_await operation(stop, [&](auto handler) { timer.async_wait(std::move(handler)); });
//
// A requested stop, from any thread, cancels this operation alone; the answer is then operation_aborted.
#pragma once

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/error.hpp>
#include <coroutine>
#include <memory>
#include <optional>
#include <stop_token>
#include <utility>

#include "io/loop.hpp"

namespace compozy::io {

template <class Start>
class Operation {
 public:
  Operation(std::stop_token stop, Start start) : stop_(std::move(stop)), start_(std::move(start)) {}
  Operation(const Operation&) = delete;
  Operation& operator=(const Operation&) = delete;

  bool await_ready() {
    if (stop_.stop_requested()) outcome_ = boost::asio::error::operation_aborted;
    return stop_.stop_requested();
  }

  void await_suspend(std::coroutine_handle<> handle) {
    if (!stop_.stop_possible()) {
      start_([this, handle](boost::system::error_code outcome) {
        outcome_ = outcome;
        handle.resume();
      });
      return;
    }
    Loop* const loop = Loop::current();
    ASSERT(loop != nullptr);
    const auto shared = std::make_shared<Shared>();
    start_(boost::asio::bind_cancellation_slot(shared->signal.slot(),
                                               [this, handle, shared](boost::system::error_code outcome) {
                                                 shared->ended = true;
                                                 outcome_ = outcome;
                                                 handle.resume();
                                               }));
    on_stop_.emplace(stop_, Cancel{loop, shared});
  }

  boost::system::error_code await_resume() {
    on_stop_.reset();
    return outcome_;
  }

 private:
  // `ended` is touched on the loop alone.
  struct Shared {
    boost::asio::cancellation_signal signal;
    bool ended = false;
  };
  struct Cancel {
    Loop* loop;
    std::shared_ptr<Shared> shared;
    void operator()() const {
      loop->post([shared = shared] {
        if (!shared->ended) shared->signal.emit(boost::asio::cancellation_type::terminal);
      });
    }
  };

  std::stop_token stop_;
  Start start_;
  boost::system::error_code outcome_;
  std::optional<std::stop_callback<Cancel>> on_stop_;
};

template <class Start>
Operation<Start> operation(std::stop_token stop, Start start) {
  return Operation<Start>(std::move(stop), std::move(start));
}

}  // namespace compozy::io
