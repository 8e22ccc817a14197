// SPDX-License-Identifier: Apache-2.0
//
// Channels: events to whoever listens now, by Redis' pub/sub. A message reaches at most once; the events of a run carry
// numbers, so a listener that finds a gap reads what it missed from SQL.
//
//   workflow:<run>   the events of a run         task:<task execution>   those of one task
//
// A task event goes to both channels in one transaction. Owner: app. Thread: any loop.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "io/task.hpp"
#include "redis/client/client.hpp"

namespace compozy::store {

class Channels {
 public:
  explicit Channels(redis::Client& client) : client_(client) {}

  // How many listened. The payload is JSON text.
  io::Task<Result<int64_t>> publish(std::string channel, std::string payload);
  io::Task<Result<int64_t>> publish_workflow_event(std::string run, std::string payload);
  io::Task<Result<int64_t>> publish_task_event(std::string task, std::string run, std::string payload);

  io::Task<Result<std::unique_ptr<redis::Subscription>>> subscribe(std::vector<std::string> channels,
                                                                   std::vector<std::string> patterns = {},
                                                                   size_t buffer = kBuffer);
  io::Task<Result<std::unique_ptr<redis::Subscription>>> subscribe_workflow(std::string run, size_t buffer = kBuffer);
  io::Task<Result<std::unique_ptr<redis::Subscription>>> subscribe_all_workflows(size_t buffer = kBuffer);
  io::Task<Result<std::unique_ptr<redis::Subscription>>> subscribe_task(std::string task, size_t buffer = kBuffer);

 private:
  static constexpr size_t kBuffer = 1024;

  redis::Client& client_;
};

}  // namespace compozy::store
