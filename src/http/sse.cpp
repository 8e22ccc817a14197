// SPDX-License-Identifier: Apache-2.0
#include "http/sse.hpp"

#include "base/text.hpp"

namespace compozy::http {

namespace {

std::string one_line(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c != '\r' && c != '\n' && c != '\0') out += c;
  }
  return out;
}

}  // namespace

std::string format_sse(std::string_view id, std::string_view event, std::string_view data) {
  std::string out;
  out.reserve(data.size() + 64);
  if (!id.empty()) out.append("id: ").append(one_line(id)).append("\n");
  if (!event.empty()) out.append("event: ").append(one_line(event)).append("\n");
  size_t start = 0;
  for (;;) {
    const size_t end = data.find_first_of("\r\n", start);
    out.append("data: ").append(data.substr(start, end - start)).append("\n");
    if (end == std::string_view::npos) break;
    start = end + (data.substr(end, 2) == "\r\n" ? 2 : 1);
  }
  return out.append("\n");
}

std::string format_sse_comment(std::string_view text) { return ":" + one_line(text) + "\n\n"; }

Result<void> SseParser::feed(std::string_view bytes) {
  for (const char c : bytes) {
    if (after_cr_ && c == '\n') {
      after_cr_ = false;
      continue;
    }
    after_cr_ = c == '\r';
    if (c == '\r' || c == '\n') {
      line(line_);
      line_.clear();
      continue;
    }
    line_ += c;
    if (line_.size() + data_.size() > event_bytes_max_) {
      return fail(Errc::too_large, "a server-sent event is larger than " + std::to_string(event_bytes_max_) + " bytes");
    }
  }
  return {};
}

void SseParser::line(std::string_view text) {
  if (at_start_ && text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  at_start_ = false;
  if (text.empty()) {
    dispatch();
    return;
  }
  const size_t colon = text.find(':');
  if (colon == 0) return;  // a comment
  const auto field = text.substr(0, colon);
  auto value = colon == std::string_view::npos ? std::string_view() : text.substr(colon + 1);
  if (value.starts_with(' ')) value.remove_prefix(1);
  if (field == "data") {
    if (has_data_) data_ += '\n';
    data_ += value;
    has_data_ = true;
  } else if (field == "event") {
    event_ = value;
  } else if (field == "id") {
    if (value.find('\0') == std::string_view::npos) last_id_ = value;
  } else if (field == "retry") {
    int64_t ms = 0;
    if (value.find_first_not_of("0123456789") == std::string_view::npos && parse_int64(value, ms)) retry_ms_ = ms;
  }
}

void SseParser::dispatch() {
  if (has_data_) {
    events_.push_back({.id = last_id_, .event = event_.empty() ? "message" : event_, .data = std::move(data_)});
  }
  data_.clear();
  has_data_ = false;
  event_.clear();
}

std::optional<SseEvent> SseParser::next() {
  if (events_.empty()) return std::nullopt;
  SseEvent event = std::move(events_.front());
  events_.pop_front();
  return event;
}

}  // namespace compozy::http
