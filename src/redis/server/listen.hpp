// SPDX-License-Identifier: Apache-2.0
//
// Listening sockets of the RESP server, non-blocking. redis/server has its own poller instead of io::Stream: one gate
// entry serves all sockets of a turn.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.hpp"

namespace compozy::redis {

// Owns a file descriptor.
class Fd {
 public:
  explicit Fd(int fd = -1) : fd_(fd) {}
  ~Fd() { reset(); }
  Fd(Fd&& other) noexcept : fd_(other.release()) {}
  Fd& operator=(Fd&& other) noexcept {
    reset(other.release());
    return *this;
  }
  int get() const { return fd_; }
  int release() {
    const int fd = fd_;
    fd_ = -1;
    return fd;
  }
  void reset(int fd = -1);

 private:
  int fd_;
};

// A socket file that is there already is replaced: the lock of the data directory says that nobody serves it.
Result<Fd> listen_on_unix(const std::string& path, uint32_t permissions = 0700, int backlog = 511);
Result<Fd> listen_on_tcp(const std::string& address, uint16_t port, int backlog = 511);
uint16_t bound_port(const Fd& listener);

// Listens on each address of a `bind` line: "*" is every IPv4 address, "::*" every IPv6 one; one that begins with "-"
// may be absent from this machine. An empty line means nowhere.
Result<std::vector<Fd>> listen_on_addresses(const std::string& bind, uint16_t port, int backlog);

}  // namespace compozy::redis
