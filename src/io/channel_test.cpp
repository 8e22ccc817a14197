// SPDX-License-Identifier: Apache-2.0
#include "io/channel.hpp"

#include <atomic>
#include <memory>
#include <numeric>
#include <string>
#include <thread>
#include <vector>

#include "io/completion.hpp"

namespace compozy::io {
namespace {

TEST(Completion, GivesAValueThatCameBeforeTheWait) {
  Loop loop;
  const Completion<std::string> done;
  EXPECT_TRUE(done.set("early"));
  EXPECT_FALSE(done.set("again"));
  EXPECT_EQ(run_until(loop, done.wait()).value(), "early");
}

TEST(Completion, WakesAWaiterFromAnotherThread) {
  Loop loop;
  for (int i = 0; i < 200; ++i) {
    const Completion<int> done;
    std::thread setter([done, i] { done.set(i); });
    EXPECT_EQ(run_until(loop, done.wait()).value(), i);
    setter.join();
  }
}

TEST(Completion, DoesNotWrapAResultTwice) {
  Loop loop;
  const Completion<Result<int>> done;
  done.set(fail(Errc::not_found, "nothing there"));
  const Result<int> answer = run_until(loop, done.wait());
  EXPECT_EQ(answer.error().code, Errc::not_found);
}

TEST(Completion, AStopEndsTheWaitAndALateValueIsDropped) {
  Loop loop;
  std::stop_source source;
  const Completion<std::shared_ptr<int>> done;
  std::thread stopper([&source] { source.request_stop(); });
  EXPECT_EQ(run_until(loop, done.wait(source.get_token())).error().code, Errc::cancelled);
  stopper.join();
  EXPECT_TRUE(done.set(std::make_shared<int>(1)));
}

TEST(Completion, StopAndValueInTheSameInstantWakeItOnce) {
  Loop loop;
  for (int i = 0; i < 500; ++i) {
    std::stop_source source;
    const Completion<int> done;
    std::thread stopper([&source] { source.request_stop(); });
    std::thread setter([done] { done.set(1); });
    const auto answer = run_until(loop, done.wait(source.get_token()));
    if (!answer) {
      EXPECT_EQ(answer.error().code, Errc::cancelled);
    }
    stopper.join();
    setter.join();
  }
}

TEST(Channel, RefusesWhatDoesNotFit) {
  Channel<int> channel(2);
  EXPECT_EQ(channel.try_push(1), Push::done);
  EXPECT_EQ(channel.try_push(2), Push::done);
  EXPECT_EQ(channel.try_push(3), Push::full);
  EXPECT_EQ(channel.try_pop(), 1);
  EXPECT_EQ(channel.try_push(3), Push::done);
  channel.close();
  EXPECT_EQ(channel.try_push(4), Push::closed);
  EXPECT_EQ(channel.size(), 2U);
}

TEST(Channel, AfterCloseGivesTheRestThenNothing) {
  Loop loop;
  Channel<int> channel(4);
  channel.try_push(1);
  channel.close();
  EXPECT_EQ(run_until(loop, channel.pop()), 1);
  EXPECT_EQ(run_until(loop, channel.pop()), std::nullopt);
}

TEST(Channel, CloseFromAnotherThreadWakesThePopper) {
  Loop loop;
  Channel<int> channel(4);
  std::thread closer([&] { channel.close(); });
  EXPECT_EQ(run_until(loop, channel.pop()), std::nullopt);
  closer.join();
}

TEST(Channel, AStopWakesThePopper) {
  Loop loop;
  Channel<int> channel(4);
  std::stop_source source;
  std::thread stopper([&] { source.request_stop(); });
  EXPECT_EQ(run_until(loop, channel.pop(source.get_token())), std::nullopt);
  stopper.join();
  channel.try_push(5);
  EXPECT_EQ(run_until(loop, channel.pop()), 5) << "the stopped popper took nothing with it";
}

Task<void> pop_all(Channel<int>& channel, std::vector<int>& seen) {
  while (auto item = co_await channel.pop()) seen.push_back(*item);
}

TEST(Channel, KeepsOrderFromOneThread) {
  Loop loop;
  Channel<int> channel(16);
  std::thread pusher([&] {
    for (int i = 0; i < 20'000;) {
      if (channel.try_push(int{i}) == Push::done) ++i;
    }
    channel.close();
  });
  std::vector<int> seen;
  run_until(loop, pop_all(channel, seen));
  pusher.join();
  std::vector<int> expected(20'000);
  std::iota(expected.begin(), expected.end(), 0);
  EXPECT_EQ(seen, expected);
}

Task<void> sum_up(Channel<int>& channel, int64_t& sum) {
  while (auto item = co_await channel.pop()) sum += *item;
}

Task<void> push_range(Channel<int>& channel, int from, int to) {
  for (int i = from; i < to; ++i) EXPECT_TRUE((co_await channel.push(i)).has_value());
}

Task<void> close_when_joined(TaskScope& pushers, Channel<int>& channel) {
  co_await pushers.join();
  channel.close();
}

TEST(Channel, ManyPushersAndPoppersOnTwoLoopsLoseNothing) {
  LoopThread left("left");
  LoopThread right("right");
  Channel<int> channel(3);
  TaskScope pushers(left.loop());
  TaskScope poppers(right.loop());
  std::vector<int64_t> sums(4, 0);
  for (auto& sum : sums) poppers.spawn(sum_up(channel, sum));
  for (int i = 0; i < 8; ++i) pushers.spawn(push_range(channel, i * 500, (i + 1) * 500));
  call_on(left.loop(), close_when_joined(pushers, channel));
  call_on(right.loop(), poppers.join());
  EXPECT_EQ(std::accumulate(sums.begin(), sums.end(), int64_t{0}), int64_t{3999} * 4000 / 2);
}

struct Heavy {
  size_t pounds = 0;
  size_t weight() const { return pounds; }
};

TEST(Channel, IsFullWhenItsValuesWeighTooMuchButTakesOneOfAnyWeight) {
  Channel<Heavy> channel(100, 10);
  EXPECT_EQ(channel.try_push({50}), Push::done);
  EXPECT_EQ(channel.try_push({1}), Push::full);
  EXPECT_EQ(channel.try_pop()->pounds, 50U);
  EXPECT_EQ(channel.try_push({9}), Push::done);
  EXPECT_EQ(channel.try_push({9}), Push::done);
  EXPECT_EQ(channel.try_push({0}), Push::full);
}

}  // namespace
}  // namespace compozy::io
