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
  std::vector<Place> waiting_for(size_t database, std::string_view key);
  Place find(uint64_t session_id);
  Place end() { return waiters_.end(); }
  std::vector<Place> overdue(int64_t now_ms);
  std::vector<Place> waiting_for_replicas();
  std::vector<Place> all();
  int64_t next_deadline_ms() const;  // 0: none
  bool empty() const { return waiters_.empty(); }

 private:
  std::list<Waiter> waiters_;
};

}  // namespace compozy::redis
