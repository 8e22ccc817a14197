// SPDX-License-Identifier: Apache-2.0
//
// HTTP messages as our own plain values: what handlers see and what they answer (RFC 9110).
#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "io/task.hpp"

namespace compozy::http {

// Header fields in their order. Names compare without case.
class Headers {
 public:
  using Field = std::pair<std::string, std::string>;
  Headers() = default;
  Headers(std::initializer_list<Field> fields) : fields_(fields) {}

  std::optional<std::string_view> get(std::string_view name) const;  // the first of that name
  bool has(std::string_view name) const { return get(name).has_value(); }
  void add(std::string name, std::string value) { fields_.emplace_back(std::move(name), std::move(value)); }
  void set(std::string name, std::string value);  // replaces all of that name
  void remove(std::string_view name);
  auto begin() const { return fields_.begin(); }
  auto end() const { return fields_.end(); }
  size_t size() const { return fields_.size(); }

 private:
  std::vector<Field> fields_;
};

struct Request {
  std::string method;
  std::string target;  // as it came: "/a/b?c=d"
  std::string path;    // the target's path, still percent-encoded
  std::string query;   // after '?', still encoded
  Headers headers;
  std::string body;
  std::string peer;      // address of the client
  std::string user;      // set by whoever authenticates the request; empty = nobody did
  std::string key_name;  // of the key that showed it
  int version_minor = 1;
  std::vector<std::pair<std::string, std::string>> params;  // of the route's pattern, decoded
  std::stop_token stop;                                     // requested when the answer is no longer wanted

  std::string_view param(std::string_view name) const;                  // "" where the pattern has none of that name
  std::optional<std::string> query_value(std::string_view name) const;  // decoded
  std::vector<std::pair<std::string, std::string>> query_values() const;
};

// Where a streaming response goes. Thread: the server's loop.
class BodyWriter {
 public:
  // Waits while the client is slow. Errc::closed when it went away: the function then returns.
  virtual io::Task<Result<void>> write(std::string bytes) = 0;
  // Requested when the client disconnects or the server stops; what waits between two writes waits with it.
  virtual std::stop_token stop() const = 0;

 protected:
  ~BodyWriter() = default;
};

struct Response {
  // A coroutine function; it must not refer to the Request, which is gone by then.
  using StreamFunction = std::function<io::Task<Result<void>>(BodyWriter&)>;

  int status = 200;
  Headers headers;
  std::string body;
  StreamFunction stream_body;  // in place of `body`

  static Response text(int status, std::string body);
  static Response json(int status, std::string body);
  static Response with_type(int status, std::string content_type, std::string body);
  static Response stream(int status, std::string content_type, StreamFunction function);
  static Response empty(int status);
};

std::string_view reason_phrase(int status);

std::string percent_decode(std::string_view text);  // invalid escapes stay as they are
std::string percent_encode(std::string_view text);  // for one path segment or query value
std::vector<std::pair<std::string, std::string>> parse_query(std::string_view query);  // '+' is a space

// "Sun, 06 Nov 1994 08:49:37 GMT", and back in milliseconds.
std::string format_http_date(int64_t wall_ms);
std::optional<int64_t> parse_http_date(std::string_view text);

// Retry-After (RFC 9110, 10.2.3): seconds or a date; gives how long to wait from now_ms, never negative.
std::optional<int64_t> parse_retry_after_ms(std::string_view text, int64_t now_ms);

}  // namespace compozy::http
