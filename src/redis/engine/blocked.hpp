// SPDX-License-Identifier: Apache-2.0
//
// Waiters: the clients that wait in a blocking command. A waiter's command is run again when one of its keys was
// touched; waiters of a key are served in the order in which they came.
// Thread: whoever holds the gate.
#pragma once

#include <cstdint>
#include <list>
#include <string>
#include <vector>

#include "redis/commands/context.hpp"

namespace compozy::redis {

struct Waiter {
  Session* session;
  const Row* row;
  std::vector<std::string> args;
  BlockRequest request;
  size_t database;

  bool waits_for(size_t db, std::string_view key) const;
  // The command with this one of its keys alone: what the others hold meanwhile does not matter.
  std::vector<std::string_view> arguments_for(std::string_view key) const;
};

class Waiters {
 public:
  using Place = std::list<Waiter>::iterator;

  void add(ServerState& state, Waiter waiter);
  void remove(ServerState& state, Place place);
  void forget(ServerState& state, const Session& session);
  Place find(uint64_t session_id);
  Place end() { return waiters_.end(); }
  // Those of whom this is true, so that each can be served and removed.
  template <class Predicate>
  std::vector<Place> those(Predicate wanted) {
    std::vector<Place> found;
    for (auto at = waiters_.begin(); at != waiters_.end(); ++at) {
      if (wanted(*at)) found.push_back(at);
    }
    return found;
  }
  int64_t next_deadline_ms() const;  // 0: none
  bool empty() const { return waiters_.empty(); }

 private:
  std::list<Waiter> waiters_;
};

}  // namespace compozy::redis
