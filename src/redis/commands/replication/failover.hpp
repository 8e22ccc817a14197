// SPDX-License-Identifier: Apache-2.0
//
// FAILOVER: a master hands its role to one of its replicas: writes pause, the replica catches up, this server becomes
// its replica, and the replica agrees to be the master when it is asked (PSYNC … FAILOVER).
// Thread: whoever holds the gate. Source: redis.io/commands/failover.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace compozy::redis {

struct Context;
struct ServerState;

struct Failover {
  enum class State : uint8_t { none, waiting_for_sync, in_progress };
  State state = State::none;
  std::string host;  // empty: whoever catches up first
  int64_t port = 0;
  int64_t deadline_ms = 0;  // 0: none
  bool force = false;       // at the deadline it goes on, and not back
};

// As INFO shows it.
std::string_view failover_state(const Failover& failover);
// Looks whether the replica has caught up, or the time is over.
void continue_failover(ServerState& server);
// It came to its end: writes go on.
void end_failover(ServerState& server);
void abort_failover(ServerState& server, std::string_view reason);
// PSYNC id offset FAILOVER, to a replica. False: the error was sent.
bool take_over_from_master(Context& ctx);

}  // namespace compozy::redis
