// SPDX-License-Identifier: Apache-2.0
//
// ReplicaSockets: a dump file that no disk sees: what is appended goes to all replicas that are attached, at the pace
// of the slowest, with a mark of forty characters before and after it in place of its length. A replica that takes
// nothing for `repl-timeout` is given up; when all are gone, appending fails. Thread: the saver's, outside the gate.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "redis/engine/engine.hpp"
#include "redis/persist/log_file.hpp"

namespace compozy::redis {

class ReplicaSockets final : public LogFile {
 public:
  // `stopping`: the server ends.
  ReplicaSockets(Engine& engine, std::string mark, const std::atomic<bool>& stopping)
      : engine_(engine), mark_(std::move(mark)), stopping_(stopping) {}

  Result<void> append(std::string_view bytes) override;
  Result<void> sync() override { return append(mark_); }
  Result<void> reserve(uint64_t) override { return {}; }
  uint64_t size() const override { return size_; }

 private:
  struct Progress {
    size_t unsent = 0;
    int64_t since_us = 0;  // it has not changed since then
  };

  bool is_stuck(const Session& replica);
  Result<bool> offer(std::string_view bytes);

  Engine& engine_;
  const std::string mark_;
  const std::atomic<bool>& stopping_;
  uint64_t size_ = 0;
  std::map<uint64_t, Progress> progress_;  // by session
};

// How many replicas a file is made for.
size_t attached_replicas(const ServerState& server);

}  // namespace compozy::redis
