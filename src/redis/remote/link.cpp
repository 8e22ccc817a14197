// SPDX-License-Identifier: Apache-2.0
#include "redis/remote/link.hpp"

#include "io/timer.hpp"
#include "redis/resp/reply_writer.hpp"

namespace compozy::redis {

std::string RemoteOptions::address() const {
  return unix_socket.empty() ? host + ":" + std::to_string(port) : unix_socket;
}

io::Task<Result<void>> Link::send(std::string bytes, std::stop_token stop) {
  co_return co_await stream_->write_all(bytes, stop);
}

io::Task<Result<Reply>> Link::receive(std::stop_token stop) {
  while (true) {
    CO_TRY(auto reply, parser_.next());
    if (reply) co_return *std::move(reply);
    CO_TRY(const size_t size, co_await stream_->read_some(part_, stop));
    if (size == 0) co_return fail(Errc::closed, "the Redis at " + address_ + " closed the connection");
    parser_.feed({part_.data(), size});
  }
}

io::Task<Result<Reply>> Link::exchange(std::vector<std::string> command, std::stop_token stop) {
  std::string bytes;
  append_command(bytes, command);
  CO_TRY(co_await send(std::move(bytes), stop));
  co_return co_await receive(stop);
}

io::Task<Result<void>> Link::greet(Link& link, RemoteOptions options, std::stop_token stop) {
  std::vector<std::string> hello{"HELLO", "3"};
  if (!options.password.empty()) hello.insert(hello.end(), {"AUTH", options.user, options.password});
  CO_TRY(auto answer, co_await link.exchange(std::move(hello), stop));
  if (answer.is_error()) {
    // A server before version 6 knows neither HELLO nor users.
    const bool old = answer.error_code() == "NOPROTO" || answer.text.contains("unknown command");
    if (!old) co_return answer.to_failure();
    if (!options.password.empty()) {
      std::vector<std::string> auth{"AUTH"};
      if (options.user != "default") auth.push_back(options.user);
      auth.push_back(options.password);
      CO_TRY(auto authenticated, co_await link.exchange(std::move(auth), stop));
      if (authenticated.is_error()) co_return authenticated.to_failure();
    }
  }
  if (options.database != 0) {
    CO_TRY(auto selected, co_await link.exchange({"SELECT", std::to_string(options.database)}, stop));
    if (selected.is_error()) co_return selected.to_failure();
  }
  CO_TRY(co_await link.exchange({"CLIENT", "SETNAME", options.name}, stop));
  co_return Result<void>{};
}

io::Task<Result<std::unique_ptr<Link>>> Link::connect(io::Loop& loop, RemoteOptions options, std::stop_token stop) {
  const io::Deadline deadline(loop, options.connect_timeout_ms, stop);
  std::unique_ptr<io::Stream> stream;
  if (options.unix_socket.empty()) {
    CO_TRY(stream, co_await io::connect_tcp(loop, options.host, options.port,
                                            {.timeout_ms = options.connect_timeout_ms}, deadline.token()));
  } else {
    CO_TRY(stream, co_await io::connect_unix(loop, options.unix_socket, deadline.token()));
  }
  std::unique_ptr<Link> link(new Link(std::move(stream), options.address()));
  const auto greeted = co_await greet(*link, options, deadline.token());
  if (!greeted && deadline.expired()) {
    co_return fail(Errc::timeout, "the Redis at " + options.address() + " did not answer within " +
                                      std::to_string(options.connect_timeout_ms) + " ms");
  }
  CO_TRY(greeted);
  co_return link;
}

}  // namespace compozy::redis
