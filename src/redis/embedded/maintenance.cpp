// SPDX-License-Identifier: Apache-2.0
#include "redis/embedded/maintenance.hpp"

#include <chrono>

namespace compozy::redis {

Maintenance::Maintenance(Engine& engine) : engine_(engine), thread_([this] { loop(); }) {}

Maintenance::~Maintenance() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

void Maintenance::loop() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    lock.unlock();
    bool waiting = false;
    {
      const Engine::Hold hold(engine_);
      engine_.cron();
      waiting = engine_.next_deadline_ms() != 0;
    }
    lock.lock();
    wake_.wait_for(lock, std::chrono::milliseconds(waiting ? 10 : 100), [this] { return stopping_; });
  }
}

}  // namespace compozy::redis
