// SPDX-License-Identifier: Apache-2.0
#include "io/loop.hpp"

#include <pthread.h>

#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <csignal>
#include <list>

#include "io/virtual_time.hpp"

namespace compozy::io {

namespace asio = boost::asio;

namespace {

thread_local Loop* current_loop = nullptr;

// The frame at the bottom of every detached task. It registers itself with its loop, so that the loop can destroy it.
struct Root {
  struct promise_type {
    Loop::Impl* owner = nullptr;
    std::list<std::coroutine_handle<>>::iterator place;

    Root get_return_object() noexcept { return {std::coroutine_handle<promise_type>::from_promise(*this)}; }
    std::suspend_always initial_suspend() const noexcept { return {}; }
    std::suspend_never final_suspend() noexcept;
    void return_void() const noexcept {}
    void unhandled_exception() const noexcept { std::terminate(); }
  };
  std::coroutine_handle<promise_type> handle;
};

Root start_root(Task<void> task) { co_await std::move(task); }

}  // namespace

struct Loop::Impl {
  // The hint says that one thread runs the context; other threads may still post.
  asio::io_context context{1};
  asio::executor_work_guard<asio::io_context::executor_type> work = asio::make_work_guard(context);
  mutable std::mutex mutex;
  std::list<std::coroutine_handle<>> roots;
  std::atomic<int> visitors{0};

  void leave(std::list<std::coroutine_handle<>>::iterator place) {
    const std::lock_guard lock(mutex);
    roots.erase(place);
  }
};

namespace {

std::suspend_never Root::promise_type::final_suspend() noexcept {
  owner->leave(place);
  return {};
}

}  // namespace

namespace {

// Another thread that is inside the loop. Its post may wake a coroutine that ends the loop's life before the post has
// returned, so the destructor waits until nobody is inside. Leaving is the last thing that a visitor does here.
class Visit {
 public:
  explicit Visit(std::atomic<int>& visitors) : visitors_(visitors) { visitors_.fetch_add(1); }
  Visit(const Visit&) = delete;
  Visit& operator=(const Visit&) = delete;
  ~Visit() { visitors_.fetch_sub(1); }

 private:
  std::atomic<int>& visitors_;
};

}  // namespace

Loop::Loop() {
  // A peer that closes its end must be an error from write, not the end of the process.
  static const bool ignored = [] {
    std::signal(SIGPIPE, SIG_IGN);
    return true;
  }();
  static_cast<void>(ignored);
  impl_ = std::make_unique<Impl>();
}

Loop::Loop(VirtualTime& time) : Loop() { time_ = &time; }

Loop::~Loop() {
  drop_tasks();
  while (impl_->visitors.load() != 0) std::this_thread::yield();
}

void Loop::drop_tasks() {
  ASSERT(current_loop != this);
  for (;;) {
    std::coroutine_handle<> newest;
    {
      const std::lock_guard lock(impl_->mutex);
      if (impl_->roots.empty()) break;
      newest = impl_->roots.back();
      impl_->roots.pop_back();
    }
    newest.destroy();
  }
}

void Loop::run() {
  ASSERT(current_loop == nullptr);
  current_loop = this;
  if (time_ == nullptr) impl_->context.run();
  while (!impl_->context.stopped()) {
    const bool went_on = impl_->context.poll() > 0 || impl_->context.stopped() || time_->leap();
    ASSERT(went_on);  // else nothing could ever happen again
  }
  impl_->context.restart();
  current_loop = nullptr;
}

void Loop::stop() {
  const Visit visit(impl_->visitors);
  impl_->context.stop();
}

void Loop::post(std::move_only_function<void()> work) {
  const Visit visit(impl_->visitors);
  asio::post(impl_->context, std::move(work));
}

void Loop::resume(std::coroutine_handle<> handle) {
  const Visit visit(impl_->visitors);
  asio::post(impl_->context, [handle] { handle.resume(); });
}

Loop* Loop::current() { return current_loop; }

size_t Loop::detached_count() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->roots.size();
}

asio::io_context& Loop::context() { return impl_->context; }

void spawn(Loop& loop, Task<void> task) {
  const Root root = start_root(std::move(task));
  {
    const std::lock_guard lock(loop.impl_->mutex);
    loop.impl_->roots.push_back(root.handle);
    root.handle.promise().owner = loop.impl_.get();
    root.handle.promise().place = std::prev(loop.impl_->roots.end());
  }
  loop.resume(root.handle);
}

// Counts a task out of its scope, also when its frame is destroyed before its end or its start.
class TaskScope::Presence {
 public:
  explicit Presence(std::shared_ptr<State> state) : state_(std::move(state)) {}
  Presence(const Presence&) = delete;
  Presence& operator=(const Presence&) = delete;
  ~Presence() {
    const std::lock_guard lock(state_->mutex);
    if (--state_->running == 0 && state_->joiner) state_->joiner_loop->resume(std::exchange(state_->joiner, nullptr));
  }

 private:
  std::shared_ptr<State> state_;
};

struct TaskScope::JoinAwaiter {
  State& state;
  bool await_ready() const noexcept { return false; }
  bool await_suspend(std::coroutine_handle<> handle) const {
    const std::lock_guard lock(state.mutex);
    if (state.running == 0) return false;
    state.joiner = handle;
    state.joiner_loop = Loop::current();
    ASSERT(state.joiner_loop != nullptr);
    return true;
  }
  void await_resume() const noexcept {}
};

Task<void> TaskScope::tracked(std::unique_ptr<Presence> presence, Task<void> task) {
  {
    Task<void> owned = std::move(task);
    co_await std::move(owned);
  }
  presence.reset();  // after the task's frame is gone: whoever joins may destroy what the task referred to
}

TaskScope::~TaskScope() { ASSERT(size() == 0); }

bool TaskScope::spawn(Task<void> task) {
  {
    const std::lock_guard lock(state_->mutex);
    if (state_->closed) return false;
    ++state_->running;
  }
  io::spawn(state_->loop, tracked(std::make_unique<Presence>(state_), std::move(task)));
  return true;
}

void TaskScope::stop() {
  {
    const std::lock_guard lock(state_->mutex);
    state_->closed = true;
  }
  state_->source.request_stop();
}

size_t TaskScope::size() const {
  const std::lock_guard lock(state_->mutex);
  return state_->running;
}

Task<void> TaskScope::join() {
  const auto state = state_;
  {
    const std::lock_guard lock(state->mutex);
    state->closed = true;
    ASSERT(!state->joiner);
  }
  co_await JoinAwaiter{*state};
}

LoopThread::LoopThread(const std::string& name) {
  thread_ = std::thread([this, name = name.substr(0, 15)] {
    pthread_setname_np(pthread_self(), name.c_str());
    loop_.run();
  });
}

LoopThread::~LoopThread() { stop(); }

void LoopThread::stop() {
  loop_.stop();
  if (thread_.joinable()) thread_.join();
}

}  // namespace compozy::io
