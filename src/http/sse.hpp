// SPDX-License-Identifier: Apache-2.0
//
// Server-sent events: text/event-stream as the WHATWG HTML standard has it (section 9.2), to write and to read.
//
// SseParser is incremental and pure: bytes in, events out. Limit: one event's size; beyond it Errc::too_large.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "http/message.hpp"
#include "io/task.hpp"

namespace compozy::http {

struct SseEvent {
  std::string id;     // the last id seen, which an event without one inherits
  std::string event;  // "message" unless named
  std::string data;   // lines joined with '\n'
};

// Empty id or event: the line is left out. Line breaks in data become several data lines; those in id and event, and
// NUL in id, would break the framing and are dropped.
std::string format_sse(std::string_view id, std::string_view event, std::string_view data);
std::string format_sse_comment(std::string_view text);  // a heartbeat: ":" and the text

// Writes events to a streaming response whose type is kSseType.
inline constexpr std::string_view kSseType = "text/event-stream";
class SseWriter {
 public:
  explicit SseWriter(BodyWriter& body) : body_(body) {}
  io::Task<Result<void>> event(std::string_view id, std::string_view event, std::string_view data) {
    return body_.write(format_sse(id, event, data));
  }
  io::Task<Result<void>> heartbeat() { return body_.write(format_sse_comment("")); }
  io::Task<Result<void>> retry(int64_t ms) { return body_.write("retry: " + std::to_string(ms) + "\n\n"); }
  std::stop_token stop() const { return body_.stop(); }

 private:
  BodyWriter& body_;
};

class SseParser {
 public:
  explicit SseParser(size_t event_bytes_max = 16U << 20U) : event_bytes_max_(event_bytes_max) {}

  Result<void> feed(std::string_view bytes);
  std::optional<SseEvent> next();  // events in order, until there is none
  const std::string& last_event_id() const { return last_id_; }
  std::optional<int64_t> retry_ms() const { return retry_ms_; }

 private:
  void line(std::string_view text);
  void dispatch();

  size_t event_bytes_max_;
  std::string line_;
  bool after_cr_ = false;
  bool at_start_ = true;  // a byte order mark may come
  std::string data_;
  bool has_data_ = false;
  std::string event_;
  std::string last_id_;
  std::optional<int64_t> retry_ms_;
  std::deque<SseEvent> events_;
};

}  // namespace compozy::http
