// SPDX-License-Identifier: Apache-2.0
//
// BlockingPool: threads for work that blocks (file reads, queries, hashing of passwords), so that loops do not.
//
//   CO_TRY(auto text, co_await pool.run([path] { return read_file(path); }));
//
// Limits: `threads` at work, `queue_max` waiting; more is Errc::limit_exceeded. A stop takes back what still waits;
// work that has begun is awaited to its end, so it may refer to what its caller keeps.
// Thread: run() on a loop, submit() from any. stop() lets the queue finish and joins; the destructor does the same.
// Stop a pool before the loops whose tasks wait for it.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "io/completion.hpp"
#include "io/task.hpp"

namespace compozy::io {

class BlockingPool {
 public:
  struct Options {
    std::string name = "blocking";
    size_t threads = 4;
    size_t queue_max = 1024;
    // Takes the works instead of the pool's own threads, and runs each once; for simulations.
    std::function<void(std::move_only_function<void()>)> executor = {};
  };
  explicit BlockingPool(Options options);
  ~BlockingPool();
  BlockingPool(const BlockingPool&) = delete;
  BlockingPool& operator=(const BlockingPool&) = delete;

  Result<void> submit(std::move_only_function<void()> work);
  void stop();

  // Gives what `work` gives: a Result as it is, anything else wrapped in one.
  template <class Work>
  auto run(Work work, std::stop_token stop = {}) -> Task<AsResultT<std::invoke_result_t<Work&>>> {
    using Answer = AsResultT<std::invoke_result_t<Work&>>;
    const auto claim = std::make_shared<std::atomic_flag>();
    const Completion<Answer> done;
    CO_TRY(submit([claim, done, work = std::move(work)]() mutable {
      if (claim->test_and_set()) return;
      if constexpr (std::is_void_v<std::invoke_result_t<Work&>>) {
        work();
        done.set(Answer{});
      } else {
        done.set(Answer(work()));
      }
    }));
    const auto take_back = [claim, done] {
      if (!claim->test_and_set()) done.set(Answer(cancelled()));
    };
    const std::stop_callback on_stop(stop, take_back);
    co_return co_await done.wait();
  }

 private:
  void work_until_stopped();

  const Options options_;
  std::mutex mutex_;
  std::condition_variable ready_;
  std::deque<std::move_only_function<void()>> queue_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace compozy::io
