// SPDX-License-Identifier: Apache-2.0
#include "io/blocking_pool.hpp"

#include <pthread.h>

namespace compozy::io {

BlockingPool::BlockingPool(Options options) : options_(std::move(options)) {
  if (options_.executor) return;
  ASSERT(options_.threads > 0);
  for (size_t i = 0; i < options_.threads; ++i) threads_.emplace_back([this] { work_until_stopped(); });
}

BlockingPool::~BlockingPool() { stop(); }

Result<void> BlockingPool::submit(std::move_only_function<void()> work) {
  if (options_.executor) {
    options_.executor(std::move(work));
    return {};
  }
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) return fail(Errc::closed, "the pool '" + options_.name + "' is stopping");
    if (queue_.size() >= options_.queue_max) {
      return fail(Errc::limit_exceeded, "the pool '" + options_.name + "' has " + std::to_string(options_.queue_max) +
                                            " waiting jobs, its limit");
    }
    queue_.push_back(std::move(work));
  }
  ready_.notify_one();
  return {};
}

void BlockingPool::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  ready_.notify_all();
  for (auto& thread : threads_) {
    if (thread.joinable()) thread.join();
  }
}

void BlockingPool::work_until_stopped() {
  pthread_setname_np(pthread_self(), options_.name.substr(0, 15).c_str());
  for (;;) {
    std::move_only_function<void()> work;
    {
      std::unique_lock lock(mutex_);
      ready_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
      if (queue_.empty()) return;
      work = std::move(queue_.front());
      queue_.pop_front();
    }
    work();
  }
}

}  // namespace compozy::io
