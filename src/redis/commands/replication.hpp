// SPDX-License-Identifier: Apache-2.0
//
// Replication as commands and INFO see it: whom this server follows, and what has been sent to those who follow it.
// The connection to a master is redis/persist's ReplicaLink. Thread: whoever holds the gate.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace compozy::redis {

struct Context;
struct ServerState;

struct Following {
  enum class Link : uint8_t { connecting, syncing, up };
  std::string host;  // empty: this server is a master
  int64_t port = 0;
  Link link = Link::connecting;
  int64_t last_io_ms = 0;
  int64_t down_since_ms = 0;
  uint64_t offset = 0;  // in the master's stream
  bool on() const { return !host.empty(); }
};

// Begins to follow a master, or with an empty host becomes one. Empty: done. Otherwise the error.
std::string follow(ServerState& server, const std::string& host, int64_t port);
// The section Replication of INFO.
void add_replication_info(Context& ctx, std::vector<std::pair<std::string, std::string>>& lines);

}  // namespace compozy::redis
