// SPDX-License-Identifier: Apache-2.0
//
// Keyspace notifications: what happened to keys, published to __keyspace@<db>__:<key> and __keyevent@<db>__:<event> as
// `notify-keyspace-events` asks. Which event a command causes follows from its name, its arguments and what is left of
// the key, so that handlers only report the keys that they touched. Source:
// redis.io/docs/manual/keyspace-notifications. Thread: whoever holds the gate.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "redis/session/pubsub.hpp"

namespace compozy::redis {

struct Context;

enum class EventClass : char {
  generic = 'g',
  string = '$',
  list = 'l',
  set = 's',
  hash = 'h',
  zset = 'z',
  expired = 'x',
  evicted = 'e',
  stream = 't',
  missed = 'm',
  added = 'n',
};

class Notifications {
 public:
  explicit Notifications(PubSub& pubsub) : pubsub_(pubsub) {}

  void set_flags(std::string_view flags);  // as CONFIG SET took them
  bool on() const { return by_key_ || by_event_; }
  bool wants(EventClass what) const { return on() && classes_.find(static_cast<char>(what)) != std::string::npos; }

  void post(EventClass what, std::string_view event, size_t database, std::string_view key);
  // What was posted leaves once the log holds its cause; without a log it leaves at once.
  void hold_back(bool hold) { held_back_ = hold; }
  void release(uint64_t lsn);

 private:
  struct Message {
    std::string channel;
    std::string text;
  };
  void publish(std::string channel, std::string_view text);

  PubSub& pubsub_;
  std::string classes_;
  bool by_key_ = false;
  bool by_event_ = false;
  bool held_back_ = false;
  std::vector<Message> waiting_;
};

// The events of a key that the command has just changed. `nth`: how many keys it had reported before.
void notify_touched(Context& context, Database& database, std::string_view key, int nth);
// The key has been deleted as its value became empty, after the command reported what it did to it.
void notify_emptied(Context& context, std::string_view key);

}  // namespace compozy::redis
