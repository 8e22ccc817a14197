// SPDX-License-Identifier: Apache-2.0
#include "redis/keyspace/zset_value.hpp"

#include <set>
#include <string>
#include <unordered_map>

namespace compozy::redis {
namespace {

TEST(ZSetValue, OrdersByScoreThenBytes) {
  ZSetValue zset;
  EXPECT_TRUE(zset.set("b", 1, {}));
  EXPECT_TRUE(zset.set("a", 1, {}));
  EXPECT_TRUE(zset.set("c", -5, {}));
  EXPECT_FALSE(zset.set("c", 9, {}));
  EXPECT_EQ(zset.at(0).text(), "a");
  EXPECT_EQ(zset.rank("c"), 2U);
  EXPECT_EQ(zset.rank("x"), std::nullopt);
  EXPECT_EQ(zset.score("c"), 9.0);
}

// With few members it stays small throughout.
class OrderedSet : public testing::TestWithParam<uint64_t> {};
INSTANTIATE_TEST_SUITE_P(Members, OrderedSet, testing::Values(40, 100, 5000));

TEST_P(OrderedSet, IsWhatASortedSetBehavesLike) {
  SeededRandom random(11);
  const int64_t before = current_account().used;
  {
    ZSetValue zset;
    std::set<std::pair<double, std::string>> order;
    std::unordered_map<std::string, double> scores;
    for (int step = 0; step < 40'000; ++step) {
      const std::string member = std::to_string(random.below(GetParam()));
      if (random.below(4) == 0) {
        const bool had = scores.contains(member);
        if (had) order.erase({scores[member], member});
        scores.erase(member);
        ASSERT_EQ(zset.erase(member), had);
      } else {
        const double score = static_cast<double>(random.below(100));
        if (scores.contains(member)) order.erase({scores[member], member});
        const bool is_new = scores.insert_or_assign(member, score).second;
        order.emplace(score, member);
        ASSERT_EQ(zset.set(member, score, {}), is_new);
      }
      if (step % 1000 == 0) {
        size_t rank = 0;
        auto expected = order.begin();
        zset.for_each([&](const ScoredMember& m) {
          ASSERT_EQ(m.text(), expected->second);
          ASSERT_EQ(m.score, (expected++)->first);
          ASSERT_EQ(zset.rank(m.text()), rank++);
        });
        ASSERT_EQ(rank, order.size());
        const size_t below = zset.partition([](const ScoredMember& m) { return m.score < 50; });
        ASSERT_EQ(below, static_cast<size_t>(std::distance(order.begin(), order.lower_bound({50, ""}))));
      }
    }
    size_t left = order.size();
    ASSERT_GE(left, 20U);
    EXPECT_EQ(zset.is_large(), left > 128);
    zset.erase_ranks(10, left - 10);
    ASSERT_EQ(zset.size(), 20U);
    std::vector<std::string> backwards;
    zset.for_each(0, 20, true, [&](const ScoredMember& m) { backwards.emplace_back(m.text()); });
    EXPECT_EQ(backwards.front(), order.rbegin()->second);
    EXPECT_EQ(backwards.back(), order.begin()->second);
  }
  EXPECT_EQ(current_account().used, before);
}

}  // namespace
}  // namespace compozy::redis
