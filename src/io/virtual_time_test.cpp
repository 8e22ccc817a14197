// SPDX-License-Identifier: Apache-2.0
#include "io/virtual_time.hpp"

#include <string>
#include <vector>

#include "io/loop.hpp"
#include "io/timer.hpp"

namespace compozy::io {
namespace {

Task<void> note_after(Loop& loop, int64_t ms, std::vector<std::string>& order, std::string name) {
  (void)co_await sleep(loop, ms);
  order.push_back(std::move(name));
}

TEST(VirtualTime, LeapsToTheNextTimerAndNeverWaits) {
  VirtualTime time(1'000);
  Loop loop(time);
  std::vector<std::string> order;
  spawn(loop, note_after(loop, 3'600'000, order, "an hour"));
  spawn(loop, note_after(loop, 5, order, "first"));
  spawn(loop, note_after(loop, 5, order, "second"));
  run_until(loop, note_after(loop, 86'400'000, order, "a day"));
  EXPECT_EQ(order, (std::vector<std::string>{"first", "second", "an hour", "a day"}));
  EXPECT_EQ(time.wall_ms(), 86'401'000);
}

TEST(VirtualTime, AStopEndsASleepWithoutTimePassing) {
  VirtualTime time;
  Loop loop(time);
  std::stop_source stop;
  loop.post([&] { stop.request_stop(); });
  const auto slept = run_until(loop, sleep(loop, 1'000, stop.get_token()));
  EXPECT_EQ(slept.error().code, Errc::cancelled);
  EXPECT_EQ(time.monotonic_us(), 0);
}

TEST(VirtualTime, ATimerThatIsStartedAgainOrCancelledCallsNoMore) {
  VirtualTime time;
  Loop loop(time);
  int calls = 0;
  Timer again(loop);
  again.start(1, [&] { calls += 100; });
  again.start(2, [&] { ++calls; });
  Timer cancelled(loop);
  cancelled.start(1, [&] { calls += 1'000; });
  cancelled.cancel();
  {
    Timer gone(loop);
    gone.start(1, [&] { calls += 10'000; });
  }
  (void)run_until(loop, sleep(loop, 10));
  EXPECT_EQ(calls, 1);
}

TEST(VirtualTime, GoesOnAfterItsLoopIsGone) {
  VirtualTime time;
  {
    Loop loop(time);
    std::vector<std::string> order;
    spawn(loop, note_after(loop, 1'000, order, "never"));
    (void)run_until(loop, sleep(loop, 10));
    EXPECT_TRUE(order.empty());
  }
  time.clear();
  Loop loop(time);
  (void)run_until(loop, sleep(loop, 10));
  EXPECT_EQ(time.monotonic_us(), 20'000);
}

}  // namespace
}  // namespace compozy::io
