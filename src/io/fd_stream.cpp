// SPDX-License-Identifier: Apache-2.0
//
// One implementation for every descriptor. It tries the system call first and waits only when that would block.
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <cerrno>

#include "io/completion.hpp"
#include "io/operation.hpp"
#include "io/stream.hpp"

namespace compozy::io {

namespace asio = boost::asio;

namespace {

// A peer that is always ready must not keep its loop from the others: after so many calls without a wait, yield.
constexpr int kTurnsWithoutWait = 64;

class FdStream final : public Stream {
 public:
  FdStream(Loop& loop, int fd, std::string peer) : descriptor_(loop.context()), peer_(std::move(peer)) {
    ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK);
    struct stat found{};
    is_socket_ = ::fstat(fd, &found) == 0 && S_ISSOCK(found.st_mode);
    descriptor_.assign(fd, assign_error_);
    if (assign_error_) ::close(fd);
  }

  Task<Result<size_t>> read_some(std::span<char> into, std::stop_token stop) override {
    for (;;) {
      if (!descriptor_.is_open()) co_return closed();
      if (stop.stop_requested()) co_return cancelled();
      const ssize_t n = ::read(descriptor_.native_handle(), into.data(), into.size());
      if (n >= 0) {
        if (takes_long()) co_await yield();
        co_return static_cast<size_t>(n);
      }
      if (errno == EINTR) continue;
      if (errno != EAGAIN) co_return fail(system_error("read from", peer_, errno));
      CO_TRY(co_await ready(asio::posix::stream_descriptor::wait_read, stop));
    }
  }

  Task<Result<void>> write_all(std::string_view bytes, std::stop_token stop) override {
    while (!bytes.empty()) {
      if (!descriptor_.is_open()) co_return closed();
      if (stop.stop_requested()) co_return cancelled();
      const ssize_t n = write_some(bytes);
      if (n >= 0) {
        bytes.remove_prefix(static_cast<size_t>(n));
        if (takes_long()) co_await yield();
        continue;
      }
      if (errno == EINTR) continue;
      if (errno != EAGAIN) co_return fail(system_error("write to", peer_, errno));
      CO_TRY(co_await ready(asio::posix::stream_descriptor::wait_write, stop));
    }
    co_return {};
  }

  Task<Result<void>> shutdown() override {
    if (!descriptor_.is_open()) co_return closed();
    if (!is_socket_) {
      close();
    } else if (::shutdown(descriptor_.native_handle(), SHUT_WR) != 0 && errno != ENOTCONN) {
      co_return fail(system_error("shut down", peer_, errno));
    }
    co_return {};
  }

  void close() override {
    boost::system::error_code ignored;
    descriptor_.close(ignored);
  }

  std::string peer() const override { return peer_; }

  bool is_stale() override {
    if (!descriptor_.is_open()) return true;
    pollfd state{.fd = descriptor_.native_handle(), .events = POLLIN, .revents = 0};
    // Readable while nothing is expected: the peer has closed, failed or broken the protocol.
    return ::poll(&state, 1, 0) != 0;
  }

 private:
  Failure closed() const { return fail(Errc::closed, "the connection to '" + peer_ + "' is closed"); }

  ssize_t write_some(std::string_view bytes) {
    if (!is_socket_) return ::write(descriptor_.native_handle(), bytes.data(), bytes.size());
    return ::send(descriptor_.native_handle(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
  }

  Task<Result<void>> ready(asio::posix::stream_descriptor::wait_type what, std::stop_token stop) {
    turns_ = 0;
    const auto outcome =
        co_await operation(stop, [this, what](auto handler) { descriptor_.async_wait(what, std::move(handler)); });
    if (!outcome) co_return {};
    if (outcome != asio::error::operation_aborted) co_return fail(system_error("wait for", peer_, outcome.value()));
    if (stop.stop_requested()) co_return cancelled();
    co_return closed();
  }

  bool takes_long() {
    if (++turns_ < kTurnsWithoutWait) return false;
    turns_ = 0;
    return true;
  }

  asio::posix::stream_descriptor descriptor_;
  boost::system::error_code assign_error_;
  std::string peer_;
  bool is_socket_ = false;
  int turns_ = 0;
};

}  // namespace

std::unique_ptr<Stream> adopt_fd(Loop& loop, int fd, std::string peer) {
  return std::make_unique<FdStream>(loop, fd, std::move(peer));
}

Task<Result<std::string>> read_to_end(Stream& stream, size_t bytes_max, std::stop_token stop) {
  std::string text;
  std::array<char, 16384> chunk;
  for (;;) {
    CO_TRY(const size_t n, co_await stream.read_some(chunk, stop));
    if (n == 0) co_return text;
    if (text.size() + n > bytes_max) {
      co_return fail(Errc::too_large, "'" + stream.peer() + "' sent more than " + std::to_string(bytes_max) + " bytes");
    }
    text.append(chunk.data(), n);
  }
}

}  // namespace compozy::io
