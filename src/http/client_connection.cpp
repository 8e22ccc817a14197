// SPDX-License-Identifier: Apache-2.0
#include "http/client_connection.hpp"

#include <array>

#include "base/clock.hpp"
#include "base/text.hpp"
#include "http/codec.hpp"
#include "io/timer.hpp"

namespace compozy::http {

bool ConnectionPool::is_proxied(const Url& url) const {
  if (options_.http_proxy.empty()) return false;
  for (const auto& entry : options_.no_proxy) {
    const auto domain = entry.starts_with('.') ? entry.substr(1) : entry;
    if (domain == "*" || url.host == domain || url.host.ends_with("." + domain)) return false;
  }
  return true;
}

io::Task<Result<ConnectionPool::Lease>> ConnectionPool::get(Url url, int64_t timeout_ms, std::stop_token stop) {
  auto& kept = idle_[url.origin()];
  const int64_t now_us = system_clock().monotonic_us();
  while (!kept.empty()) {
    Idle idle = std::move(kept.back());
    kept.pop_back();
    const bool fresh = now_us - idle.since_us < options_.idle_ms * 1000;
    if (fresh && !idle.stream->is_stale()) co_return Lease{.stream = std::move(idle.stream), .is_reused = true};
  }
  co_return co_await open(std::move(url), timeout_ms, std::move(stop));
}

io::Task<Result<ConnectionPool::Lease>> ConnectionPool::open(Url url, int64_t timeout_ms, std::stop_token stop) {
  const auto work = [&](std::stop_token token) { return connect(url, timeout_ms, std::move(token)); };
  CO_TRY(auto stream, co_await io::with_timeout(loop_, timeout_ms, "connecting to '" + url.host + "'", stop, work));
  co_return Lease{.stream = std::move(stream), .is_reused = false};
}

io::Task<Result<std::unique_ptr<io::Stream>>> ConnectionPool::connect(Url url, int64_t timeout_ms,
                                                                      std::stop_token stop) {
  std::unique_ptr<io::Stream> stream;
  if (!options_.unix_socket.empty()) {
    CO_TRY(stream, co_await io::connect_unix(loop_, options_.unix_socket, stop));
  } else if (is_proxied(url)) {
    CO_TRY(const Url proxy, parse_url(options_.http_proxy));
    CO_TRY(stream, co_await io::connect_tcp(loop_, proxy.host, proxy.port, {.timeout_ms = timeout_ms}, stop));
    if (url.is_tls) CO_TRY(co_await tunnel(*stream, url, stop));
  } else {
    CO_TRY(stream, co_await io::connect_tcp(loop_, url.host, url.port, {.timeout_ms = timeout_ms}, stop));
  }
  if (!url.is_tls) co_return stream;
  CO_TRY(const auto context, tls());
  co_return co_await io::tls_connect(std::move(stream), context, url.host, stop);
}

io::Task<Result<void>> ConnectionPool::tunnel(io::Stream& proxy, Url url, std::stop_token stop) {
  const std::string target = url.host + ":" + std::to_string(url.port);
  const Headers headers{{"Host", target}};
  CO_TRY(co_await proxy.write_all(render_request_head("CONNECT", target, headers), stop));
  ResponseParser parser(options_.header_bytes_max, true);
  std::string in;
  std::array<char, 4096> chunk;
  while (!parser.has_header()) {
    CO_TRY(const size_t n, co_await proxy.read_some(chunk, stop));
    if (n == 0) CO_TRY(parser.feed_end());
    in.append(chunk.data(), n);
    CO_TRY(const size_t consumed, parser.feed(in));
    in.erase(0, consumed);
  }
  if (parser.status() / 100 == 2) co_return {};
  co_return fail(Errc::unavailable, "the proxy '" + options_.http_proxy + "' refuses to connect to '" + target +
                                        "': status " + std::to_string(parser.status()));
}

Result<io::TlsContext> ConnectionPool::tls() {
  if (!tls_) {
    TRY(auto context, io::TlsContext::client(options_.ca_file));
    tls_ = std::move(context);
  }
  return *tls_;
}

void ConnectionPool::give_back(const Url& url, std::unique_ptr<io::Stream> stream) {
  auto& kept = idle_[url.origin()];
  kept.push_back({.stream = std::move(stream), .since_us = system_clock().monotonic_us()});
  if (kept.size() > options_.idle_connections_max) kept.pop_front();
}

}  // namespace compozy::http
