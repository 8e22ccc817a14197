// SPDX-License-Identifier: Apache-2.0
#include "io/timer.hpp"

#include <thread>
#include <vector>

#include "base/clock.hpp"

namespace compozy::io {
namespace {

TEST(Sleep, LastsAtLeastAsLongAsAsked) {
  Loop loop;
  const int64_t start_us = system_clock().monotonic_us();
  spawn(loop, [](Loop& l) -> Task<void> {
    EXPECT_TRUE((co_await sleep(l, 20)).has_value());
    l.stop();
  }(loop));
  loop.run();
  EXPECT_GE(system_clock().monotonic_us() - start_us, 20'000);
}

Task<Result<void>> long_sleep(Loop& loop, std::stop_token stop) { return sleep(loop, 3'600'000, stop); }

TEST(Sleep, EndsAtOnceWhenAnotherThreadStopsIt) {
  Loop loop;
  std::stop_source source;
  std::thread stopper([&] { source.request_stop(); });
  const auto outcome = run_until(loop, long_sleep(loop, source.get_token()));
  stopper.join();
  EXPECT_EQ(outcome.error().code, Errc::cancelled);
}

TEST(Sleep, DoesNotStartWhenAlreadyStopped) {
  Loop loop;
  std::stop_source source;
  source.request_stop();
  EXPECT_EQ(run_until(loop, long_sleep(loop, source.get_token())).error().code, Errc::cancelled);
}

TEST(WithTimeout, TurnsALateAnswerIntoATimeoutThatNamesTheWork) {
  Loop loop;
  const auto work = [&loop](std::stop_token stop) { return long_sleep(loop, stop); };
  const auto outcome = run_until(loop, with_timeout(loop, 5, "asking 'peer'", {}, work));
  EXPECT_EQ(outcome.error().code, Errc::timeout);
  EXPECT_EQ(outcome.error().message, "asking 'peer' did not finish within 5ms");
}

TEST(WithTimeout, ItsParentsStopStaysACancellation) {
  Loop loop;
  std::stop_source source;
  loop.post([&source] { source.request_stop(); });
  const auto work = [&loop](std::stop_token stop) { return long_sleep(loop, stop); };
  const auto outcome = run_until(loop, with_timeout(loop, 3'600'000, "asking", source.get_token(), work));
  EXPECT_EQ(outcome.error().code, Errc::cancelled);
}

Task<Result<int>> seven(std::stop_token) { co_return 7; }

TEST(WithTimeout, LeavesAnAnswerInTimeAlone) {
  Loop loop;
  EXPECT_EQ(run_until(loop, with_timeout(loop, 3'600'000, "asking", {}, seven)).value(), 7);
}

Task<void> expire_twice(Loop& loop, Deadline& deadline, std::vector<Errc>& seen) {
  for (int i = 0; i < 2; ++i) {
    deadline.restart(2);
    const auto outcome = co_await sleep(loop, 3'600'000, deadline.token());
    seen.push_back(outcome.error().code);
    EXPECT_TRUE(deadline.expired());
  }
  deadline.restart(3'600'000);
  EXPECT_FALSE(deadline.expired());
  EXPECT_TRUE((co_await sleep(loop, 1, deadline.token())).has_value());
}

TEST(Deadline, CanBeUsedAgainAfterItExpired) {
  Loop loop;
  std::stop_source parent;
  Deadline deadline(loop, 1, parent.get_token());
  std::vector<Errc> seen;
  run_until(loop, expire_twice(loop, deadline, seen));
  EXPECT_THAT(seen, ::testing::ElementsAre(Errc::cancelled, Errc::cancelled));
  parent.request_stop();
  deadline.restart(3'600'000);
  EXPECT_TRUE(deadline.token().stop_requested()) << "a stopped parent stays stopped";
}

TEST(Timer, RestartReplacesTheEarlierStartAndCancelForgets) {
  Loop loop;
  std::vector<int> calls;
  Timer first(loop);
  Timer second(loop);
  Timer last(loop);
  first.start(1, [&] { calls.push_back(1); });
  first.start(2, [&] { calls.push_back(2); });
  second.start(1, [&] { calls.push_back(3); });
  second.cancel();
  last.start(10, [&] { loop.stop(); });
  loop.run();
  EXPECT_THAT(calls, ::testing::ElementsAre(2));
}

}  // namespace
}  // namespace compozy::io
