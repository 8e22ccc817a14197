// SPDX-License-Identifier: Apache-2.0
//
// Conversation memory on Redis: embedded or remote, the same bytes.
//
//   mem:{<project>:<memory>:<hash>}:messages   LIST, one JSON message an element, oldest first: {role, content, tokens}
//   mem:{<project>:<memory>:<hash>}:meta       HASH: message_count, token_count, key, last_flush_ms
//   mem:{<project>:<memory>:<hash>}:fx:<effect> STRING: the reply of an effect that has happened
//
// Each change is one script: messages, counters, limits, expiry and the effect's reply change together or not at all,
// so counters always equal contents. A repeated effect (same key) changes nothing and gives the first reply again:
// exactly once across crashes (docs/durability.md section 5). <hash> is of the conversation's key, so that no two keys
// collide. Limits: kMessagesMax messages a call, kMessageBytesMax a message. Durability: every change is durable when
// it returns. Thread: any loop.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "io/task.hpp"
#include "json/value.hpp"
#include "redis/client/client.hpp"

namespace compozy::store {

struct MemoryKey {
  std::string project;
  std::string memory;
  std::string key;
};

struct MemoryMessage {
  std::string role;  // user, assistant, system or tool
  std::string content;
};

// 0 = unlimited; ttl_ms slides with each change, 0 = kept for ever.
struct MemoryLimits {
  int64_t max_messages = 0;
  int64_t max_tokens = 0;
  int64_t ttl_ms = 0;
};

struct MemoryChange {
  int64_t message_count = 0;
  int64_t token_count = 0;
  int64_t changed = 0;  // messages appended, cleared or flushed
};

struct MemoryPage {
  std::vector<MemoryMessage> messages;
  int64_t message_count = 0;
  int64_t token_count = 0;
  int64_t last_flush_ms = 0;  // 0 = never
};

class Memory {
 public:
  static constexpr size_t kMessagesMax = 1'000;
  static constexpr size_t kMessageBytesMax = 1U << 20U;
  static constexpr int64_t kEffectTtlMs = 7LL * 24 * 3600 * 1000;
  static constexpr int64_t kClosedEffectTtlMs = 3600 * 1000;

  Memory(redis::Client& client, const Clock& clock) : client_(client), clock_(clock) {}

  // `effect` names the change; empty = it may happen again.
  io::Task<Result<MemoryChange>> append(MemoryKey key, std::vector<MemoryMessage> messages, MemoryLimits limits,
                                        std::string effect);
  io::Task<Result<MemoryChange>> replace(MemoryKey key, std::vector<MemoryMessage> messages, MemoryLimits limits,
                                         std::string effect);
  io::Task<Result<MemoryChange>> clear(MemoryKey key, std::string effect);
  // Drops the oldest messages until at most `keep_messages` and `keep_tokens` are left (-1 = no bound).
  io::Task<Result<MemoryChange>> flush(MemoryKey key, int64_t keep_messages, int64_t keep_tokens, std::string effect);

  // An absent conversation is an empty page.
  io::Task<Result<MemoryPage>> read(MemoryKey key, int64_t offset, int64_t limit);

  // The step that caused the effect is closed for good: its reply is kept for an hour more.
  io::Task<Result<void>> effect_closed(MemoryKey key, std::string effect);

 private:
  io::Task<Result<MemoryChange>> write(std::string_view mode, MemoryKey key, std::vector<MemoryMessage> messages,
                                       MemoryLimits limits, std::string effect);

  redis::Client& client_;
  const Clock& clock_;
};

// An estimate: a quarter of the bytes, at least 1, of content and role each, and 2 for the frame.
int64_t estimate_tokens(const MemoryMessage& message);

}  // namespace compozy::store
