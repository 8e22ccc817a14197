// SPDX-License-Identifier: Apache-2.0
#include "http/message.hpp"

#include <algorithm>
#include <array>
#include <ctime>

#include "base/text.hpp"

namespace compozy::http {

std::optional<std::string_view> Headers::get(std::string_view name) const {
  for (const auto& [key, value] : fields_) {
    if (equals_ignoring_case(key, name)) return std::string_view(value);
  }
  return std::nullopt;
}

void Headers::remove(std::string_view name) {
  std::erase_if(fields_, [name](const Field& field) { return equals_ignoring_case(field.first, name); });
}

void Headers::set(std::string name, std::string value) {
  remove(name);
  add(std::move(name), std::move(value));
}

std::string_view Request::param(std::string_view name) const {
  for (const auto& [key, value] : params) {
    if (key == name) return value;
  }
  return {};
}

std::vector<std::pair<std::string, std::string>> Request::query_values() const { return parse_query(query); }

std::optional<std::string> Request::query_value(std::string_view name) const {
  for (auto& [key, value] : parse_query(query)) {
    if (key == name) return std::move(value);
  }
  return std::nullopt;
}

Response Response::with_type(int status, std::string content_type, std::string body) {
  Response response;
  response.status = status;
  response.headers.add("Content-Type", std::move(content_type));
  response.body = std::move(body);
  return response;
}

Response Response::text(int status, std::string body) {
  return with_type(status, "text/plain; charset=utf-8", std::move(body));
}

Response Response::json(int status, std::string body) { return with_type(status, "application/json", std::move(body)); }

Response Response::stream(int status, std::string content_type, StreamFunction function) {
  Response response = with_type(status, std::move(content_type), {});
  response.stream_body = std::move(function);
  return response;
}

Response Response::empty(int status) {
  Response response;
  response.status = status;
  return response;
}

std::string_view reason_phrase(int status) {
  switch (status) {
    case 100: return "Continue";
    case 200: return "OK";
    case 201: return "Created";
    case 202: return "Accepted";
    case 204: return "No Content";
    case 206: return "Partial Content";
    case 301: return "Moved Permanently";
    case 302: return "Found";
    case 303: return "See Other";
    case 304: return "Not Modified";
    case 307: return "Temporary Redirect";
    case 308: return "Permanent Redirect";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 406: return "Not Acceptable";
    case 408: return "Request Timeout";
    case 409: return "Conflict";
    case 410: return "Gone";
    case 412: return "Precondition Failed";
    case 413: return "Content Too Large";
    case 415: return "Unsupported Media Type";
    case 422: return "Unprocessable Content";
    case 429: return "Too Many Requests";
    case 431: return "Request Header Fields Too Large";
    case 500: return "Internal Server Error";
    case 501: return "Not Implemented";
    case 502: return "Bad Gateway";
    case 503: return "Service Unavailable";
    case 504: return "Gateway Timeout";
    case 507: return "Insufficient Storage";
    default: return "Status";
  }
}

namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool is_unreserved(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '.' ||
         c == '_' || c == '~';
}

constexpr std::array<std::string_view, 7> kDays{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
constexpr std::array<std::string_view, 12> kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                   "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

std::string two_digits(int n) { return {static_cast<char>('0' + n / 10 % 10), static_cast<char>('0' + n % 10)}; }

}  // namespace

std::string percent_decode(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    const int high = text[i] == '%' && i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
    const int low = high >= 0 ? hex_digit(text[i + 2]) : -1;
    if (low < 0) {
      out += text[i];
    } else {
      out += static_cast<char>(high * 16 + low);
      i += 2;
    }
  }
  return out;
}

std::string percent_encode(std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    if (is_unreserved(c)) {
      out += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out += '%';
    out += kHex[byte >> 4U];
    out += kHex[byte & 15U];
  }
  return out;
}

std::vector<std::pair<std::string, std::string>> parse_query(std::string_view query) {
  std::vector<std::pair<std::string, std::string>> values;
  if (query.empty()) return values;
  for (const auto part : split(query, '&')) {
    if (part.empty()) continue;
    const size_t equals = part.find('=');
    const auto decode = [](std::string_view text) {
      std::string spaced(text);
      std::replace(spaced.begin(), spaced.end(), '+', ' ');
      return percent_decode(spaced);
    };
    const auto value = equals == std::string_view::npos ? std::string_view() : part.substr(equals + 1);
    values.emplace_back(decode(part.substr(0, equals)), decode(value));
  }
  return values;
}

std::string format_http_date(int64_t wall_ms) {
  const std::time_t time = wall_ms / 1000;
  std::tm utc{};
  gmtime_r(&time, &utc);
  return std::string(kDays[static_cast<size_t>(utc.tm_wday)]) + ", " + two_digits(utc.tm_mday) + " " +
         std::string(kMonths[static_cast<size_t>(utc.tm_mon)]) + " " + std::to_string(utc.tm_year + 1900) + " " +
         two_digits(utc.tm_hour) + ":" + two_digits(utc.tm_min) + ":" + two_digits(utc.tm_sec) + " GMT";
}

std::optional<int64_t> parse_http_date(std::string_view text) {
  // IMF-fixdate alone: the obsolete forms have not been sent for decades.
  const auto parts = split(trim(text), ' ');
  if (parts.size() != 6 || parts[5] != "GMT") return std::nullopt;
  const auto month = std::find(kMonths.begin(), kMonths.end(), parts[2]);
  const auto clock = split(parts[4], ':');
  int64_t day = 0;
  int64_t year = 0;
  int64_t hour = 0;
  int64_t minute = 0;
  int64_t second = 0;
  if (month == kMonths.end() || clock.size() != 3 || !parse_int64(parts[1], day) || !parse_int64(parts[3], year) ||
      !parse_int64(clock[0], hour) || !parse_int64(clock[1], minute) || !parse_int64(clock[2], second)) {
    return std::nullopt;
  }
  std::tm utc{};
  utc.tm_year = static_cast<int>(year - 1900);
  utc.tm_mon = static_cast<int>(month - kMonths.begin());
  utc.tm_mday = static_cast<int>(day);
  utc.tm_hour = static_cast<int>(hour);
  utc.tm_min = static_cast<int>(minute);
  utc.tm_sec = static_cast<int>(second);
  return static_cast<int64_t>(timegm(&utc)) * 1000;
}

std::optional<int64_t> parse_retry_after_ms(std::string_view text, int64_t now_ms) {
  constexpr int64_t kSecondsMax = 365LL * 24 * 3600;
  int64_t seconds = 0;
  if (parse_int64(trim(text), seconds)) {
    if (seconds < 0) return std::nullopt;
    return std::min(seconds, kSecondsMax) * 1000;
  }
  const auto date = parse_http_date(text);
  if (!date) return std::nullopt;
  return std::clamp<int64_t>(*date - now_ms, 0, kSecondsMax * 1000);
}

}  // namespace compozy::http
