// SPDX-License-Identifier: Apache-2.0
#include "redis/resp/reply_writer.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>

namespace compozy::redis {

std::string format_reply_double(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  // Whole numbers print the same without the slow path.
  if (value == std::floor(value) && std::fabs(value) < 1e15 && !(value == 0 && std::signbit(value))) {
    std::string text;
    append_int(text, static_cast<int64_t>(value));
    return text;
  }
  std::array<char, 64> text{};
  const int size = std::snprintf(text.data(), text.size(), "%.17g", value);
  return {text.data(), static_cast<size_t>(size)};
}

void append_int(std::string& out, int64_t value) {
  if (value >= 0 && value < 10) {
    out += static_cast<char>('0' + value);
    return;
  }
  std::array<char, 24> text;
  const auto [end, error] = std::to_chars(text.data(), text.data() + text.size(), value);
  out.append(text.data(), static_cast<size_t>(end - text.data()));
}

void ReplyWriter::line(char kind, std::string_view text) {
  if (full()) return;
  *out_ += kind;
  out_->append(text).append("\r\n");
}

void ReplyWriter::header(char kind, size_t count) {
  if (full()) return;
  *out_ += kind;
  append_int(*out_, static_cast<int64_t>(count));
  out_->append("\r\n");
}

void ReplyWriter::insert_header(size_t place, char kind, size_t count) {
  std::string text(1, kind);
  append_int(text, static_cast<int64_t>(count));
  text.append("\r\n");
  out_->insert(place, text);
}

void ReplyWriter::error(std::string_view text) {
  if (full()) return;
  *out_ += '-';
  for (const char c : text) *out_ += c == '\r' || c == '\n' ? ' ' : c;
  out_->append("\r\n");
}

void ReplyWriter::integer(int64_t value) {
  if (full()) return;
  *out_ += ':';
  append_int(*out_, value);
  out_->append("\r\n");
}

void ReplyWriter::bulk(std::string_view bytes) {
  if (full()) return;
  header('$', bytes.size());
  out_->append(bytes).append("\r\n");
}

void ReplyWriter::bulk_int(int64_t value) {
  std::array<char, 24> text;
  const auto [end, error] = std::to_chars(text.data(), text.data() + text.size(), value);
  bulk({text.data(), static_cast<size_t>(end - text.data())});
}

void ReplyWriter::null() { raw(resp3() ? "_\r\n" : "$-1\r\n"); }

void ReplyWriter::null_array() { raw(resp3() ? "_\r\n" : "*-1\r\n"); }

void ReplyWriter::map(size_t pairs) {
  if (resp3()) {
    header('%', pairs);
  } else {
    header('*', pairs * 2);
  }
}

void ReplyWriter::number(double value) {
  const std::string text = format_reply_double(value);
  if (resp3()) {
    line(',', text);
  } else {
    bulk(text);
  }
}

void ReplyWriter::long_number(std::string_view digits) { resp3() ? line(',', digits) : bulk(digits); }

void ReplyWriter::boolean(bool value) {
  if (resp3()) {
    raw(value ? "#t\r\n" : "#f\r\n");
  } else {
    integer(value ? 1 : 0);
  }
}

void ReplyWriter::big_number(std::string_view digits) {
  if (resp3()) {
    line('(', digits);
  } else {
    bulk(digits);
  }
}

void ReplyWriter::verbatim(std::string_view format, std::string_view text) {
  if (!resp3()) {
    bulk(text);
    return;
  }
  if (full()) return;
  header('=', text.size() + 4);
  out_->append(format).append(":").append(text).append("\r\n");
}

}  // namespace compozy::redis
