// SPDX-License-Identifier: Apache-2.0
//
// Tracking: which clients have read which keys, so that they hear when a key changes (client-side caching).
//
// Invalidations of a unit are collected and sent at its end: to others at once, to the client whose command runs after
// its reply. A RESP3 client receives a push; a RESP2 one only through the client it redirects to, as a message on
// __redis__:invalidate. Limit: `tracking-table-max-keys`; beyond it keys are invalidated early.
//
// Owner: ServerState. Thread: whoever holds the gate. Source: redis.io/docs/manual/client-side-caching.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "redis/session/session.hpp"

namespace compozy::redis {

class Tracking {
 public:
  using FindSession = std::function<Session*(uint64_t id)>;
  explicit Tracking(FindSession find) : find_(std::move(find)) {}

  // Turning it on again adds prefixes. The options were checked already.
  void enable(Session& session, ClientTracking options, const std::vector<std::string>& prefixes);
  void disable(Session& session);
  bool active() const { return clients_ > 0; }

  // The client has read the key.
  void remember(Session& session, std::string_view key);
  // The key has changed; by whom, or null.
  void invalidate(std::string_view key, const Session* by);
  void invalidate_all();  // FLUSHALL, FLUSHDB
  // At the end of a unit: sends what was collected.
  void send(uint64_t lsn);
  void limit(size_t keys_max);

  size_t clients() const { return clients_; }
  size_t key_count() const { return keys_.size(); }
  size_t item_count() const { return items_; }
  size_t prefix_count() const { return prefixes_.size(); }

 private:
  struct TextHash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  };
  struct Prefix {
    std::set<uint64_t> clients;
    std::map<std::string, uint64_t, std::less<>> changed;  // key → by whom; 0: nobody
  };
  using Keys = std::unordered_map<std::string, std::set<uint64_t>, TextHash, std::equal_to<>>;

  void erase(Keys::iterator at);
  void tell(uint64_t id, const std::vector<std::string_view>& keys, bool everything, uint64_t lsn);
  void send_broadcasts(uint64_t lsn);

  FindSession find_;
  size_t clients_ = 0;
  size_t items_ = 0;
  Keys keys_;
  std::map<std::string, Prefix, std::less<>> prefixes_;
  std::vector<std::pair<uint64_t, std::string>> pending_;  // whom to tell of which key
  std::set<uint64_t> everything_;                          // who shall forget all
  std::set<uint64_t> tracked_;                             // the clients with tracking on
};

}  // namespace compozy::redis
