// SPDX-License-Identifier: Apache-2.0
#include "io/signal.hpp"

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>

#include "io/completion.hpp"
#include "io/operation.hpp"

namespace compozy::io {

namespace asio = boost::asio;

struct SignalWatcher::Impl {
  explicit Impl(Loop& loop) : set(loop.context()) {}
  asio::signal_set set;
};

SignalWatcher::SignalWatcher(Loop& loop, const std::vector<int>& signals) : impl_(std::make_unique<Impl>(loop)) {
  for (const int signal : signals) {
    boost::system::error_code outcome;
    impl_->set.add(signal, outcome);
    ASSERT(!outcome);
  }
}

SignalWatcher::~SignalWatcher() = default;

Task<Result<int>> SignalWatcher::wait(std::stop_token stop) {
  int received = 0;
  const auto outcome = co_await operation(stop, [this, &received](auto handler) {
    const auto slot = asio::get_associated_cancellation_slot(handler);
    auto keep = [handler = std::move(handler), &received](const boost::system::error_code& code, int signal) mutable {
      received = signal;
      handler(code);
    };
    impl_->set.async_wait(asio::bind_cancellation_slot(slot, std::move(keep)));
  });
  if (outcome) co_return cancelled();
  co_return received;
}

}  // namespace compozy::io
