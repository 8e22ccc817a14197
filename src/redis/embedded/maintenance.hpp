// SPDX-License-Identifier: Apache-2.0
//
// Maintenance: the thread that calls Engine::cron(): active expiry, rehashing, deadlines of blocked clients, the walk
// of a log rewrite. Ten times a second, and a hundred times while somebody waits in a blocking command. Owner: app,
// beside the engine; end it before the engine.
#pragma once

#include <condition_variable>
#include <mutex>
#include <thread>

#include "redis/engine/engine.hpp"

namespace compozy::redis {

class Maintenance {
 public:
  explicit Maintenance(Engine& engine);
  ~Maintenance();
  Maintenance(const Maintenance&) = delete;
  Maintenance& operator=(const Maintenance&) = delete;

 private:
  void loop();

  Engine& engine_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace compozy::redis
