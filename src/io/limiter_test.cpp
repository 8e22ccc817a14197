// SPDX-License-Identifier: Apache-2.0
#include "io/limiter.hpp"

namespace compozy::io {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class LimiterTest : public ::testing::Test {
 protected:
  Limiter::Ticket ask(const std::string& name, Demand demand) {
    return limiter_.ask(std::move(demand), [this, name](Limiter::Ticket ticket) {
      granted_.push_back(name);
      last_ = ticket;
    });
  }
  static Demand slot(std::string key, int64_t most, int64_t rank = 0) {
    return {.slots = {{.key = std::move(key), .holders_max = most}}, .rates = {}, .rank = rank};
  }
  // Lets the loop's own timers run for as long as the rate needs, on the clock of the machine.
  void run_for_ms(int64_t ms) {
    (void)run_until(loop_, [](Loop& loop, int64_t for_ms) -> Task<Result<void>> {
      co_return co_await sleep(loop, for_ms);
    }(loop_, ms));
  }

  Loop loop_;
  ManualClock clock_;
  Limiter limiter_{loop_, clock_};
  std::vector<std::string> granted_;
  Limiter::Ticket last_ = 0;  // granted
};

TEST_F(LimiterTest, GrantsUpToTheLimitAndTheNextWhenOneIsReleased) {
  const auto a = ask("a", slot("k", 2));
  ask("b", slot("k", 2));
  const auto c = ask("c", slot("k", 2));
  ask("d", slot("k", 2));
  EXPECT_THAT(granted_, ElementsAre("a", "b"));
  EXPECT_EQ(limiter_.held_back_by(c), "k");
  limiter_.release(a);
  EXPECT_THAT(granted_, ElementsAre("a", "b", "c"));
  EXPECT_EQ(limiter_.waiting("k"), 1U);
}

TEST_F(LimiterTest, LowerRanksGoFirstAndEqualOnesInTheirOrder) {
  const auto holder = ask("holder", slot("k", 1));
  ask("late", slot("k", 1, 5));
  const auto first = ask("first", slot("k", 1, -1));
  const auto second = ask("second", slot("k", 1, -1));
  limiter_.release(holder);
  limiter_.release(first);
  limiter_.release(second);
  EXPECT_THAT(granted_, ElementsAre("holder", "first", "second", "late"));
}

TEST_F(LimiterTest, GroupsTakeTurnsSoThatAThousandOfOneHoldUpNoOther) {
  const auto of = [](const std::string& group, int64_t rank) {
    return Demand{.slots = {{.key = "k", .holders_max = 1}}, .rates = {}, .rank = rank, .group = group};
  };
  ask("holder", slot("k", 1));
  for (int i = 0; i < 1'000; ++i) ask("a" + std::to_string(i), of("a", i));
  ask("b0", of("b", 5'000));
  ask("b1", of("b", 5'001));
  ask("c0", of("c", 6'000));
  for (int i = 0; i < 8; ++i) limiter_.release(last_);
  EXPECT_THAT(granted_, ElementsAre("holder", "a0", "b0", "c0", "a1", "b1", "a2", "a3", "a4"));
}

TEST_F(LimiterTest, APriorityGoesByItsOldestWhateverTheGroup) {
  const auto of = [](const std::string& group, int64_t rank, int64_t priority) {
    return Demand{
        .slots = {{.key = "k", .holders_max = 1}}, .rates = {}, .rank = rank, .priority = priority, .group = group};
  };
  ask("holder", slot("k", 1));
  ask("old", of("a", 100, 0));
  ask("new", of("a", 200, 0));
  ask("urgent", of("b", 150, 1));
  ask("late", of("b", 300, -1));
  for (int i = 0; i < 4; ++i) limiter_.release(last_);
  EXPECT_THAT(granted_, ElementsAre("holder", "old", "urgent", "new", "late"));
}

TEST_F(LimiterTest, OneThatGivesUpLeavesItsTurnToTheNextOfItsGroup) {
  const auto of = [](const std::string& group) {
    return Demand{.slots = {{.key = "k", .holders_max = 1}}, .rates = {}, .group = group};
  };
  const auto holder = ask("holder", slot("k", 1));
  ask("a0", of("a"));
  const auto b0 = ask("b0", of("b"));
  ask("b1", of("b"));
  limiter_.release(b0);
  limiter_.release(holder);
  EXPECT_THAT(granted_, ElementsAre("holder", "a0"));
  EXPECT_EQ(limiter_.waiting("k"), 1U);
}

TEST_F(LimiterTest, AFullKeyHoldsBackOnlyThoseThatNameIt) {
  const auto both = [](const std::string& key) {
    return Demand{.slots = {{.key = key, .holders_max = 1}, {.key = "", .holders_max = 2}}, .rates = {}};
  };
  ask("x1", both("x"));
  ask("x2", both("x"));
  const auto y = ask("y1", both("y"));
  EXPECT_THAT(granted_, ElementsAre("x1", "y1"));
  ask("z1", both("z"));  // the common key is full
  limiter_.release(y);
  EXPECT_THAT(granted_, ElementsAre("x1", "y1", "z1"));
}

TEST_F(LimiterTest, WhoIsWokenForOneKeyAndFindsAnotherFullLetsTheNextGo) {
  const auto x = ask("x", slot("x", 1));
  const auto y = ask("y", slot("y", 1));
  ask("both", {.slots = {{.key = "x", .holders_max = 1}, {.key = "y", .holders_max = 1}}, .rates = {}});
  ask("x again", slot("x", 1));
  limiter_.release(x);
  EXPECT_THAT(granted_, ElementsAre("x", "y", "x again"));
  limiter_.release(y);
  EXPECT_THAT(granted_, ElementsAre("x", "y", "x again"));  // `both` waits for x now
}

TEST_F(LimiterTest, WhoStopsWaitingLeavesNoGap) {
  const auto holder = ask("holder", slot("k", 1));
  const auto gone = ask("gone", slot("k", 1));
  ask("next", slot("k", 1));
  limiter_.release(gone);
  limiter_.release(holder);
  EXPECT_THAT(granted_, ElementsAre("holder", "next"));
}

TEST_F(LimiterTest, ARateGivesItsBurstAndThenOneEachInterval) {
  const Demand demand{.slots = {}, .rates = {{.key = "r", .limit = 50, .period_ms = 1'000, .burst = 2}}};
  for (const char* name : {"a", "b", "c", "d"}) ask(name, demand);
  EXPECT_THAT(granted_, ElementsAre("a", "b"));
  run_for_ms(30);  // the clock has not moved: the timer finds that it is too early
  EXPECT_THAT(granted_, ElementsAre("a", "b"));
  clock_.advance_ms(20);
  run_for_ms(30);
  EXPECT_THAT(granted_, ElementsAre("a", "b", "c"));
}

TEST_F(LimiterTest, WhatAGrantCostIsPaidOffBeforeTheNext) {
  const RateDemand tokens{.key = "t", .limit = 1'000, .period_ms = 1'000, .burst = 10, .cost = 0};
  ask("a", {.slots = {}, .rates = {tokens}});
  limiter_.charge(tokens, 40);
  ask("b", {.slots = {}, .rates = {tokens}});
  EXPECT_THAT(granted_, ElementsAre("a"));
  clock_.advance_ms(30);
  run_for_ms(40);
  EXPECT_THAT(granted_, ElementsAre("a", "b"));
}

TEST_F(LimiterTest, AHoldGivesBackWhatItHeldAndAStopEndsTheWait) {
  std::stop_source stop;
  const auto enter = [&](std::stop_token token) { return run_until(loop_, limiter_.enter(slot("k", 1), token)); };
  {
    auto hold = enter({});
    ASSERT_TRUE(hold.has_value());
    stop.request_stop();
    EXPECT_EQ(enter(stop.get_token()).error().code, Errc::cancelled);
    EXPECT_EQ(limiter_.waiting("k"), 0U);
  }
  EXPECT_TRUE(enter({}).has_value());
}

}  // namespace
}  // namespace compozy::io
