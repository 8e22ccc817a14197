// SPDX-License-Identifier: Apache-2.0
#include "agent/llm/pacing.hpp"

#include "json/parse.hpp"

namespace compozy::agent {
namespace {

// Answers when the test says so.
class HeldProvider final : public Provider {
 public:
  explicit HeldProvider(io::Loop& on) : loop(on) {}
  io::Task<ModelReply> ask(ModelRequest, DeltaSink, std::stop_token stop) override {
    ++asked;
    while (!go) {
      if (!co_await io::sleep(loop, 1, stop)) co_return std::unexpected(ModelFailure{});
    }
    ModelAnswer answer;
    answer.usage.total_tokens = 600;
    co_return answer;
  }
  io::Loop& loop;
  int asked = 0;
  bool go = false;
};

class PacingTest : public ::testing::Test {
 protected:
  PacingTest() {
    auto inner = std::make_unique<HeldProvider>(loop_);
    held_ = inner.get();
    paced_ = std::make_unique<PacedProvider>(std::move(inner), limiter_, Pace{.concurrency = 3});
  }
  static ModelRequest request(const char* rate_limit) {
    ModelRequest out;
    out.model.provider = "openai";
    out.model.model = "m";
    out.model.rate_limit = json::parse(rate_limit).value();
    return out;
  }
  void ask(const char* rate_limit) {
    scope_.spawn([](PacingTest& self, ModelRequest wanted) -> io::Task<void> {
      auto reply = co_await self.paced_->ask(std::move(wanted), {}, {});
      ++(reply ? self.answered_ : self.refused_);
      if (!reply) self.failure_ = reply.error();
    }(*this, request(rate_limit)));
  }
  void settle(int64_t ms = 20) {
    (void)io::run_until(loop_, [](io::Loop& loop, int64_t for_ms) -> io::Task<Result<void>> {
      co_return co_await io::sleep(loop, for_ms);
    }(loop_, ms));
  }

  io::Loop loop_;
  ManualClock clock_;
  io::Limiter limiter_{loop_, clock_};
  io::TaskScope scope_{loop_};
  HeldProvider* held_ = nullptr;
  std::unique_ptr<PacedProvider> paced_;
  int answered_ = 0;
  int refused_ = 0;
  ModelFailure failure_;
};

TEST_F(PacingTest, SoManyCallsAtOnceByTheModelsOwnLimitOrTheDefault) {
  for (int i = 0; i < 5; ++i) ask("{}");
  settle();
  EXPECT_EQ(held_->asked, 3);
  held_->go = true;
  settle();
  EXPECT_EQ(answered_, 5);
  EXPECT_EQ(pace_of(json::parse(R"({"concurrency":1})").value(), {.concurrency = 3, .queue_size = 9}).concurrency, 1);
  EXPECT_EQ(pace_of({}, {.concurrency = 3, .queue_size = 9}).queue_size, 9);
}

TEST_F(PacingTest, AFullQueueRefusesAsUnavailable) {
  for (int i = 0; i < 4; ++i) ask(R"({"concurrency":1,"queue_size":2})");
  settle();
  EXPECT_EQ(refused_, 1);
  EXPECT_EQ(failure_.kind, ModelFailure::Kind::unavailable);
  EXPECT_GT(failure_.retry_after_ms, 0);
  held_->go = true;
  settle();
  EXPECT_EQ(answered_, 3);
}

TEST_F(PacingTest, TokensOfAnAnswerArePaidOffBeforeTheNextCall) {
  held_->go = true;
  const char* limit = R"({"tokens_per_minute":60000,"token_burst":100})";  // one a millisecond
  ask(limit);
  settle();
  ask(limit);
  settle();
  EXPECT_EQ(held_->asked, 1);
  clock_.advance_ms(500);
  settle(600);
  EXPECT_EQ(held_->asked, 2);
}

}  // namespace
}  // namespace compozy::agent
