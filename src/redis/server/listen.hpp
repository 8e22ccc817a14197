// SPDX-License-Identifier: Apache-2.0
//
// Listening sockets of the RESP server, non-blocking. redis/server has its own poller instead of io::Stream: one gate
// entry serves all sockets of a turn.
#pragma once

#include <cstdint>
#include <string>

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
Result<Fd> listen_on_unix(const std::string& path);
Result<Fd> listen_on_tcp(const std::string& address, uint16_t port);
uint16_t bound_port(const Fd& listener);

}  // namespace compozy::redis
