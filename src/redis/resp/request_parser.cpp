// SPDX-License-Identifier: Apache-2.0
#include "redis/resp/request_parser.hpp"

#include <algorithm>
#include <cstring>

#include "base/text.hpp"
#include "redis/resp/words.hpp"

namespace compozy::redis {

namespace {

// The number between a line's first byte and its "\r\n", as Redis reads it: "03" is none.
bool line_number(std::string_view line, int64_t& out) {
  line.remove_prefix(1);
  const std::string_view digits = line.substr(line.starts_with('-') ? 1 : 0);
  return parse_int64(line, out) && (!digits.starts_with('0') || line == "0");
}

// Nearly every line is its kind, one to four digits and "\r\n", and all there. Returns its size, 0 for any other.
size_t plain_line(std::string_view text, char kind, int64_t& out) {
  constexpr size_t kDigitsMax = 4;
  if (text.size() < kDigitsMax + 3 || text[0] != kind) return 0;
  int64_t value = 0;
  for (size_t i = 1; i <= kDigitsMax + 1; ++i) {
    const auto digit = static_cast<unsigned char>(text[i] - '0');
    if (digit > 9) {
      if (text[i] != '\r' || i == 1 || (text[1] == '0' && i > 2)) return 0;
      out = value;
      return i + 2;
    }
    value = value * 10 + digit;
  }
  return 0;
}

}  // namespace

RequestParser::Status RequestParser::fail(std::string text) {
  error_ = "Protocol error: " + std::move(text);
  return Status::error;
}

size_t RequestParser::pending_argument_bytes() const {
  size_t bytes = 0;
  if (pending_ > 0) {
    for (const Piece& piece : pieces_) bytes += piece.size;
  }
  return bytes;
}

size_t RequestParser::pending_header_bytes() const {
  constexpr int64_t kLarge = 32L * 1024;
  return pending_ > 0 && bulk_size_ >= kLarge ? offset_ : 0;
}

RequestParser::Status RequestParser::parse(std::string_view input) {
  if (!error_.empty()) return Status::error;
  args_.clear();
  if (pending_ == 0) {
    offset_ = 0;
    suspended_ = false;
    inline_args_.clear();
    if (input.empty()) return Status::need_more;
    if (input[0] != '*') return parse_inline(input);
    const Status status = parse_count(input);
    if (status != Status::complete || pending_ == 0) return status;
  }
  return parse_bulks(input);
}

bool RequestParser::line_end(std::string_view input, size_t& end, std::string_view too_long) {
  const void* found = std::memchr(input.data() + offset_, '\r', input.size() - offset_);
  if (found == nullptr) {
    if (input.size() - offset_ > limits_.inline_bytes) fail(std::string(too_long));
    return false;
  }
  end = static_cast<size_t>(static_cast<const char*>(found) - input.data());
  return end + 1 < input.size();
}

RequestParser::Status RequestParser::parse_count(std::string_view input) {
  int64_t count = 0;
  size_t size = plain_line(input, '*', count);
  if (size == 0) {
    size_t end = 0;
    if (!line_end(input, end, "too big mbulk count string")) return error_.empty() ? Status::need_more : Status::error;
    if (!line_number(input.substr(0, end), count)) return fail("invalid multibulk length");
    size = end + 2;
  }
  if (count > limits_.arguments) return fail("invalid multibulk length");
  if (count > 10 && !limits_.authenticated) return fail("unauthenticated multibulk length");
  if (count <= 0) {
    consumed_ = size;
    return Status::complete;
  }
  pending_ = count;
  offset_ = size;
  bulk_size_ = -1;
  return Status::complete;
}

RequestParser::Status RequestParser::parse_bulk_size(std::string_view input) {
  if (offset_ >= input.size()) return Status::need_more;
  int64_t size = 0;
  size_t line = plain_line(input.substr(offset_), '$', size);
  if (line == 0) {
    size_t end = 0;
    if (!line_end(input, end, "too big bulk count string")) return error_.empty() ? Status::need_more : Status::error;
    if (input[offset_] != '$') return fail(std::string("expected '$', got '") + input[offset_] + "'");
    if (!line_number(input.substr(offset_, end - offset_), size) || size < 0) return fail("invalid bulk length");
    line = end + 2 - offset_;
  }
  if (size > limits_.bulk_bytes) return fail("invalid bulk length");
  if (size > 16384 && !limits_.authenticated) return fail("unauthenticated bulk length");
  bulk_size_ = size;
  offset_ += line;
  return Status::complete;
}

RequestParser::Status RequestParser::parse_bulks(std::string_view input) {
  for (; pending_ > 0; --pending_) {
    if (bulk_size_ < 0) {
      const Status status = parse_bulk_size(input);
      if (status == Status::need_more) return suspend(input);
      if (status == Status::error) return status;
    }
    const auto size = static_cast<size_t>(bulk_size_);
    if (input.size() - offset_ < size + 2) return suspend(input);
    if (suspended_) {
      pieces_.push_back({offset_, size});
    } else {
      args_.push_back(input.substr(offset_, size));
    }
    offset_ += size + 2;
    bulk_size_ = -1;
  }
  if (suspended_) {
    args_.reserve(pieces_.size());
    for (const Piece& piece : pieces_) args_.push_back(input.substr(piece.offset, piece.size));
  }
  consumed_ = offset_;
  offset_ = 0;
  return Status::complete;
}

RequestParser::Status RequestParser::suspend(std::string_view input) {
  if (suspended_) return Status::need_more;
  suspended_ = true;
  pieces_.clear();
  for (const std::string_view arg : args_)
    pieces_.push_back({static_cast<size_t>(arg.data() - input.data()), arg.size()});
  args_.clear();
  return Status::need_more;
}

RequestParser::Status RequestParser::parse_inline(std::string_view input) {
  const size_t newline = input.find('\n');
  if (newline == std::string_view::npos) {
    return input.size() > limits_.inline_bytes ? fail("too big inline request") : Status::need_more;
  }
  std::string_view line = input.substr(0, newline);
  if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  if (!split_words(line, inline_args_)) return fail("unbalanced quotes in request");
  for (const std::string& arg : inline_args_) args_.push_back(arg);
  consumed_ = newline + 1;
  return Status::complete;
}

}  // namespace compozy::redis
