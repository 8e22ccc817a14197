// SPDX-License-Identifier: Apache-2.0
#include "redis/server/listen.hpp"

#include <cerrno>
#include <cstring>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/text.hpp"

namespace compozy::redis {

namespace {

Result<Fd> listen_at(int family, const sockaddr* address, socklen_t size, const std::string& name, int backlog) {
  Fd fd(::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (fd.get() < 0) return fail(system_error("socket", name, errno));
  const int on = 1;
  if (family != AF_UNIX) ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (family == AF_INET6) ::setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  if (::bind(fd.get(), address, size) != 0) return fail(system_error("bind", name, errno));
  if (::listen(fd.get(), backlog) != 0) return fail(system_error("listen", name, errno));
  return fd;
}

}  // namespace

void Fd::reset(int fd) {
  if (fd_ >= 0) ::close(fd_);
  fd_ = fd;
}

Result<Fd> listen_on_unix(const std::string& path, uint32_t permissions, int backlog) {
  sockaddr_un address{};
  if (path.size() >= sizeof address.sun_path) {
    return fail(Errc::invalid_argument, "the path of the unix socket '" + path + "' is longer than " +
                                            std::to_string(sizeof address.sun_path - 1) + " bytes");
  }
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, path.size());
  struct stat status{};
  if (::lstat(path.c_str(), &status) == 0) {
    if (!S_ISSOCK(status.st_mode)) return fail(Errc::already_exists, "'" + path + "' exists and is not a socket");
    ::unlink(path.c_str());
  }
  const mode_t before = ::umask(0777 & ~permissions);  // Nobody else may connect, from the first moment.
  auto fd = listen_at(AF_UNIX, reinterpret_cast<const sockaddr*>(&address), sizeof address, path, backlog);
  ::umask(before);
  return fd;
}

Result<Fd> listen_on_tcp(const std::string& host, uint16_t port, int backlog) {
  const std::string name = host + ":" + std::to_string(port);
  sockaddr_in v4{};
  v4.sin_family = AF_INET;
  v4.sin_port = htons(port);
  if (::inet_pton(AF_INET, host.c_str(), &v4.sin_addr) == 1) {
    return listen_at(AF_INET, reinterpret_cast<const sockaddr*>(&v4), sizeof v4, name, backlog);
  }
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(port);
  if (::inet_pton(AF_INET6, host.c_str(), &v6.sin6_addr) == 1) {
    return listen_at(AF_INET6, reinterpret_cast<const sockaddr*>(&v6), sizeof v6, name, backlog);
  }
  return fail(Errc::invalid_argument, "'" + host + "' is not an IP address to listen on");
}

Result<std::vector<Fd>> listen_on_addresses(const std::string& bind, uint16_t port, int backlog) {
  std::vector<Fd> listeners;
  for (const std::string_view word : split(bind, ' ')) {
    if (word.empty()) continue;
    const bool optional = word.starts_with('-');
    std::string address(optional ? word.substr(1) : word);
    if (address == "*") address = "0.0.0.0";
    if (address == "::*") address = "::";
    auto listener = listen_on_tcp(address, port, backlog);
    if (listener) {
      listeners.push_back(*std::move(listener));
    } else if (!optional) {
      return std::unexpected(listener.error());
    }
  }
  return listeners;
}

uint16_t bound_port(const Fd& listener) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0) return 0;
  if (address.ss_family == AF_INET) return ntohs(reinterpret_cast<const sockaddr_in*>(&address)->sin_port);
  if (address.ss_family == AF_INET6) return ntohs(reinterpret_cast<const sockaddr_in6*>(&address)->sin6_port);
  return 0;
}

}  // namespace compozy::redis
