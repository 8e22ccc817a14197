// SPDX-License-Identifier: Apache-2.0
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <cerrno>
#include <cstring>

#include "base/clock.hpp"
#include "io/completion.hpp"
#include "io/file.hpp"
#include "io/operation.hpp"
#include "io/resolve.hpp"
#include "io/stream.hpp"
#include "io/timer.hpp"

namespace compozy::io {

namespace asio = boost::asio;

namespace {

using WaitType = asio::posix::stream_descriptor::wait_type;

constexpr int kBacklog = 1024;

void set_option(int fd, int level, int name, int value) { ::setsockopt(fd, level, name, &value, sizeof(value)); }

std::string unix_name(const std::string& path) { return "unix:" + path; }

const sockaddr* as_sockaddr(const void* address) { return static_cast<const sockaddr*>(address); }

Result<sockaddr_un> unix_address(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof(address.sun_path)) {
    return fail(Errc::invalid_argument, "socket path '" + path + "' has " + std::to_string(path.size()) +
                                            " bytes; the system allows 1 to " +
                                            std::to_string(sizeof(address.sun_path) - 1));
  }
  std::memcpy(static_cast<char*>(address.sun_path), path.data(), path.size());
  return address;
}

std::string name_of_peer(const sockaddr_storage& address, const std::string& own_name) {
  if (address.ss_family != AF_INET && address.ss_family != AF_INET6) return own_name;
  SocketAddress peer;
  peer.storage = address;
  return peer.to_string();
}

class FdListener final : public Listener {
 public:
  FdListener(Loop& loop, Fd fd, std::string address, uint16_t port, std::string path)
      : loop_(loop), descriptor_(loop.context()), address_(std::move(address)), port_(port), path_(std::move(path)) {
    boost::system::error_code ignored;
    descriptor_.assign(fd.release(), ignored);
  }
  ~FdListener() override { close(); }

  Task<Result<std::unique_ptr<Stream>>> accept(std::stop_token stop) override {
    for (;;) {
      if (!descriptor_.is_open()) co_return fail(Errc::closed, "no longer listening on '" + address_ + "'");
      if (stop.stop_requested()) co_return cancelled();
      sockaddr_storage peer{};
      socklen_t length = sizeof(peer);
      const int fd = ::accept4(descriptor_.native_handle(), reinterpret_cast<sockaddr*>(&peer), &length,
                               SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (fd >= 0) {
        if (path_.empty()) set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
        co_return adopt_fd(loop_, fd, name_of_peer(peer, address_));
      }
      if (errno == EINTR || errno == ECONNABORTED) continue;
      if (errno != EAGAIN) co_return fail(system_error("accept on", address_, errno));
      const auto outcome = co_await operation(
          stop, [this](auto handler) { descriptor_.async_wait(WaitType::wait_read, std::move(handler)); });
      if (outcome && outcome != asio::error::operation_aborted) {
        co_return fail(system_error("accept on", address_, outcome.value()));
      }
    }
  }

  void close() override {
    if (!descriptor_.is_open()) return;
    boost::system::error_code ignored;
    descriptor_.close(ignored);
    if (!path_.empty()) ::unlink(path_.c_str());
  }

  std::string address() const override { return address_; }
  uint16_t port() const override { return port_; }

 private:
  Loop& loop_;
  asio::posix::stream_descriptor descriptor_;
  std::string address_;
  uint16_t port_;
  std::string path_;
};

// True when somebody accepts connections on the path.
bool answers(const sockaddr_un& address) {
  const Fd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  return ::connect(probe.get(), as_sockaddr(&address), sizeof(address)) == 0 || errno == EAGAIN;
}

// Connects one socket; the stop ends the wait.
Task<Result<std::unique_ptr<Stream>>> connect_to(Loop& loop, SocketAddress address, std::string name,
                                                 std::stop_token stop) {
  Fd fd(::socket(address.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd.valid()) co_return fail(system_error("open a socket for", name, errno));
  if (address.storage.ss_family != AF_UNIX) set_option(fd.get(), IPPROTO_TCP, TCP_NODELAY, 1);
  if (::connect(fd.get(), as_sockaddr(&address.storage), address.length) != 0 && errno != EINPROGRESS) {
    co_return fail(system_error("connect to", name, errno));
  }
  boost::system::error_code outcome;
  asio::posix::stream_descriptor descriptor(loop.context());
  descriptor.assign(fd.release(), outcome);
  if (!outcome) {
    outcome = co_await operation(
        stop, [&descriptor](auto handler) { descriptor.async_wait(WaitType::wait_write, std::move(handler)); });
  }
  if (outcome == asio::error::operation_aborted) co_return cancelled();
  if (outcome) co_return fail(system_error("connect to", name, outcome.value()));
  int status = 0;
  socklen_t length = sizeof(status);
  ::getsockopt(descriptor.native_handle(), SOL_SOCKET, SO_ERROR, &status, &length);
  if (status != 0) co_return fail(system_error("connect to", name, status));
  co_return adopt_fd(loop, descriptor.release(), name);
}

Result<std::unique_ptr<Listener>> listen_on(Loop& loop, const SocketAddress& address) {
  const std::string name = address.to_string();
  Fd fd(::socket(address.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return fail(system_error("open a socket for", name, errno));
  set_option(fd.get(), SOL_SOCKET, SO_REUSEADDR, 1);
  if (::bind(fd.get(), as_sockaddr(&address.storage), address.length) != 0 || ::listen(fd.get(), kBacklog) != 0) {
    return fail(system_error("listen on", name, errno));
  }
  SocketAddress actual;
  actual.length = sizeof(actual.storage);
  ::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&actual.storage), &actual.length);
  return std::make_unique<FdListener>(loop, std::move(fd), actual.to_string(), actual.port(), "");
}

}  // namespace

Result<std::unique_ptr<Listener>> listen_tcp(Loop& loop, const std::string& host, uint16_t port) {
  TRY(const auto addresses, resolve_blocking(host, port));
  return listen_on(loop, addresses.front());
}

Result<std::unique_ptr<Listener>> listen_unix(Loop& loop, const std::string& path, unsigned mode) {
  TRY(const auto address, unix_address(path));
  struct stat found{};
  if (::stat(path.c_str(), &found) == 0) {
    if (!S_ISSOCK(found.st_mode)) {
      return fail(Errc::already_exists, "cannot listen on '" + path + "': a file that is no socket is in the way");
    }
    if (answers(address)) return fail(system_error("listen on", unix_name(path), EADDRINUSE));
    ::unlink(path.c_str());
  }
  Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return fail(system_error("open a socket for", unix_name(path), errno));
  // Nobody can connect before listen(), so the mode is in place when the first one may.
  if (::bind(fd.get(), as_sockaddr(&address), sizeof(address)) != 0 || ::chmod(path.c_str(), mode) != 0 ||
      ::listen(fd.get(), kBacklog) != 0) {
    return fail(system_error("listen on", unix_name(path), errno));
  }
  return std::make_unique<FdListener>(loop, std::move(fd), unix_name(path), uint16_t{0}, path);
}

Task<Result<std::unique_ptr<Stream>>> connect_unix(Loop& loop, std::string path, std::stop_token stop) {
  CO_TRY(const auto raw, unix_address(path));
  SocketAddress address;
  std::memcpy(&address.storage, &raw, sizeof(raw));
  address.length = sizeof(raw);
  co_return co_await connect_to(loop, address, unix_name(path), stop);
}

Task<Result<std::unique_ptr<Stream>>> connect_tcp(Loop& loop, std::string host, uint16_t port, ConnectOptions options,
                                                  std::stop_token stop) {
  const int64_t deadline_us = system_clock().monotonic_us() + options.timeout_ms * 1000;
  const std::string name = host + ":" + std::to_string(port);
  CO_TRY(const auto addresses, co_await resolve(loop, host, port, options.timeout_ms, stop));
  Error last{.code = Errc::unavailable, .message = "connect to '" + name + "': the name has no address"};
  for (size_t i = 0; i < addresses.size(); ++i) {
    // An address that swallows packets may use up only its share of the time.
    const int64_t left_ms = (deadline_us - system_clock().monotonic_us()) / 1000;
    if (left_ms <= 0) break;
    const int64_t share_ms = std::max<int64_t>(1, left_ms / static_cast<int64_t>(addresses.size() - i));
    const SocketAddress address = addresses[i];
    const auto attempt = [&](std::stop_token token) { return connect_to(loop, address, name, std::move(token)); };
    auto stream = co_await with_timeout(loop, share_ms, "connecting to '" + name + "'", stop, attempt);
    if (stream || stream.error().code == Errc::cancelled) co_return stream;
    last = std::move(stream).error();
  }
  co_return fail(std::move(last));
}

}  // namespace compozy::io
