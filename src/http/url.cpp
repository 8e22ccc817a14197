// SPDX-License-Identifier: Apache-2.0
#include "http/url.hpp"

#include <algorithm>

#include "base/text.hpp"

namespace compozy::http {

namespace {

Failure invalid(std::string_view text, std::string_view reason) {
  return fail(Errc::invalid_argument, "'" + shorten(text, 200) + "' is no HTTP URL: " + std::string(reason));
}

std::string bracketed(const std::string& host) { return host.find(':') == std::string::npos ? host : "[" + host + "]"; }

}  // namespace

std::string Url::authority() const {
  const bool usual = port == (is_tls ? 443 : 80);
  return bracketed(host) + (usual ? "" : ":" + std::to_string(port));
}

std::string Url::origin() const {
  return (is_tls ? "https://" : "http://") + bracketed(host) + ":" + std::to_string(port);
}

std::string Url::to_string() const { return (is_tls ? "https://" : "http://") + authority() + target; }

Result<Url> parse_url(std::string_view text) {
  Url url;
  std::string_view rest = text;
  const size_t scheme_end = text.find("://");
  const auto scheme = text.substr(0, scheme_end == std::string_view::npos ? 0 : scheme_end);
  if (equals_ignoring_case(scheme, "https")) {
    url.is_tls = true;
  } else if (!equals_ignoring_case(scheme, "http")) {
    return invalid(text, "it starts with neither http:// nor https://");
  }
  rest.remove_prefix(scheme_end + 3);
  const bool printable = std::all_of(rest.begin(), rest.end(), [](char c) { return c > ' ' && c != '\x7f'; });
  if (!printable) return invalid(text, "spaces and control characters must be percent-encoded");
  rest = rest.substr(0, rest.find('#'));
  const size_t authority_end = std::min(rest.find_first_of("/?"), rest.size());
  auto authority = rest.substr(0, authority_end);
  url.target = rest.substr(authority_end);
  if (!url.target.starts_with('/')) url.target.insert(0, "/");
  if (authority.find('@') != std::string_view::npos) {
    return invalid(text, "user names belong into the Authorization header");
  }
  size_t host_end = authority.find(':');
  if (authority.starts_with('[')) {
    host_end = authority.find(']');
    if (host_end == std::string_view::npos) return invalid(text, "the address has no closing ']'");
    url.host = authority.substr(1, host_end - 1);
    ++host_end;
  } else {
    url.host = to_lower(authority.substr(0, host_end));
  }
  if (url.host.empty()) return invalid(text, "it has no host");
  url.port = url.is_tls ? 443 : 80;
  if (host_end >= authority.size()) return url;
  int64_t port = 0;
  if (authority[host_end] != ':' || !parse_int64(authority.substr(host_end + 1), port) || port < 1 || port > 65535) {
    return invalid(text, "the port must be a number from 1 to 65535");
  }
  url.port = static_cast<uint16_t>(port);
  return url;
}

Result<Url> resolve_url(const Url& base, std::string_view reference) {
  if (reference.find("://") != std::string_view::npos) return parse_url(reference);
  if (reference.starts_with("//")) return parse_url((base.is_tls ? "https:" : "http:") + std::string(reference));
  if (reference.starts_with('/')) return parse_url(base.origin() + std::string(reference));
  const auto path = base.target.substr(0, base.target.find('?'));
  if (reference.starts_with('?')) return parse_url(base.origin() + path + std::string(reference));
  return parse_url(base.origin() + path.substr(0, path.rfind('/') + 1) + std::string(reference));
}

}  // namespace compozy::http
