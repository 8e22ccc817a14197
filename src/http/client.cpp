// SPDX-License-Identifier: Apache-2.0
#include "http/client.hpp"

#include <array>

#include "base/text.hpp"
#include "http/client_connection.hpp"
#include "http/codec.hpp"
#include "http/url.hpp"
#include "io/completion.hpp"
#include "io/stop.hpp"
#include "io/timer.hpp"

namespace compozy::http {

struct Client::State {
  State(io::Loop& loop, ClientOptions options) : pool(loop, std::move(options)) {}
  ConnectionPool pool;
};

namespace {

constexpr size_t kReadBytes = 16384;

bool is_repeatable(const ClientRequest& request) {
  for (const auto method : {"GET", "HEAD", "PUT", "DELETE", "OPTIONS"}) {
    if (request.method == method) return true;
  }
  return request.headers.has("Idempotency-Key");
}

std::string render(const ClientRequest& request, const Url& url, bool absolute) {
  Headers headers = request.headers;
  headers.set("Host", url.authority());
  if (!headers.has("User-Agent")) headers.add("User-Agent", "compozy");
  if (!headers.has("Accept")) headers.add("Accept", "*/*");
  const bool may_have_body = request.method == "POST" || request.method == "PUT" || request.method == "PATCH";
  if (!request.body.empty() || may_have_body) headers.set("Content-Length", std::to_string(request.body.size()));
  return render_request_head(request.method, absolute ? url.to_string() : url.target, headers) + request.body;
}

class OpenStream final : public ResponseStream {
 public:
  OpenStream(std::shared_ptr<Client::State> client, Url url, std::unique_ptr<io::Stream> stream, bool answers_head)
      : client_(std::move(client)),
        url_(std::move(url)),
        stream_(std::move(stream)),
        parser_(client_->pool.options().header_bytes_max, answers_head),
        answers_head_(answers_head) {}
  ~OpenStream() override {
    if (stream_ && parser_.is_done() && parser_.keeps_alive() && in_.empty()) {
      client_->pool.give_back(url_, std::move(stream_));
    }
  }

  // Sends the request and reads to the end of the answer's header.
  io::Task<Result<void>> exchange(std::string request, std::stop_token stop) {
    const auto written = co_await stream_->write_all(request, stop);
    // A server that refuses early answers and closes while we still write: its answer says more than our error.
    if (!written && written.error().code != Errc::closed) co_return written;
    for (;;) {
      while (!parser_.has_header()) {
        auto more = co_await read_more(stop);
        if (!more && !written) co_return written;
        CO_TRY(std::move(more));
      }
      const bool interim = parser_.status() / 100 == 1;
      if (!interim) co_return {};
      parser_ = ResponseParser(client_->pool.options().header_bytes_max, answers_head_);
      CO_TRY(feed());
    }
  }

  int status() const override { return parser_.status(); }
  const Headers& headers() const override { return parser_.headers(); }
  bool received_nothing() const { return !received_; }

  io::Task<Result<std::string>> read_body_chunk(std::stop_token stop) override {
    const io::EitherStop either(stop, total_ ? total_->token() : std::stop_token());
    for (;;) {
      std::string piece = parser_.take_body();
      if (!piece.empty() || parser_.is_done()) co_return piece;
      auto more = co_await read_more(either.token());
      if (!more && more.error().code == Errc::cancelled && total_ && total_->expired()) {
        co_return fail(Errc::timeout, "the answer of '" + url_.host + "' was not complete in time");
      }
      CO_TRY(std::move(more));
    }
  }

  void limit_total(std::unique_ptr<io::Deadline> total) { total_ = std::move(total); }

 private:
  Result<void> feed() {
    if (parser_.is_done()) return {};
    TRY(const size_t consumed, parser_.feed(in_));
    in_.erase(0, consumed);
    return {};
  }

  io::Task<Result<void>> read_more(std::stop_token stop) {
    std::array<char, kReadBytes> chunk;
    CO_TRY(const size_t n, co_await stream_->read_some(chunk, stop));
    if (n == 0) {
      auto ended = parser_.feed_end();
      if (!ended) co_return fail(std::move(ended).error().with_context("'" + url_.host + "'"));
      co_return {};
    }
    received_ = true;
    in_.append(chunk.data(), n);
    auto fed = feed();
    if (!fed) co_return fail(std::move(fed).error().with_context("'" + url_.host + "'"));
    co_return {};
  }

  std::shared_ptr<Client::State> client_;
  Url url_;
  std::unique_ptr<io::Stream> stream_;
  ResponseParser parser_;
  const bool answers_head_;
  std::string in_;
  bool received_ = false;
  std::unique_ptr<io::Deadline> total_;
};

io::Task<Result<std::unique_ptr<OpenStream>>> attempt(std::shared_ptr<Client::State> state,
                                                      const ClientRequest& request, Url url, bool must_be_new,
                                                      std::stop_token stop, bool& dead) {
  auto& pool = state->pool;
  ConnectionPool::Lease lease;
  if (must_be_new) {
    CO_TRY(lease, co_await pool.open(url, request.connect_timeout_ms, stop));
  } else {
    CO_TRY(lease, co_await pool.get(url, request.connect_timeout_ms, stop));
  }
  auto stream = std::make_unique<OpenStream>(state, url, std::move(lease.stream), request.method == "HEAD");
  const std::string bytes = render(request, url, pool.is_proxied(url) && !url.is_tls);
  const auto exchange = [&](std::stop_token token) { return stream->exchange(bytes, std::move(token)); };
  auto outcome = co_await io::with_timeout(pool.loop(), request.first_byte_timeout_ms,
                                           "waiting for the answer of '" + url.host + "'", stop, exchange);
  if (outcome) co_return stream;
  dead = lease.is_reused && outcome.error().code == Errc::closed && stream->received_nothing();
  co_return fail(std::move(outcome).error());
}

io::Task<Result<std::unique_ptr<OpenStream>>> open_once(std::shared_ptr<Client::State> state,
                                                        const ClientRequest& request, Url url, std::stop_token stop) {
  bool dead = false;
  auto stream = co_await attempt(state, request, url, false, stop, dead);
  if (stream || !dead || !is_repeatable(request)) co_return stream;
  state->pool.forget(url);
  co_return co_await attempt(state, request, url, true, stop, dead);
}

bool is_redirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

// What the next request is, after a redirect (RFC 9110, 15.4).
Result<Url> follow(ClientRequest& request, const Url& from, const ResponseStream& answer) {
  const auto location = answer.headers().get("Location");
  if (!location) return fail(Errc::parse_error, "'" + from.host + "' redirects without a Location");
  TRY(auto to, resolve_url(from, *location));
  if (to.origin() != from.origin()) {
    for (const auto secret : {"Authorization", "Cookie", "Proxy-Authorization"}) request.headers.remove(secret);
  }
  const bool to_get = answer.status() == 303 || (answer.status() < 303 && request.method == "POST");
  if (to_get && request.method != "HEAD") {
    request.method = "GET";
    request.body.clear();
    request.headers.remove("Content-Type");
  }
  return to;
}

}  // namespace

io::Task<Result<std::string>> ResponseStream::read_all(uint64_t bytes_max, std::stop_token stop) {
  std::string body;
  for (;;) {
    CO_TRY(const std::string piece, co_await read_body_chunk(stop));
    if (piece.empty()) co_return body;
    if (body.size() + piece.size() > bytes_max) {
      co_return fail(Errc::too_large, "the answer is larger than " + std::to_string(bytes_max) + " bytes");
    }
    body += piece;
  }
}

Client::Client(io::Loop& loop, ClientOptions options) : state_(std::make_shared<State>(loop, std::move(options))) {}

Client::~Client() = default;

io::Task<Result<std::unique_ptr<ResponseStream>>> Client::open(ClientRequest request, std::stop_token stop) {
  const auto state = state_;
  CO_TRY(Url url, parse_url(request.url));
  std::unique_ptr<io::Deadline> total;
  if (request.total_timeout_ms > 0) {
    total = std::make_unique<io::Deadline>(state->pool.loop(), request.total_timeout_ms);
  }
  const io::EitherStop either(stop, total ? total->token() : std::stop_token());
  for (int redirects = 0;; ++redirects) {
    auto stream = co_await open_once(state, request, url, either.token());
    if (!stream && stream.error().code == Errc::cancelled && total && total->expired()) {
      co_return fail(Errc::timeout,
                     "'" + url.host + "' did not answer within " + format_duration_ms(request.total_timeout_ms));
    }
    CO_TRY(auto answer, std::move(stream));
    if (!is_redirect(answer->status()) || request.redirects_max == 0) {
      answer->limit_total(std::move(total));
      co_return answer;
    }
    if (redirects == request.redirects_max) {
      co_return fail(Errc::limit_exceeded,
                     "'" + url.host + "' redirects more than " + std::to_string(request.redirects_max) + " times");
    }
    CO_TRY(url, follow(request, url, *answer));
  }
}

io::Task<Result<ClientResponse>> Client::send(ClientRequest request, std::stop_token stop) {
  const uint64_t bytes_max = request.body_bytes_max;
  CO_TRY(const auto stream, co_await open(std::move(request), stop));
  ClientResponse response{.status = stream->status(), .headers = stream->headers(), .body = {}};
  CO_TRY(response.body, co_await stream->read_all(bytes_max, stop));
  co_return response;
}

}  // namespace compozy::http
