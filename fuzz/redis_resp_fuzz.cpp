// SPDX-License-Identifier: Apache-2.0
//
// RESP, both sides. Whatever comes in: no crash, and the same result wherever the bytes are cut.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/assert.hpp"
#include "redis/resp/reply_parser.hpp"
#include "redis/resp/request_parser.hpp"

using namespace compozy;
using namespace compozy::redis;

namespace {

struct Outcome {
  std::vector<std::vector<std::string>> commands;
  std::string error;
  bool operator==(const Outcome&) const = default;
};

// Gives the parser at most `step` more bytes at a time.
Outcome requests(std::string_view input, size_t step) {
  Outcome outcome;
  RequestParser parser;
  size_t used = 0;
  for (size_t known = std::min(step, input.size());; known = std::min(known + step, input.size())) {
    while (true) {
      const auto status = parser.parse(input.substr(used, known - used));
      if (status == RequestParser::Status::need_more) break;
      if (status == RequestParser::Status::error) {
        outcome.error = parser.error();
        return outcome;
      }
      outcome.commands.emplace_back(parser.args().begin(), parser.args().end());
      ASSERT(parser.consumed() > 0 && used + parser.consumed() <= known);
      used += parser.consumed();
    }
    if (known == input.size()) return outcome;
  }
}

std::string replies(std::string_view input, size_t step) {
  std::string shown;
  ReplyParser parser;
  for (size_t at = 0; at < input.size(); at += step) {
    parser.feed(input.substr(at, step));
    while (true) {
      auto reply = parser.next();
      if (!reply) return shown + "!";
      if (!*reply) break;
      shown += (*reply)->to_string() + "\n";
    }
  }
  return shown;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  if (size > 4096) return 0;
  ASSERT(requests(input, size + 1) == requests(input, 1));
  ASSERT(replies(input, size + 1) == replies(input, 1));
  return 0;
}
