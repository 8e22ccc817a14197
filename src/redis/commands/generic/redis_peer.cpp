// SPDX-License-Identifier: Apache-2.0
#include "redis/commands/generic/redis_peer.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <memory>
#include <utility>

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace compozy::redis {

namespace {

constexpr size_t kLineMax = 64UL * 1024;

using Addresses = std::unique_ptr<addrinfo, decltype(&freeaddrinfo)>;

Addresses resolve(const std::string& host, const char* port) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (::getaddrinfo(host.c_str(), port, &hints, &found) != 0) found = nullptr;
  return {found, freeaddrinfo};
}

bool bind_to(int fd, const std::string& source) {
  const Addresses local = resolve(source, nullptr);
  return local != nullptr && ::bind(fd, local->ai_addr, local->ai_addrlen) == 0;
}

}  // namespace

RedisPeer::~RedisPeer() { close(); }

void RedisPeer::close() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

bool RedisPeer::wait(short events, int64_t timeout_ms) {
  pollfd one{.fd = fd_, .events = events, .revents = 0};
  int ready = 0;
  do ready = ::poll(&one, 1, static_cast<int>(std::min<int64_t>(timeout_ms, INT_MAX)));
  while (ready < 0 && errno == EINTR);
  timed_out_ = ready == 0;
  return ready > 0;
}

bool RedisPeer::connect(const std::string& host, const std::string& port, int64_t timeout_ms,
                        const std::string& source) {
  timeout_ms_ = timeout_ms;
  const Addresses addresses = resolve(host, port.c_str());
  for (const addrinfo* one = addresses.get(); one != nullptr; one = one->ai_next) {
    close();
    fd_ = ::socket(one->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd_ < 0) continue;
    if (!source.empty() && !bind_to(fd_, source)) continue;
    const int on = 1;
    ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (::connect(fd_, one->ai_addr, one->ai_addrlen) == 0) return true;
    int problem = errno;
    if (problem != EINPROGRESS || !wait(POLLOUT, timeout_ms)) continue;
    socklen_t size = sizeof problem;
    if (::getsockopt(fd_, SOL_SOCKET, SO_ERROR, &problem, &size) == 0 && problem == 0) return true;
  }
  close();
  return false;
}

bool RedisPeer::write(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t size = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (size > 0) {
      bytes.remove_prefix(static_cast<size_t>(size));
    } else if (size < 0 && errno == EAGAIN) {
      if (!wait(POLLOUT, timeout_ms_)) return false;
    } else if (size == 0 || errno != EINTR) {
      return false;
    }
  }
  return true;
}

bool RedisPeer::read_some(std::string& bytes, int64_t timeout_ms) {
  if (!buffer_.empty()) {
    bytes += std::exchange(buffer_, {});
    return true;
  }
  std::array<char, 65536> part;
  while (true) {
    const ssize_t size = ::recv(fd_, part.data(), part.size(), 0);
    if (size > 0) {
      bytes.append(part.data(), static_cast<size_t>(size));
      return true;
    }
    timed_out_ = false;
    if (size == 0 || (errno != EAGAIN && errno != EINTR)) return false;
    if (errno == EAGAIN && !wait(POLLIN, timeout_ms)) return false;
  }
}

bool RedisPeer::read_line(std::string& line, int64_t timeout_ms) {
  std::string bytes = std::exchange(buffer_, {});
  while (true) {
    const size_t end = bytes.find('\n');
    if (end != std::string::npos) {
      line = bytes.substr(0, end);
      if (line.ends_with('\r')) line.pop_back();
      buffer_ = bytes.substr(end + 1);
      return true;
    }
    if (bytes.size() > kLineMax || !read_some(bytes, timeout_ms)) {
      buffer_ = std::move(bytes);  // The rest of it may come yet.
      return false;
    }
  }
}

}  // namespace compozy::redis
