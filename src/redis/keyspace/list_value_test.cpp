// SPDX-License-Identifier: Apache-2.0
#include "redis/keyspace/list_value.hpp"

#include <deque>
#include <string>

#include "base/random.hpp"

namespace compozy::redis {
namespace {

std::vector<std::string> contents(const ListValue& list) {
  std::vector<std::string> result;
  if (list.size() == 0) return result;
  auto cursor = list.locate(0);
  do result.emplace_back(list.get(cursor));
  while (list.advance(cursor));
  return result;
}

// Applies random operations to a list and to a deque of strings: they must stay equal.
TEST(ListValue, BehavesLikeADequeOfStrings) {
  SeededRandom random(42);
  const int64_t before = current_account().used;
  {
    ListValue list;
    std::deque<std::string> model;
    for (int step = 0; step < 30'000; ++step) {
      const std::string value(random.below(30) == 0 ? random.below(9000) : random.below(300),
                              static_cast<char>('a' + random.below(3)));
      const size_t at = model.empty() ? 0 : random.below(model.size());
      switch (random.below(9)) {
        case 0:
          list.push_front(value);
          model.push_front(value);
          break;
        case 1:
        case 2:
          list.push_back(value);
          model.push_back(value);
          break;
        case 3:
          if (model.empty()) break;
          ASSERT_EQ(list.front(), model.front());
          list.pop_front();
          model.pop_front();
          break;
        case 4:
          if (model.empty()) break;
          ASSERT_EQ(list.back(), model.back());
          list.pop_back();
          model.pop_back();
          break;
        case 5:
          list.insert(at, value);
          model.insert(model.begin() + static_cast<ptrdiff_t>(at), value);
          break;
        case 6:
          if (model.empty()) break;
          list.set(at, value);
          model[at] = value;
          break;
        case 7: {
          if (model.empty() || random.below(10) != 0) break;
          const size_t count = std::min(model.size() - at, random.below(60));
          list.erase(at, count);
          model.erase(model.begin() + static_cast<ptrdiff_t>(at), model.begin() + static_cast<ptrdiff_t>(at + count));
          break;
        }
        default: {
          if (model.empty() || random.below(20) != 0) break;
          const std::string wanted = model[at];
          const bool backwards = random.below(2) == 0;
          size_t left = 1 + random.below(3);
          size_t expected = 0;
          for (size_t i = 0; i < model.size() && left > 0;) {
            const size_t index = backwards ? model.size() - 1 - i : i;
            if (model[index] == wanted) {
              model.erase(model.begin() + static_cast<ptrdiff_t>(index));
              --left;
              ++expected;
            } else {
              ++i;
            }
          }
          ASSERT_EQ(list.remove(wanted, expected, backwards), expected);
        }
      }
      ASSERT_EQ(list.size(), model.size()) << step;
      if (!model.empty()) {
        const size_t index = random.below(model.size());
        ASSERT_EQ(list.at(index), model[index]) << step;
      }
      if (step % 500 == 0) ASSERT_EQ(contents(list), std::vector<std::string>(model.begin(), model.end())) << step;
    }
  }
  EXPECT_EQ(current_account().used, before);
}

TEST(ListValue, WalksBackwards) {
  ListValue list;
  for (int i = 0; i < 1000; ++i) list.push_back(std::string(100, 'x') + std::to_string(i));
  auto cursor = list.locate(999);
  int steps = 1;
  while (list.retreat(cursor)) ++steps;
  EXPECT_EQ(steps, 1000);
  EXPECT_TRUE(list.get(cursor).ends_with("x0"));
}

// Whichever end is pushed to: a long list takes its chunks whole, and has little room that nothing is in.
TEST(ListValue, CostsAtMostSixPercentWhenItIsLong) {
  for (const bool front : {false, true}) {
    const int64_t before = current_account().used;
    ListValue list;
    for (int i = 0; i < 3000; ++i) {
      const std::string value = std::string(200, 'm') + std::to_string(i);
      front ? list.push_front(value) : list.push_back(value);
    }
    EXPECT_LE(current_account().used - before, 3000 * 204 * 106 / 100);
    EXPECT_EQ(list.front(), std::string(200, 'm') + (front ? "2999" : "0"));
    EXPECT_EQ(list.back(), std::string(200, 'm') + (front ? "0" : "2999"));
  }
}

TEST(ListValue, CostsAtMostNinePercentForMessages) {
  const int64_t before = current_account().used;
  ListValue list;
  for (int i = 0; i < 100; ++i) list.push_back(std::string(200, 'm'));
  EXPECT_LE(current_account().used - before, 100 * 200 * 109 / 100);
}

}  // namespace
}  // namespace compozy::redis
