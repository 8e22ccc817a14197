// SPDX-License-Identifier: Apache-2.0
//
// Loop: the event loop of one thread. Every socket, timer and parked coroutine belongs to exactly one loop and is
// resumed on that loop's thread, so what lives on one loop needs no lock.
//
//   Loop loop;
//   spawn(loop, serve(...));                    // detached; any thread
//   loop.run();                                 // this thread is now the loop's, until stop()
//
// Thread: post(), stop(), spawn() and in_loop_thread() from any thread; run() from one thread at a time. Every other
// operation of io/ must be awaited on a loop and continues on the loop on which it was awaited.
// Lifetime: tasks still suspended when the loop is destroyed are destroyed with it, newest first.
#pragma once

#include <coroutine>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <semaphore>
#include <stop_token>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <variant>

#include "io/task.hpp"

namespace boost::asio {
class io_context;
}

namespace compozy::io {

class VirtualTime;

class Loop {
 public:
  Loop();
  explicit Loop(VirtualTime& time);  // waits for nothing (virtual_time.hpp)
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  void run();   // returns after stop(), also when stop() came first
  void stop();  // what is being run ends its turn; what is queued stays queued
  void post(std::move_only_function<void()> work);
  void resume(std::coroutine_handle<> handle);  // posts a parked coroutine
  void drop_tasks();  // destroys what is suspended, newest first, as the destructor does; not while it runs

  bool in_loop_thread() const { return current() == this; }
  static Loop* current();         // the loop this thread runs, or null
  size_t detached_count() const;  // tasks that spawn() started and that have not ended

  boost::asio::io_context& context();  // for io/'s own .cpp files
  VirtualTime* virtual_time() const { return time_; }

  struct Impl;

 private:
  friend void spawn(Loop& loop, Task<void> task);
  std::unique_ptr<Impl> impl_;
  VirtualTime* time_ = nullptr;
};

// Starts `task` on the loop and forgets it. Use a TaskScope where shutdown has to wait for it.
void spawn(Loop& loop, Task<void> task);

// co_await switch_to(loop): the rest of the coroutine runs on that loop.
struct SwitchAwaiter {
  Loop& loop;
  bool await_ready() const noexcept { return loop.in_loop_thread(); }
  void await_suspend(std::coroutine_handle<> handle) const { loop.resume(handle); }
  void await_resume() const noexcept {}
};
inline SwitchAwaiter switch_to(Loop& loop) { return {loop}; }

// co_await yield(): lets everything else that is ready run first.
struct YieldAwaiter {
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> handle) const {
    ASSERT(Loop::current() != nullptr);
    Loop::current()->resume(handle);
  }
  void await_resume() const noexcept {}
};
inline YieldAwaiter yield() { return {}; }

// TaskScope: detached tasks that somebody answers for. join() refuses new ones and waits for the rest; stop() asks them
// to end through the token that they were given.
//
// Owner: a service. Thread: spawn(), stop(), size() any; join() on the scope's loop. Must be empty when destroyed.
class TaskScope {
 public:
  explicit TaskScope(Loop& loop) : state_(std::make_shared<State>(loop)) {}
  ~TaskScope();
  TaskScope(const TaskScope&) = delete;
  TaskScope& operator=(const TaskScope&) = delete;

  bool spawn(Task<void> task);  // false, and the task is destroyed unstarted, once stopped or joined
  void stop();                  // closes the scope and requests the token's stop
  std::stop_token token() const { return state_->source.get_token(); }
  size_t size() const;
  Task<void> join();
  Loop& loop() const { return state_->loop; }

 private:
  struct State {
    explicit State(Loop& l) : loop(l) {}
    Loop& loop;
    std::stop_source source;
    mutable std::mutex mutex;
    size_t running = 0;
    bool closed = false;
    std::coroutine_handle<> joiner;
    Loop* joiner_loop = nullptr;
  };
  class Presence;
  struct JoinAwaiter;
  static Task<void> tracked(std::unique_ptr<Presence> presence, Task<void> task);

  std::shared_ptr<State> state_;
};

// A thread that runs a loop. Stops and joins when destroyed. `name` is what the system shows (15 characters).
class LoopThread {
 public:
  explicit LoopThread(const std::string& name);
  ~LoopThread();
  LoopThread(const LoopThread&) = delete;
  LoopThread& operator=(const LoopThread&) = delete;
  Loop& loop() { return loop_; }
  void stop();

 private:
  Loop loop_;
  std::thread thread_;
};

namespace detail {
// The task's frame is gone before `done` says so: the caller may then destroy what the task referred to.
template <class T, class Slot>
Task<void> store(Task<T> task, Slot* slot, std::function<void()> done) {
  {
    Task<T> owned = std::move(task);
    if constexpr (std::is_void_v<T>) {
      co_await std::move(owned);
    } else {
      slot->emplace(co_await std::move(owned));
    }
  }
  done();
}
template <class T>
using SlotOf = std::optional<std::conditional_t<std::is_void_v<T>, std::monostate, T>>;
}  // namespace detail

// Runs the loop on this thread until `task` has its result. For main functions and tests.
template <class T>
T run_until(Loop& loop, Task<T> task) {
  detail::SlotOf<T> slot;
  spawn(loop, detail::store(std::move(task), &slot, [&loop] { loop.stop(); }));
  loop.run();
  if constexpr (!std::is_void_v<T>) {
    ASSERT(slot.has_value());
    return *std::move(slot);
  }
}

// Runs `task` on a loop that another thread runs, and blocks this thread until it ends. Never from a loop's thread.
template <class T>
T call_on(Loop& loop, Task<T> task) {
  ASSERT(Loop::current() == nullptr);
  const auto ended = std::make_shared<std::binary_semaphore>(0);
  detail::SlotOf<T> slot;
  spawn(loop, detail::store(std::move(task), &slot, [ended] { ended->release(); }));
  ended->acquire();
  if constexpr (!std::is_void_v<T>) return *std::move(slot);
}

}  // namespace compozy::io
