// SPDX-License-Identifier: Apache-2.0
//
// URLs of requests: http and https alone (RFC 3986, without user names, which would end up in logs).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace compozy::http {

struct Url {
  bool is_tls = false;
  std::string host;  // IPv6 without brackets
  uint16_t port = 0;
  std::string target;  // path and query; at least "/"

  std::string authority() const;  // for the Host field: the port only where it is not the scheme's
  std::string origin() const;     // "https://host:443": connections to the same origin are shared
  std::string to_string() const;
};

Result<Url> parse_url(std::string_view text);

// A reference as Location has it, relative to `base`.
Result<Url> resolve_url(const Url& base, std::string_view reference);

}  // namespace compozy::http
