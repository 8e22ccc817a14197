// SPDX-License-Identifier: Apache-2.0
//
// RequestParser: bytes that a client sent → one command's arguments, at whatever places the bytes are cut.
// Source: redis.io/docs/reference/protocol-spec (multibulk and inline requests).
//
//   while (parser.parse(input.substr(used)) == RequestParser::Status::complete) {
//     run(parser.args());          // views into the input given to parse()
//     used += parser.consumed();
//   }
//
// The caller owns the bytes and keeps an incomplete command's bytes until it is complete; the parser keeps offsets, so
// the bytes may move between calls and are scanned once. An empty line or `*0` completes with no arguments.
// After an error the parser stays in error: the text in error() is sent as `-ERR <text>` and the connection closed.
//
// Thread: one. Limits below; a peer that is not authenticated yet gets smaller ones.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace compozy::redis {

using Args = std::span<const std::string_view>;

struct RequestLimits {
  int64_t bulk_bytes = 512LL * 1024 * 1024;
  int64_t arguments = 1024LL * 1024;
  size_t inline_bytes = 64UL * 1024;  // also the longest line with a count
  bool authenticated = true;          // otherwise 10 arguments of 16 KB at most
};

class RequestParser {
 public:
  enum class Status : uint8_t { need_more, complete, error };

  explicit RequestParser(RequestLimits limits = {}) : limits_(limits) {}

  Status parse(std::string_view input);
  // Forgets what it knows of an incomplete command or of an error: the bytes will come again from their beginning.
  void restart() {
    pending_ = 0;
    error_.clear();
  }

  Args args() const { return args_; }
  // Whether args() are views into the input, and not into the parser: false for inline commands.
  bool args_in_input() const { return inline_args_.empty(); }
  size_t consumed() const { return consumed_; }  // bytes of the completed command
  const std::string& error() const { return error_; }
  void set_limits(RequestLimits limits) { limits_ = limits; }
  // Inside a command: the bytes of the arguments that are complete, and those before a large one that is on its way.
  size_t pending_argument_bytes() const;
  size_t pending_header_bytes() const;
  // How many bytes the command has at least, as far as is known: up to the end of the argument that is on its way.
  size_t known_size() const {
    return pending_ > 0 && bulk_size_ >= 0 ? offset_ + static_cast<size_t>(bulk_size_) + 2 : 0;
  }

 private:
  struct Piece {
    size_t offset;
    size_t size;
  };

  Status fail(std::string text);
  Status parse_inline(std::string_view input);
  Status parse_count(std::string_view input);
  Status parse_bulks(std::string_view input);
  Status parse_bulk_size(std::string_view input);
  // Finds a "<prefix><number>\r\n" line at offset_. False: incomplete or failed (see error_).
  bool line_end(std::string_view input, size_t& end, std::string_view too_long);
  Status suspend(std::string_view input);  // the rest of the command is not there yet

  RequestLimits limits_;
  std::vector<Piece> pieces_;  // of a command that did not come in one piece: its bytes may move between calls
  std::vector<std::string_view> args_;
  std::vector<std::string> inline_args_;
  std::string error_;
  int64_t pending_ = 0;     // bulks still to come
  bool suspended_ = false;  // the arguments so far are in pieces_
  int64_t bulk_size_ = -1;  // of the bulk being read
  size_t offset_ = 0;       // parsed so far in the current command
  size_t consumed_ = 0;
};

}  // namespace compozy::redis
