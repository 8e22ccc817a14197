// SPDX-License-Identifier: Apache-2.0
#include "io/resolve.hpp"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>

#include <array>
#include <atomic>
#include <cstring>
#include <thread>

#include "base/text.hpp"
#include "io/completion.hpp"
#include "io/timer.hpp"

namespace compozy::io {

namespace {

constexpr int kLookupsMax = 32;

std::atomic<int>& lookups_under_way() {
  static std::atomic<int> count{0};
  return count;
}

Errc code_of(int status) {
  switch (status) {
    case EAI_NONAME:
    case EAI_AGAIN: return Errc::unavailable;
    default: return Errc::io_error;
  }
}

bool is_localhost(std::string_view host) {
  const std::string name = to_lower(host);
  return name == "localhost" || name.ends_with(".localhost");
}

Result<std::vector<SocketAddress>> look_up(const std::string& host, uint16_t port, int flags) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = flags | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const int status = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found);
  if (status != 0) {
    return fail(code_of(status), "resolve '" + host + "': " + ::gai_strerror(status));
  }
  std::vector<SocketAddress> addresses;
  for (const addrinfo* each = found; each != nullptr; each = each->ai_next) {
    SocketAddress address;
    std::memcpy(&address.storage, each->ai_addr, each->ai_addrlen);
    address.length = each->ai_addrlen;
    addresses.push_back(address);
  }
  ::freeaddrinfo(found);
  return addresses;
}

// RFC 6761 section 6.3: these names are loopback whatever the host's files and name servers say, or do not say.
Result<std::vector<SocketAddress>> loopback(uint16_t port) {
  TRY(std::vector<SocketAddress> addresses, look_up("127.0.0.1", port, AI_NUMERICHOST));
  TRY(const std::vector<SocketAddress> v6, look_up("::1", port, AI_NUMERICHOST));
  addresses.insert(addresses.end(), v6.begin(), v6.end());
  return addresses;
}

}  // namespace

uint16_t SocketAddress::port() const {
  if (storage.ss_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, &storage, sizeof(v4));
    return ntohs(v4.sin_port);
  }
  sockaddr_in6 v6{};
  std::memcpy(&v6, &storage, sizeof(v6));
  return storage.ss_family == AF_INET6 ? ntohs(v6.sin6_port) : uint16_t{0};
}

std::string SocketAddress::to_string() const {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (storage.ss_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, &storage, sizeof(v4));
    ::inet_ntop(AF_INET, &v4.sin_addr, text.data(), text.size());
    return std::string(text.data()) + ":" + std::to_string(port());
  }
  sockaddr_in6 v6{};
  std::memcpy(&v6, &storage, sizeof(v6));
  ::inet_ntop(AF_INET6, &v6.sin6_addr, text.data(), text.size());
  return "[" + std::string(text.data()) + "]:" + std::to_string(port());
}

Result<std::vector<SocketAddress>> resolve_blocking(const std::string& host, uint16_t port) {
  if (is_localhost(host)) return loopback(port);
  return look_up(host, port, AI_ADDRCONFIG);
}

Task<Result<std::vector<SocketAddress>>> resolve(Loop& loop, std::string host, uint16_t port, int64_t timeout_ms,
                                                 std::stop_token stop) {
  if (auto numeric = look_up(host, port, AI_NUMERICHOST)) co_return numeric;
  if (is_localhost(host)) co_return loopback(port);
  if (lookups_under_way().fetch_add(1) >= kLookupsMax) {
    lookups_under_way().fetch_sub(1);
    co_return fail(Errc::limit_exceeded,
                   "resolve '" + host + "': " + std::to_string(kLookupsMax) + " lookups are under way, the limit");
  }
  const Completion<Result<std::vector<SocketAddress>>> done;
  std::thread([done, host, port] {
    done.set(look_up(host, port, AI_ADDRCONFIG));
    lookups_under_way().fetch_sub(1);
  }).detach();
  const auto wait = [done](std::stop_token token) { return done.wait(std::move(token)); };
  co_return co_await with_timeout(loop, timeout_ms, "resolving '" + host + "'", stop, wait);
}

}  // namespace compozy::io
