// SPDX-License-Identifier: Apache-2.0
//
// PubSub: who listens to which channel and pattern. Messages are appended to the listeners' outboxes under the gate, in
// the order of publishing; a RESP3 session receives push replies, a RESP2 one arrays.
// Source: redis.io/docs/manual/pubsub.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "redis/session/session.hpp"

namespace compozy::redis {

class PubSub {
 public:
  // Each sends its confirmation to the session.
  void subscribe(Session& session, std::string_view channel);
  void psubscribe(Session& session, std::string_view pattern);
  void ssubscribe(Session& session, std::string_view channel);
  void unsubscribe(Session& session, std::string_view channel);
  void punsubscribe(Session& session, std::string_view pattern);
  void sunsubscribe(Session& session, std::string_view channel);
  void unsubscribe_all(Session& session);  // with confirmations; one with nil when there is nothing
  void punsubscribe_all(Session& session);
  void sunsubscribe_all(Session& session);
  void forget(Session& session);  // silently, when the session ends or is reset

  // Returns how many received it; `lsn` is what must be durable before they may see it.
  size_t publish(std::string_view channel, std::string_view message, uint64_t lsn);
  size_t spublish(std::string_view channel, std::string_view message, uint64_t lsn);

  std::vector<std::string> channels(std::string_view pattern, bool shard) const;  // an empty pattern: all
  size_t subscriber_count(std::string_view channel, bool shard) const;
  size_t pattern_count() const { return patterns_.size(); }
  size_t channel_count(bool shard) const { return shard ? shard_channels_.size() : channels_.size(); }

 private:
  using Listeners = std::map<std::string, std::vector<Session*>, std::less<>>;

  static void add(Listeners& listeners, std::string_view name, Session& session);
  static void remove(Listeners& listeners, std::string_view name, Session& session);
  static void deliver(Session& session, std::string_view message, uint64_t lsn);
  static void confirm(Session& session, std::string_view kind, std::string_view name, size_t count);
  static void confirm_nothing(Session& session, std::string_view kind, size_t count);

  Listeners channels_;
  Listeners patterns_;
  Listeners shard_channels_;
};

}  // namespace compozy::redis
