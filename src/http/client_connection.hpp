// SPDX-License-Identifier: Apache-2.0
//
// ConnectionPool: the client's connections: opens them, directly or through a proxy, and keeps those that may be used
// again. Internal to http.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "http/client.hpp"
#include "http/url.hpp"
#include "io/stream.hpp"
#include "io/tls.hpp"

namespace compozy::http {

class ConnectionPool {
 public:
  ConnectionPool(io::Loop& loop, ClientOptions options) : loop_(loop), options_(std::move(options)) {}

  struct Lease {
    std::unique_ptr<io::Stream> stream;
    bool is_reused = false;
  };
  io::Task<Result<Lease>> get(Url url, int64_t timeout_ms, std::stop_token stop);
  io::Task<Result<Lease>> open(Url url, int64_t timeout_ms, std::stop_token stop);  // always a new one
  void give_back(const Url& url, std::unique_ptr<io::Stream> stream);
  void forget(const Url& url) { idle_.erase(url.origin()); }

  bool is_proxied(const Url& url) const;
  io::Loop& loop() const { return loop_; }
  const ClientOptions& options() const { return options_; }

 private:
  struct Idle {
    std::unique_ptr<io::Stream> stream;
    int64_t since_us;
  };
  io::Task<Result<std::unique_ptr<io::Stream>>> connect(Url url, int64_t timeout_ms, std::stop_token stop);
  io::Task<Result<void>> tunnel(io::Stream& proxy, Url url, std::stop_token stop);
  Result<io::TlsContext> tls();

  io::Loop& loop_;
  const ClientOptions options_;
  std::map<std::string, std::deque<Idle>> idle_;
  std::optional<io::TlsContext> tls_;
};

}  // namespace compozy::http
