// SPDX-License-Identifier: Apache-2.0
#include "redis/keyspace/hyperloglog.hpp"

#include <cmath>
#include <memory>

namespace compozy::redis::hyperloglog {
namespace {

uint64_t estimate_of(const std::string& bytes) {
  const auto registers = std::make_unique<Registers>();
  EXPECT_TRUE(read_registers(bytes, *registers));
  return estimate(*registers);
}

TEST(HyperLogLog, EstimatesWithinFivePercentInBothForms) {
  std::string sparse = make_empty();
  std::string dense = make_empty();
  ASSERT_TRUE(make_dense(dense));
  for (int i = 1; i <= 50'000; ++i) {
    const Pattern pattern = pattern_of("element:" + std::to_string(i));
    raise(sparse, pattern, 3000);
    raise(dense, pattern, 3000);
    if (i != 10 && i != 1000 && i != 50'000) continue;
    EXPECT_EQ(estimate_of(sparse), estimate_of(dense));
    EXPECT_NEAR(static_cast<double>(estimate_of(dense)), i, i * 0.05);
  }
  EXPECT_TRUE(is_dense(sparse));
}

TEST(HyperLogLog, StaysSparseBelowTheLimitAndJoinsEqualRuns) {
  std::string bytes = make_empty();
  EXPECT_EQ(describe_runs(bytes), "Z:16384");
  EXPECT_EQ(raise(bytes, {5, 1}, 3000), Outcome::changed);
  EXPECT_EQ(raise(bytes, {6, 1}, 3000), Outcome::changed);
  EXPECT_EQ(describe_runs(bytes), "z:5 v:1,2 Z:16377");
  EXPECT_EQ(raise(bytes, {6, 1}, 3000), Outcome::unchanged);
  EXPECT_EQ(raise(bytes, {6, 33}, 3000), Outcome::changed);  // more than a run can say
  EXPECT_TRUE(is_dense(bytes));
}

TEST(HyperLogLog, SaysThatRunsAreCorruptInsteadOfReadingOn) {
  std::string bytes = make_empty();
  raise(bytes, {5, 1}, 3000);
  const auto registers = std::make_unique<Registers>();
  for (size_t size = kHeader; size < bytes.size(); ++size) {
    std::string cut = bytes.substr(0, size);
    EXPECT_FALSE(read_registers(cut, *registers)) << size;
    EXPECT_EQ(raise(cut, {16000, 3}, 3000), Outcome::corrupt) << size;
    EXPECT_FALSE(make_dense(cut));
  }
  EXPECT_FALSE(read_registers(bytes + "\x01", *registers));
  EXPECT_FALSE(is_valid("HYLL"));
  EXPECT_FALSE(is_valid("HXLL" + bytes.substr(4)));
  bytes[4] = 0;
  EXPECT_FALSE(is_valid(bytes));  // dense, but not of the dense size
}

TEST(HyperLogLog, KeepsItsEstimateUntilARegisterChanges) {
  std::string bytes = make_empty();
  EXPECT_EQ(cached_estimate(bytes), 0U);
  raise(bytes, pattern_of("a"), 3000);
  EXPECT_EQ(cached_estimate(bytes), std::nullopt);
  cache_estimate(bytes.data(), 1);
  EXPECT_EQ(cached_estimate(bytes), 1U);
}

}  // namespace
}  // namespace compozy::redis::hyperloglog
