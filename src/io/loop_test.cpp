// SPDX-License-Identifier: Apache-2.0
#include "io/loop.hpp"

#include <atomic>
#include <future>
#include <thread>
#include <vector>

namespace compozy::io {
namespace {

TEST(Loop, RunsPostedWorkInOrderOnItsOwnThread) {
  Loop loop;
  std::vector<int> order;
  std::thread poster([&] {
    for (int i = 0; i < 3; ++i) loop.post([&order, i] { order.push_back(i); });
    loop.post([&loop] { loop.stop(); });
  });
  loop.run();
  poster.join();
  EXPECT_THAT(order, ::testing::ElementsAre(0, 1, 2));
  EXPECT_FALSE(loop.in_loop_thread());
}

TEST(Loop, StopBeforeRunReturnsAtOnce) {
  Loop loop;
  loop.stop();
  loop.run();
  SUCCEED();
}

Task<void> hop(Loop& away, Loop& home, bool& on_away, bool& back_home) {
  co_await switch_to(away);
  on_away = away.in_loop_thread();
  co_await switch_to(home);
  back_home = home.in_loop_thread();
}

TEST(Loop, SwitchToContinuesOnTheOtherThread) {
  LoopThread away("away");
  Loop home;
  bool on_away = false;
  bool back_home = false;
  run_until(home, hop(away.loop(), home, on_away, back_home));
  EXPECT_TRUE(on_away);
  EXPECT_TRUE(back_home);
}

Task<int> answer() { co_return 42; }

TEST(Loop, CallOnBlocksAForeignThreadForTheResult) {
  LoopThread thread("worker");
  EXPECT_EQ(call_on(thread.loop(), answer()), 42);
}

struct Forever {
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<>) const noexcept {}
  void await_resume() const noexcept {}
};

Task<void> hang(std::shared_ptr<int>) { co_await Forever{}; }

TEST(Loop, DestroysWhatIsStillSuspended) {
  const auto held = std::make_shared<int>(0);
  {
    Loop loop;
    spawn(loop, hang(held));
    spawn(loop, hang(held));
    loop.post([&loop] { loop.stop(); });
    loop.run();
    EXPECT_EQ(loop.detached_count(), 2U);
    spawn(loop, hang(held));  // never started
  }
  EXPECT_EQ(held.use_count(), 1);
}

Task<void> count_to(std::atomic<int>& counter, int turns) {
  for (int i = 0; i < turns; ++i) {
    ++counter;
    co_await yield();
  }
}

TEST(TaskScope, JoinWaitsForAllAndRefusesNewOnes) {
  Loop loop;
  TaskScope scope(loop);
  std::atomic<int> counter = 0;
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(scope.spawn(count_to(counter, 100)));
  EXPECT_EQ(scope.size(), 10U);
  run_until(loop, scope.join());
  EXPECT_EQ(counter, 1000);
  EXPECT_EQ(scope.size(), 0U);
  EXPECT_FALSE(scope.spawn(count_to(counter, 1)));
  EXPECT_EQ(counter, 1000);
}

Task<void> until_stopped(std::stop_token stop, int& turns) {
  while (!stop.stop_requested()) {
    ++turns;
    co_await yield();
  }
}

Task<void> stop_and_join(TaskScope& scope) {
  for (int i = 0; i < 10; ++i) co_await yield();
  scope.stop();
  co_await scope.join();
}

TEST(TaskScope, StopReachesItsTasksThroughTheToken) {
  Loop loop;
  TaskScope scope(loop);
  int turns = 0;
  scope.spawn(until_stopped(scope.token(), turns));
  run_until(loop, stop_and_join(scope));
  EXPECT_GT(turns, 1);
  EXPECT_EQ(scope.size(), 0U);
}

TEST(TaskScope, TasksSpawnedFromManyThreadsAreAllJoined) {
  LoopThread thread("scope");
  std::atomic<int> counter = 0;
  TaskScope scope(thread.loop());
  std::vector<std::thread> spawners;
  for (int t = 0; t < 4; ++t) {
    spawners.emplace_back([&] {
      for (int i = 0; i < 500; ++i) scope.spawn(count_to(counter, 2));
    });
  }
  for (auto& spawner : spawners) spawner.join();
  call_on(thread.loop(), scope.join());
  EXPECT_EQ(counter, 4000);
}

TEST(TaskScope, SurvivesALoopThatDiesFirst) {
  auto loop = std::make_unique<Loop>();
  TaskScope scope(*loop);
  scope.spawn(hang(nullptr));
  loop.reset();
  EXPECT_EQ(scope.size(), 0U);
}

}  // namespace
}  // namespace compozy::io
