// SPDX-License-Identifier: Apache-2.0
#include "redis/persist/replica_sockets.hpp"

#include <algorithm>

#include <poll.h>

#include "observe/log.hpp"

namespace compozy::redis {

namespace {

constexpr size_t kAheadMax = 1024UL * 1024;
constexpr int kStepMs = 2;

bool is_attached(const Session* replica) {
  return replica->follower.state == Follower::State::attached && !replica->killed;
}

}  // namespace

size_t attached_replicas(const ServerState& server) {
  return static_cast<size_t>(std::ranges::count_if(server.replication.replicas, is_attached));
}

Result<void> ReplicaSockets::append(std::string_view bytes) {
  std::string headed;
  if (size_ == 0) {
    headed = "$EOF:" + mark_ + "\r\n";
    headed += bytes;
    bytes = headed;
  }
  if (bytes.empty()) return {};
  while (true) {
    if (stopping_) return fail(Errc::cancelled, "the server stops");
    TRY(const bool taken, offer(bytes));
    if (taken) break;
    ::poll(nullptr, 0, kStepMs);
  }
  size_ += bytes.size();
  return {};
}

// Whether all had room for it.
Result<bool> ReplicaSockets::offer(std::string_view bytes) {
  const Engine::Hold hold(engine_);
  bool room = true;
  for (Session* replica : engine_.state().replication.replicas) {
    if (!is_attached(replica) || replica->unsent() < kAheadMax) continue;
    room = false;
    if (!is_stuck(*replica)) continue;
    log::warn("Disconnecting timedout replica (full sync): " + replica_name(*replica), {});
    replica->kill();
  }
  if (attached_replicas(engine_.state()) == 0) {
    log::info("Diskless rdb transfer, last replica dropped, killing fork child.", {});
    return fail(Errc::cancelled, "no replica waits for the data any more");
  }
  if (!room) return false;
  for (Session* replica : engine_.state().replication.replicas) {
    if (!is_attached(replica)) continue;
    replica->outbox.bytes += bytes;
    replica->notify();
  }
  return true;
}

bool ReplicaSockets::is_stuck(const Session& replica) {
  const int64_t now_us = engine_.state().keyspace.clock().monotonic_us();
  Progress& progress = progress_[replica.id()];
  if (progress.since_us == 0 || progress.unsent != replica.unsent()) {
    progress = {.unsent = replica.unsent(), .since_us = now_us};
  }
  return now_us - progress.since_us > engine_.state().settings.repl_timeout * 1'000'000;
}

}  // namespace compozy::redis
