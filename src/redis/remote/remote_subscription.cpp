// SPDX-License-Identifier: Apache-2.0
#include "redis/remote/remote_subscription.hpp"

#include <algorithm>

#include "io/timer.hpp"
#include "redis/resp/reply_writer.hpp"

namespace compozy::redis {

RemoteSubscription::RemoteSubscription(io::Loop& loop, RemoteOptions options, std::vector<std::string> channels,
                                       std::vector<std::string> patterns, size_t buffer)
    : state_(std::make_shared<State>(loop, buffer)) {
  state_->options = std::move(options);
  state_->channels = std::move(channels);
  state_->patterns = std::move(patterns);
  io::spawn(loop, run(state_));
}

io::Task<Result<void>> RemoteSubscription::ready() { return state_->ready.wait(); }

io::Task<Result<Message>> RemoteSubscription::next(std::stop_token stop) {
  return state_->buffer.next(std::move(stop));
}

void RemoteSubscription::close() {
  state_->stop.request_stop();
  state_->buffer.close();
}

io::Task<void> RemoteSubscription::run(std::shared_ptr<State> state) {
  const std::stop_token stop = state->stop.get_token();
  int64_t backoff_ms = state->options.backoff_min_ms;
  while (!stop.stop_requested()) {
    const auto ended = co_await listen(state);
    if (stop.stop_requested()) co_return;
    // Before the first confirmation the subscriber is told; afterwards the subscription mends itself.
    if (state->ready.set(fail(ended ? Error{.code = Errc::closed, .message = "closed"} : ended.error()))) co_return;
    state->buffer.lost();
    if (!co_await io::sleep(state->loop, backoff_ms, stop)) co_return;
    backoff_ms = std::min(backoff_ms * 2, state->options.backoff_max_ms);
  }
}

io::Task<Result<void>> RemoteSubscription::listen(std::shared_ptr<State> state) {
  const std::stop_token stop = state->stop.get_token();
  CO_TRY(auto link, co_await Link::connect(state->loop, state->options, stop));
  std::string bytes;
  const auto add = [&bytes](std::string_view name, const std::vector<std::string>& args) {
    if (args.empty()) return;
    std::vector<std::string_view> command{name};
    command.insert(command.end(), args.begin(), args.end());
    append_command(bytes, command);
  };
  add("SUBSCRIBE", state->channels);
  add("PSUBSCRIBE", state->patterns);
  CO_TRY(co_await link->send(std::move(bytes), stop));
  size_t missing = state->channels.size() + state->patterns.size();
  while (true) {
    CO_TRY(Reply reply, co_await link->receive(stop));
    if (reply.is_error()) co_return reply.to_failure();
    if (auto message = message_of(reply)) {
      state->buffer.push(*std::move(message));
    } else if (missing > 0 && --missing == 0) {
      state->ready.set({});
    }
  }
}

}  // namespace compozy::redis
