// SPDX-License-Identifier: Apache-2.0
#include "io/blocking_pool.hpp"

#include <future>

namespace compozy::io {
namespace {

TEST(BlockingPool, RunsOnAnotherThreadAndAnswersOnTheLoop) {
  Loop loop;
  BlockingPool pool({.name = "test", .threads = 2, .queue_max = 8});
  const auto here = std::this_thread::get_id();
  const auto elsewhere = run_until(loop, pool.run([here] { return std::this_thread::get_id() != here; }));
  EXPECT_TRUE(elsewhere.value());
}

TEST(BlockingPool, PassesTheWorksOwnErrorThrough) {
  Loop loop;
  BlockingPool pool({.name = "test", .threads = 1, .queue_max = 8});
  const auto work = []() -> Result<int> { return fail(Errc::not_found, "no such row"); };
  EXPECT_EQ(run_until(loop, pool.run(work)).error().message, "no such row");
}

// Keeps the only thread of a pool busy until release().
class Busy {
 public:
  explicit Busy(BlockingPool& pool) {
    std::promise<void> started;
    auto begun = started.get_future();
    EXPECT_TRUE(pool.submit([gate = gate_.get_future().share(), started = std::move(started)]() mutable {
                      started.set_value();
                      gate.wait();
                    })
                    .has_value());
    begun.wait();
  }
  void release() { gate_.set_value(); }

 private:
  std::promise<void> gate_;
};

TEST(BlockingPool, AFullQueueIsAnErrorThatNamesThePool) {
  BlockingPool pool({.name = "tiny", .threads = 1, .queue_max = 1});
  Busy busy(pool);
  EXPECT_TRUE(pool.submit([] {}).has_value());
  const auto refused = pool.submit([] {});
  EXPECT_EQ(refused.error().code, Errc::limit_exceeded);
  EXPECT_THAT(refused.error().message, ::testing::HasSubstr("'tiny'"));
  busy.release();
}

TEST(BlockingPool, AStopTakesBackWhatStillWaits) {
  Loop loop;
  BlockingPool pool({.name = "test", .threads = 1, .queue_max = 8});
  Busy busy(pool);
  std::stop_source source;
  loop.post([&source] { source.request_stop(); });
  std::atomic<bool> ran = false;
  const auto outcome = run_until(loop, pool.run([&ran] { ran = true; }, source.get_token()));
  EXPECT_EQ(outcome.error().code, Errc::cancelled);
  busy.release();
  pool.stop();
  EXPECT_FALSE(ran);
}

TEST(BlockingPool, AStopWaitsForWhatHasBegun) {
  Loop loop;
  BlockingPool pool({.name = "test", .threads = 1, .queue_max = 8});
  std::stop_source source;
  std::atomic<bool> ran = false;
  const auto work = [&] {
    source.request_stop();
    ran = true;
    return 5;
  };
  EXPECT_EQ(run_until(loop, pool.run(work, source.get_token())).value(), 5);
  EXPECT_TRUE(ran);
}

TEST(BlockingPool, AfterStopItRefuses) {
  BlockingPool pool({.name = "test", .threads = 1, .queue_max = 8});
  pool.stop();
  EXPECT_EQ(pool.submit([] {}).error().code, Errc::closed);
}

}  // namespace
}  // namespace compozy::io
