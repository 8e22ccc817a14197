// SPDX-License-Identifier: Apache-2.0
#include "app/redis_url.hpp"

#include "base/text.hpp"
#include "http/message.hpp"

namespace compozy::app {

Result<redis::RemoteOptions> parse_redis_url(std::string_view url) {
  redis::RemoteOptions options;
  if (url.starts_with("unix://")) {
    options.unix_socket = std::string(url.substr(7));
    return options;
  }
  if (url.starts_with("rediss://"))
    return fail(Errc::unsupported,
                "redis.url: TLS to Redis (rediss://) is not in this version; use redis:// or unix://");
  if (!url.starts_with("redis://"))
    return fail(Errc::invalid_argument, "redis.url: expected redis://[user:password@]host:port[/db] or unix:///path");
  std::string_view rest = url.substr(8);
  if (const size_t at = rest.rfind('@'); at != std::string_view::npos) {
    const std::string_view credentials = rest.substr(0, at);
    const size_t colon = credentials.find(':');
    if (colon != std::string_view::npos && colon > 0) options.user = http::percent_decode(credentials.substr(0, colon));
    options.password =
        http::percent_decode(colon == std::string_view::npos ? credentials : credentials.substr(colon + 1));
    rest.remove_prefix(at + 1);
  }
  if (const size_t slash = rest.find('/'); slash != std::string_view::npos) {
    int64_t database = 0;
    const std::string_view text = rest.substr(slash + 1);
    if (!text.empty() && (!parse_int64(text, database) || database < 0))
      return fail(Errc::invalid_argument, "redis.url: '" + std::string(text) + "' is no database number");
    options.database = static_cast<size_t>(database);
    rest = rest.substr(0, slash);
  }
  if (const size_t colon = rest.rfind(':'); colon != std::string_view::npos && !rest.ends_with(']')) {
    int64_t port = 0;
    if (!parse_int64(rest.substr(colon + 1), port) || port < 1 || port > 65535)
      return fail(Errc::invalid_argument, "redis.url: '" + std::string(rest.substr(colon + 1)) + "' is no port");
    options.port = static_cast<uint16_t>(port);
    rest = rest.substr(0, colon);
  }
  if (rest.empty()) return fail(Errc::invalid_argument, "redis.url names no host");
  options.host = std::string(rest);
  return options;
}

}  // namespace compozy::app
