// SPDX-License-Identifier: Apache-2.0
//
// Names to addresses, by the system's resolver (getaddrinfo: /etc/hosts, DNS, as nsswitch says).
//
// A lookup runs on a thread of its own, at most 32 at once, because the system offers no way to take one back: when its
// time is up, the waiting coroutine goes on and the thread ends when the resolver does.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <stop_token>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "io/loop.hpp"
#include "io/task.hpp"

namespace compozy::io {

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t length = 0;

  uint16_t port() const;
  std::string to_string() const;  // "127.0.0.1:80", "[::1]:80"
};

// At least one address, in the system's order of preference. Numeric addresses are answered at once.
Task<Result<std::vector<SocketAddress>>> resolve(Loop& loop, std::string host, uint16_t port, int64_t timeout_ms,
                                                 std::stop_token stop);
Result<std::vector<SocketAddress>> resolve_blocking(const std::string& host, uint16_t port);

}  // namespace compozy::io
