// SPDX-License-Identifier: Apache-2.0
#include "redis/keyspace/reclaimer.hpp"

#include <utility>

namespace compozy::redis {

Reclaimer::~Reclaimer() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
  settle();
}

void Reclaimer::take(std::function<void()> free, uint64_t objects) {
  pending_.fetch_add(objects, std::memory_order_relaxed);
  {
    const std::lock_guard lock(mutex_);
    jobs_.push_back({std::move(free), objects});
  }
  if (!thread_.joinable()) thread_ = std::thread([this] { run(); });
  wake_.notify_one();
}

void Reclaimer::run() {
  MemoryAccount freed;  // goes below zero
  const AccountScope scope(freed);
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, [this] { return stopping_ || !jobs_.empty(); });
    if (jobs_.empty()) return;
    const Job job = std::move(jobs_.front());
    jobs_.pop_front();
    lock.unlock();
    job.free();
    freed_bytes_.fetch_sub(std::exchange(freed.used, 0), std::memory_order_release);
    pending_.fetch_sub(job.objects, std::memory_order_relaxed);
    lock.lock();
  }
}

}  // namespace compozy::redis
