// SPDX-License-Identifier: Apache-2.0
//
// Eviction: keeps used memory below `maxmemory` by deleting keys as `maxmemory-policy` says. A few keys are sampled at
// a time and the best candidates are kept in a pool of 16 between calls, which comes close to a true LRU or LFU.
// Source: redis.io/docs/reference/eviction.
// Owner: Engine. Thread: whoever holds the gate.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "redis/commands/state.hpp"

namespace compozy::redis {

class Eviction {
 public:
  // `evicted` is told of each key after it is gone.
  using Evicted = std::function<void(Database&, std::string_view key)>;
  Eviction(ServerState& server, Evicted evicted) : server_(server), evicted_(std::move(evicted)) {}

  enum class Room : uint8_t { enough, freeing, none };
  // Deletes keys until memory suffices, for a bounded time. freeing: there is more to do, call again soon; the command
  // may go on. none: nothing can be deleted, so what needs memory must be refused.
  Room make_room();
  // Says once in the log that four fifths are used; again only after it has fallen below.
  void watch_level();

 private:
  struct Policy {
    bool volatile_only = false;
    enum class Order : uint8_t { none, idle, frequency, random, deadline } order = Order::none;
  };
  struct Candidate {
    uint64_t score;
    size_t database;
    std::string key;
  };

  Policy policy() const;
  bool evict_one(const Policy& policy);
  bool evict_random(const Policy& policy);
  void sample(const Policy& policy);
  uint64_t score_of(const Policy& policy, const Entry& entry) const;
  void evict(Database& database, std::string_view key);

  ServerState& server_;
  Evicted evicted_;
  std::vector<Candidate> pool_;  // the best last
  size_t next_database_ = 0;
  bool warned_ = false;
};

}  // namespace compozy::redis
