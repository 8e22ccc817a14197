// SPDX-License-Identifier: Apache-2.0
#include "io/task.hpp"

#include <memory>
#include <string>

#include "base/result.hpp"
#include "io/loop.hpp"

namespace compozy::io {
namespace {

Task<int> three() { co_return 3; }

Task<int> add(Task<int> a, Task<int> b) {
  const int left = co_await std::move(a);
  co_return left + co_await std::move(b);
}

TEST(Task, GivesItsResultToTheOneWhoAwaitsIt) {
  Loop loop;
  EXPECT_EQ(run_until(loop, add(three(), three())), 6);
}

Task<std::unique_ptr<std::string>> make_text() { co_return std::make_unique<std::string>("moved"); }

TEST(Task, CarriesMoveOnlyValues) {
  Loop loop;
  EXPECT_EQ(*run_until(loop, make_text()), "moved");
}

Task<void> mark(std::shared_ptr<int> counter) {
  ++*counter;
  co_return;
}

TEST(Task, DoesNotStartBeforeItIsAwaited) {
  const auto counter = std::make_shared<int>(0);
  {
    const auto never = mark(counter);
  }
  EXPECT_EQ(*counter, 0);
  EXPECT_EQ(counter.use_count(), 1) << "an unawaited task frees its frame and parameters";
  Loop loop;
  run_until(loop, mark(counter));
  EXPECT_EQ(*counter, 1);
  EXPECT_EQ(counter.use_count(), 1);
}

Task<Result<int>> half(int n) {
  if (n % 2 != 0) co_return fail(Errc::invalid_argument, "odd number");
  co_return n / 2;
}

Task<Result<void>> check(int n) {
  if (n < 0) co_return fail(Errc::too_large, "negative");
  co_return {};
}

Task<Result<std::string>> quarter(int n) {
  CO_TRY(co_await check(n));
  CO_TRY(const int h, co_await half(n));
  CO_TRY(const int q, co_await half(h));
  co_return std::to_string(q);
}

TEST(Task, CoTryReturnsTheFirstError) {
  Loop loop;
  EXPECT_EQ(run_until(loop, quarter(12)).value(), "3");
  EXPECT_EQ(run_until(loop, quarter(6)).error().message, "odd number");
  EXPECT_EQ(run_until(loop, quarter(-4)).error().code, Errc::too_large);
}

Task<int> nested(int depth) {
  if (depth == 0) co_return 0;
  co_return 1 + co_await nested(depth - 1);
}

Task<int> many() {
  int sum = 0;
  for (int i = 0; i < 1'000'000; ++i) sum += co_await three();
  co_return sum;
}

TEST(Task, LongLoopsAndDeepChainsUseNoStack) {
  Loop loop;
  EXPECT_EQ(run_until(loop, many()), 3'000'000);
  EXPECT_EQ(run_until(loop, nested(200'000)), 200'000);
}

}  // namespace
}  // namespace compozy::io
