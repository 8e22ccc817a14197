// SPDX-License-Identifier: Apache-2.0
//
// The bytes of HTTP/1.1 (RFC 9112), without I/O: parsers that take what has arrived, and functions that render.
// Beast parses; it stays inside codec.cpp.
//
// A parser reads one message. feed() consumes a prefix of the bytes and is called again with the rest and what came
// since; bytes behind the message's end belong to the next one. It refuses what smugglers use: a length given twice, or
// beside chunks, bad line ends, control characters.
// Limits: the header as a whole, and the body; Errc::too_large names which. Anything else wrong is Errc::parse_error.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "http/message.hpp"

namespace compozy::http {

class RequestParser {
 public:
  explicit RequestParser(size_t header_bytes_max);
  ~RequestParser();
  RequestParser(RequestParser&&) noexcept;
  RequestParser& operator=(RequestParser&&) noexcept;

  // Stops behind the header, so that the body's limit can be set; the next call goes on with the body.
  Result<size_t> feed(std::string_view bytes);
  bool has_header() const;
  bool is_done() const;
  bool has_started() const;  // at least one byte of the message came

  void limit_body(uint64_t bytes_max);
  bool expects_continue();
  bool keeps_alive() const;
  Request& request();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

class ResponseParser {
 public:
  ResponseParser(size_t header_bytes_max, bool answers_head);
  ~ResponseParser();
  ResponseParser(ResponseParser&&) noexcept;
  ResponseParser& operator=(ResponseParser&&) noexcept;

  Result<size_t> feed(std::string_view bytes);
  Result<void> feed_end();  // the peer closed: ends a body without a length, else an error
  bool has_header() const;
  bool is_done() const;
  bool keeps_alive() const;

  int status() const;
  const Headers& headers() const;
  std::string take_body();  // what has arrived of it since the last call

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

enum class Framing : uint8_t { length, chunked, until_close };

// The status line and the header; with Framing::length the body has `length` bytes. Line breaks in values become
// spaces.
struct ResponseHead {
  Framing framing = Framing::length;
  uint64_t length = 0;
  bool keep_alive = true;
};
std::string render_response_head(const Response& response, ResponseHead head);
std::string render_request_head(std::string_view method, std::string_view target, const Headers& headers);
std::string render_chunk(std::string_view bytes);
inline constexpr std::string_view kLastChunk = "0\r\n\r\n";

}  // namespace compozy::http
