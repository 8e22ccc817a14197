// SPDX-License-Identifier: Apache-2.0
#include "redis/commands/server/rate.hpp"

namespace compozy::redis {
namespace {

TEST(Rate, IsTheMeanOfTheLastSixteenSamples) {
  Rate rate;
  rate.sample(1'000'000, 0);
  EXPECT_EQ(rate.per_second(), 0);
  for (int i = 1; i <= 16; ++i) rate.sample(1'000'000 + i * 100'000, static_cast<uint64_t>(i) * 50);
  EXPECT_DOUBLE_EQ(rate.per_second(), 500);
  for (int i = 17; i <= 32; ++i) rate.sample(1'000'000 + i * 100'000, 800);
  EXPECT_EQ(rate.per_second(), 0);
}

TEST(Rate, ACounterThatWentBackDidNotGrow) {
  Rate rate;
  rate.sample(1'000'000, 1000);
  rate.sample(2'000'000, 3);
  EXPECT_EQ(rate.per_second(), 0);
}

}  // namespace
}  // namespace compozy::redis
