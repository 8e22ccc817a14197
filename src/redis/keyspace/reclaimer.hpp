// SPDX-License-Identifier: Apache-2.0
//
// Reclaimer: frees large values on a thread of its own, so that whoever holds the gate does not wait for it. The bytes
// leave the engine's account when they are free: settle() books what was freed since the last call.
// The thread starts with the first value.
// Thread: all but the counters under the gate. Owner: Keyspace; what is left is freed when it ends.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

#include "redis/keyspace/memory.hpp"

namespace compozy::redis {

class Reclaimer {
 public:
  explicit Reclaimer(MemoryAccount& owner) : owner_(owner) {}
  ~Reclaimer();
  Reclaimer(const Reclaimer&) = delete;
  Reclaimer& operator=(const Reclaimer&) = delete;

  // `free` runs once, on the thread. `objects`: for how many keys it stands.
  void take(std::function<void()> free, uint64_t objects = 1);
  uint64_t pending() const { return pending_.load(std::memory_order_relaxed); }
  void settle() {
    if (freed_bytes_.load(std::memory_order_relaxed) == 0) return;
    owner_.used -= freed_bytes_.exchange(0, std::memory_order_acquire);
  }

 private:
  struct Job {
    std::function<void()> free;
    uint64_t objects;
  };
  void run();

  MemoryAccount& owner_;
  std::mutex mutex_;  // guards jobs_ and stopping_
  std::condition_variable wake_;
  std::deque<Job> jobs_;
  bool stopping_ = false;
  std::atomic<uint64_t> pending_{0};
  std::atomic<int64_t> freed_bytes_{0};
  std::thread thread_;
};

}  // namespace compozy::redis
