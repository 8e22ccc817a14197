// SPDX-License-Identifier: Apache-2.0
//
// ReplyParser: a client's side of RESP2 and RESP3. Bytes in, whole replies out, at whatever places the bytes are cut.
//
//   parser.feed(bytes);
//   while (true) { TRY(auto reply, parser.next()); if (!reply) break; use(*reply); }
//
// Attributes ("|") are read and dropped. A streamed RESP3 aggregate ("?") is refused: Redis sends none.
// Thread: one. Limits: nesting 128, one bulk 512 MB, one aggregate 1M × 32 items; a protocol error is final.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "redis/resp/reply.hpp"

namespace compozy::redis {

class ReplyParser {
 public:
  void feed(std::string_view bytes);
  // The next whole reply; nullopt when more bytes are needed.
  Result<std::optional<Reply>> next();
  size_t buffered() const { return buffer_.size() - start_; }
  void reset();

 private:
  struct Open {
    Reply reply;
    size_t missing;
    bool attribute;
  };
  enum class Step : uint8_t { item, opened, need_more };

  Result<Step> step(Reply& out);
  Result<Step> step_bulk(char kind, std::string_view line, size_t after, Reply& out);
  Result<Step> open_aggregate(char kind, int64_t count, Reply& out);
  static Result<void> scalar(char kind, std::string_view line, Reply& out);

  std::string buffer_;
  size_t start_ = 0;
  std::vector<Open> open_;
};

}  // namespace compozy::redis
