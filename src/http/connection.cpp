// SPDX-License-Identifier: Apache-2.0
#include "http/connection.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "base/clock.hpp"
#include "io/completion.hpp"
#include "io/stop.hpp"

namespace compozy::http {

namespace {

constexpr size_t kReadBytes = 16384;
constexpr size_t kAheadBytesMax = 64U << 10U;  // of further requests, kept while one is being answered
constexpr size_t kDrainBytesMax = 1U << 20U;
constexpr int64_t kDrainMs = 1'000;
constexpr int64_t kWriteMs = 30'000;  // for a buffered answer, and more for a large one:
constexpr int64_t kWriteBytesPerMs = 16;
constexpr size_t kSeparateBodyBytes = 64U << 10U;

class StreamBody final : public BodyWriter {
 public:
  StreamBody(Server::State& server, io::Stream& stream, Framing framing, std::stop_source gone)
      : server_(server), stream_(stream), framing_(framing), gone_(std::move(gone)) {}

  io::Task<Result<void>> write(std::string bytes) override {
    if (bytes.empty()) co_return {};  // an empty chunk would end the body
    if (framing_ == Framing::chunked) bytes = render_chunk(bytes);
    // A client that reads nothing for so long is gone as far as anybody can tell; what it missed it may ask for again.
    const io::Deadline deadline(server_.loop,
                                server_.options.stall_ms + static_cast<int64_t>(bytes.size()) / kWriteBytesPerMs,
                                server_.cutting.get_token());
    auto written = co_await stream_.write_all(bytes, deadline.token());
    if (!written && deadline.expired()) written = fail(Errc::closed, "the client does not read");
    if (!written) gone_.request_stop();
    co_return written;
  }
  std::stop_token stop() const override { return gone_.get_token(); }

 private:
  Server::State& server_;
  io::Stream& stream_;
  Framing framing_;
  std::stop_source gone_;
};

int status_of(const Error& error, bool in_header) {
  switch (error.code) {
    case Errc::too_large: return in_header ? 431 : 413;
    case Errc::timeout: return 408;
    case Errc::limit_exceeded: return 503;
    default: return 400;
  }
}

}  // namespace

Connection::Connection(Server::State& server, std::unique_ptr<io::Stream> stream)
    : server_(server),
      stream_(std::move(stream)),
      deadline_(server.loop, server.options.header_timeout_ms, server.cutting.get_token()) {
  server_.connections.insert(this);
}

Connection::~Connection() {
  server_.connections.erase(this);
  if (given_up_) --server_.leaving;
}

io::Task<void> Connection::run() {
  while (!server_.draining.stop_requested()) {
    const bool again = co_await serve_one();
    if (!again) break;
  }
  stream_->close();
}

// Gives cancelled when the deadline or the server's end came first.
io::Task<Result<size_t>> Connection::read_more() {
  std::array<char, kReadBytes> chunk;
  CO_TRY(const size_t n, co_await stream_->read_some(chunk, deadline_.token()));
  in_.append(chunk.data(), n);
  co_return n;
}

// False when the client closed, or sent nothing in time, before a request began.
io::Task<Result<bool>> Connection::read_header(RequestParser& parser) {
  for (;;) {
    CO_TRY(const size_t consumed, parser.feed(in_));
    in_.erase(0, consumed);
    if (parser.has_header()) co_return true;
    if (idle_ && !in_.empty()) {
      idle_ = false;
      deadline_.restart(server_.options.header_timeout_ms);
    }
    const auto n = co_await read_more();
    if (n && *n > 0) continue;
    if (idle_ || (n && *n == 0)) co_return false;
    if (!deadline_.expired()) co_return false;
    co_return fail(Errc::timeout, "the request's header did not arrive within " +
                                      std::to_string(server_.options.header_timeout_ms) + " ms");
  }
}

io::Task<Result<void>> Connection::read_body(RequestParser& parser) {
  const int64_t begun_us = system_clock().monotonic_us();
  for (;;) {
    CO_TRY(const size_t consumed, parser.feed(in_));
    in_.erase(0, consumed);
    if (parser.is_done()) co_return {};
    const int64_t left_ms = server_.options.body_total_ms - (system_clock().monotonic_us() - begun_us) / 1'000;
    if (left_ms <= 0) {
      co_return fail(Errc::timeout, "the request's body did not arrive within " +
                                        std::to_string(server_.options.body_total_ms) + " ms");
    }
    deadline_.restart(std::min(server_.options.body_timeout_ms, left_ms));
    const auto n = co_await read_more();
    if (n && *n > 0) {
      held_ += *n;
      server_.body_bytes += *n;
      if (server_.body_bytes <= server_.options.body_bytes_max) continue;
      co_return fail(Errc::limit_exceeded, "requests that are being sent hold more than " +
                                               std::to_string(server_.options.body_bytes_max) + " bytes together");
    }
    if (n || !deadline_.expired()) co_return fail(Errc::closed, "the client left in the middle of its request");
    co_return fail(Errc::timeout, "the request's body paused for more than " +
                                      std::to_string(server_.options.body_timeout_ms) + " ms");
  }
}

io::Task<bool> Connection::serve_one() {
  RequestParser parser(server_.options.header_bytes_max);
  Exchanged about;
  about.exchange.peer = stream_->peer();
  idle_ = in_.empty();
  awaits_header_ = !given_up_;
  waiting_since_us_ = system_clock().monotonic_us();
  deadline_.restart(idle_ ? server_.options.idle_timeout_ms : server_.options.header_timeout_ms);
  auto header = co_await read_header(parser);
  idle_ = false;
  awaits_header_ = false;
  about.start_us = system_clock().monotonic_us();
  if (!header) {
    co_await refuse(status_of(header.error(), true), header.error(), std::move(about));
    co_return false;
  }
  if (!*header) co_return false;

  Request& head = parser.request();
  auto match = server_.router.match(head.method, head.path);
  about.exchange.method = head.method;
  about.exchange.path = head.path;
  about.is_head = head.method == "HEAD";
  about.is_http_1_0 = head.version_minor == 0;
  about.keep_alive = parser.keeps_alive() && !about.is_http_1_0;
  if (match.route == nullptr) {
    const bool known = !match.allow.empty();
    const Error error{.code = known ? Errc::unsupported : Errc::not_found,
                      .message = known ? head.path + " has no " + head.method + "; it has " + match.allow
                                       : "there is nothing at " + head.path};
    Response response = server_.refusal(known ? 405 : 404, error);
    if (known) response.headers.set("Allow", match.allow);
    co_return co_await send_early(std::move(response), std::move(about), parser.is_done());
  }

  about.exchange.pattern = match.route->pattern;
  if (match.route->options.admit) {
    if (auto answer = match.route->options.admit(head))
      co_return co_await send_early(*std::move(answer), std::move(about), parser.is_done());
  }
  parser.limit_body(match.route->options.body_bytes_max);
  if (!parser.is_done()) {
    auto body = parser.feed({});
    if (body && parser.expects_continue() && in_.empty()) {
      const auto invited = co_await stream_->write_all("HTTP/1.1 100 Continue\r\n\r\n", deadline_.token());
      if (!invited) co_return false;
    }
    Result<void> whole = body ? co_await read_body(parser) : Result<void>(fail(std::move(body).error()));
    server_.body_bytes -= std::exchange(held_, 0);
    if (!whole) {
      co_await refuse(status_of(whole.error(), false), whole.error(), std::move(about));
      co_return false;
    }
  }
  Request request = std::move(parser.request());
  request.peer = stream_->peer();
  request.params = std::move(match.params);
  co_return co_await answer(std::move(request), *match.route, std::move(about));
}

io::Task<bool> Connection::answer(Request request, const Route& route, Exchanged about) {
  if (!route.options.watch_client) {
    request.stop = server_.cutting.get_token();
    co_return co_await send(co_await route.handler(std::move(request)), std::move(about));
  }
  const io::EitherStop stop(server_.cutting.get_token(), {});
  request.stop = stop.token();
  io::TaskScope watching(server_.loop);
  watching.spawn(watch(watching.token(), stop.source()));
  Response response = co_await route.handler(std::move(request));
  watching.stop();
  co_await watching.join();
  co_return co_await send(std::move(response), std::move(about));
}

io::Task<bool> Connection::send(Response response, Exchanged about) {
  about.exchange.status = response.status;
  about.keep_alive = about.keep_alive && !server_.draining.stop_requested();
  response.headers.add("Date", server_.date());
  Result<void> sent;
  bool again = about.keep_alive;
  if (response.stream_body && !about.is_head) {
    again = again && !about.is_http_1_0;
    sent = co_await send_stream(std::move(response), about);
  } else {
    const size_t length = response.body.size();
    std::string out =
        render_response_head(response, {.framing = response.stream_body ? Framing::chunked : Framing::length,
                                        .length = length,
                                        .keep_alive = about.keep_alive});
    const bool separate = length > kSeparateBodyBytes;
    if (!about.is_head && !separate) out += response.body;
    deadline_.restart(kWriteMs + static_cast<int64_t>(length) / kWriteBytesPerMs);
    sent = co_await stream_->write_all(out, deadline_.token());
    if (sent && separate && !about.is_head) sent = co_await stream_->write_all(response.body, deadline_.token());
  }
  if (server_.options.on_exchange) {
    about.exchange.duration_us = system_clock().monotonic_us() - about.start_us;
    server_.options.on_exchange(about.exchange);
  }
  co_return again&& sent.has_value();
}

// Answers what the header alone decides. A body that comes with it is not read, which ends the connection.
io::Task<bool> Connection::send_early(Response response, Exchanged about, bool is_whole) {
  about.keep_alive = about.keep_alive && is_whole;
  const bool again = co_await send(std::move(response), std::move(about));
  if (!again && !is_whole) co_await drain();
  co_return again;
}

io::Task<Result<void>> Connection::send_stream(Response response, Exchanged about) {
  const Framing framing = about.is_http_1_0 ? Framing::until_close : Framing::chunked;
  const std::string head = render_response_head(response, {.framing = framing, .keep_alive = about.keep_alive});
  CO_TRY(co_await stream_->write_all(head, server_.cutting.get_token()));
  const io::EitherStop stop(server_.draining.get_token(), server_.cutting.get_token());
  StreamBody body(server_, *stream_, framing, stop.source());
  io::TaskScope watching(server_.loop);
  watching.spawn(watch(watching.token(), stop.source()));
  auto outcome = co_await response.stream_body(body);
  watching.stop();
  co_await watching.join();
  // A body that failed is cut off without its last chunk: the client must not take it for complete.
  CO_TRY(std::move(outcome));
  if (framing == Framing::chunked) CO_TRY(co_await stream_->write_all(kLastChunk, server_.cutting.get_token()));
  co_return {};
}

// Reads while an answer is being made. What comes is kept for the next request. The end of the client's sending counts
// as its leaving, as it does in most servers: HTTP clients do not half-close.
io::Task<void> Connection::watch(std::stop_token stop, std::stop_source gone) {
  std::array<char, kReadBytes> chunk;
  while (in_.size() < kAheadBytesMax) {
    const auto n = co_await stream_->read_some(chunk, stop);
    if (n && *n > 0) {
      in_.append(chunk.data(), *n);
      continue;
    }
    if (n || n.error().code != Errc::cancelled) gone.request_stop();
    co_return;
  }
}

io::Task<void> Connection::refuse(int status, Error error, Exchanged about) {
  if (error.code == Errc::closed) co_return;
  about.keep_alive = false;
  co_await send(server_.refusal(status, error), std::move(about));
  co_await drain();
}

// Closing a socket with unread input makes the system reset it, and the client may lose the answer it was sent.
io::Task<void> Connection::drain() {
  static_cast<void>(co_await stream_->shutdown());
  deadline_.restart(kDrainMs);
  for (size_t drained = 0; drained < kDrainBytesMax;) {
    in_.clear();
    const auto n = co_await read_more();
    if (!n || *n == 0) co_return;
    drained += *n;
  }
}

}  // namespace compozy::http
