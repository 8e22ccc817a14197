// SPDX-License-Identifier: Apache-2.0
//
// SHUTDOWN, by command or signal: a master first waits, at most `shutdown-timeout`, until its replicas have all of its
// writes; meanwhile writes pause. Thread: whoever holds the gate. Source: redis.io/commands/shutdown.
#pragma once

#include <cstdint>

namespace compozy::redis {

struct ServerState;

struct ShutdownOptions {
  bool save = false;
  bool no_save = false;
  bool force = false;  // whatever goes wrong with saving
  bool now = false;    // without waiting for replicas
};

struct PendingShutdown {
  bool on = false;
  ShutdownOptions how;
  int64_t until_ms = 0;
};

// refused: the log says why.
enum class ShutdownOutcome : uint8_t { ends, waits, refused };
ShutdownOutcome begin_shutdown(ServerState& server, ShutdownOptions how);
// Looks whether the replicas have caught up, or the time is over.
void continue_shutdown(ServerState& server);
// False: none goes on.
bool abort_shutdown(ServerState& server);

}  // namespace compozy::redis
