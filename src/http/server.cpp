// SPDX-License-Identifier: Apache-2.0
#include "http/server.hpp"

#include "base/clock.hpp"
#include "http/connection.hpp"
#include "io/completion.hpp"
#include "observe/log.hpp"

namespace compozy::http {

namespace {

constexpr int64_t kAcceptPauseMs = 100;  // after an error such as "too many open files"
constexpr int64_t kWarnEveryMs = 10'000;

io::Task<void> serve(Server::State& server, std::unique_ptr<io::Stream> stream) {
  Connection connection(server, std::move(stream));
  co_await connection.run();
}

io::Task<void> turn_away(Server::State& server, std::unique_ptr<io::Stream> stream) {
  const Error error{
      .code = Errc::limit_exceeded,
      .message = "the server has " + std::to_string(server.options.connections_max) + " connections, its limit"};
  const Response response = server.refusal(503, error);
  // It fits into the empty buffer of a new socket, so nobody has to wait.
  static_cast<void>(co_await stream->write_all(
      render_response_head(response, {.length = response.body.size(), .keep_alive = false}) + response.body,
      server.cutting.get_token()));
}

// Makes room by closing the connection that has waited longest without a request: a crowd of those that say nothing, or
// say it very slowly, must not keep out who has something to ask.
bool give_up_one(Server::State& server) {
  Connection* longest = nullptr;
  for (Connection* connection : server.connections) {
    if (!connection->awaits_header()) continue;
    if (longest == nullptr || connection->waiting_since_us() < longest->waiting_since_us()) longest = connection;
  }
  if (longest == nullptr) return false;
  longest->give_up();
  return true;
}

io::Task<void> accept_all(Server::State& server, io::Listener& listener) {
  for (;;) {
    auto stream = co_await listener.accept(server.draining.get_token());
    if (stream &&
        (server.connections.size() - server.leaving < server.options.connections_max || give_up_one(server))) {
      server.serving.spawn(serve(server, *std::move(stream)));
    } else if (stream) {
      co_await turn_away(server, *std::move(stream));
    } else if (stream.error().code == Errc::closed || stream.error().code == Errc::cancelled) {
      co_return;
    } else {
      // Descriptors have run out: one that asks nothing gives its own back.
      if (stream.error().code == Errc::limit_exceeded) static_cast<void>(give_up_one(server));
      server.warn_rarely(stream.error());
      static_cast<void>(co_await io::sleep(server.loop, kAcceptPauseMs, server.draining.get_token()));
    }
  }
}

}  // namespace

Server::State::State(io::Loop& l, Router r, ServerOptions o)
    : loop(l), router(std::move(r)), options(std::move(o)), acceptors(l), serving(l) {}

Response Server::State::refusal(int status, const Error& error) const {
  return options.render_error ? options.render_error(status, error) : Response::text(status, error.message + "\n");
}

void Server::State::warn_rarely(const Error& error) {
  const int64_t now_ms = system_clock().monotonic_us() / 1'000;
  if (warned_ms_ != 0 && now_ms - warned_ms_ < kWarnEveryMs) return;
  warned_ms_ = now_ms;
  log::warn("cannot accept connections", {{"reason", error.message}});
}

const std::string& Server::State::date() {
  const int64_t now_ms = system_clock().wall_ms();
  if (now_ms / 1000 != date_second_) {
    date_second_ = now_ms / 1000;
    date_ = format_http_date(now_ms);
  }
  return date_;
}

Server::Server(io::Loop& loop, Router router, ServerOptions options)
    : state_(std::make_unique<State>(loop, std::move(router), std::move(options))) {}

Server::~Server() = default;

void Server::listen(std::unique_ptr<io::Listener> listener) {
  state_->listeners.push_back(std::move(listener));
  state_->acceptors.spawn(accept_all(*state_, *state_->listeners.back()));
}

size_t Server::connection_count() const { return state_->connections.size(); }

io::Task<void> Server::stop(int64_t grace_ms) {
  State& state = *state_;
  for (const auto& listener : state.listeners) listener->close();
  state.draining.request_stop();
  co_await state.acceptors.join();
  for (Connection* connection : state.connections) {
    if (connection->is_idle()) connection->close();
  }
  io::Timer cut(state.loop);
  cut.start(grace_ms, [&state] {
    state.cutting.request_stop();
    for (Connection* connection : state.connections) connection->close();
  });
  co_await state.serving.join();
}

}  // namespace compozy::http
