// SPDX-License-Identifier: Apache-2.0
#include "redis/keyspace/table.hpp"

#include <deque>
#include <set>
#include <string>

namespace compozy::redis {
namespace {

struct TextTraits {
  using Item = std::string;
  static std::string_view key(const std::string& item) { return item; }
};

class TableTest : public testing::Test {
 protected:
  void insert(int i) {
    items_.push_back("key:" + std::to_string(i));
    table_.insert(table_hash(items_.back()), &items_.back());
  }
  bool erase(int i) {
    const std::string key = "key:" + std::to_string(i);
    return table_.erase(table_hash(key), key) != nullptr;
  }
  bool has(int i) const { return table_.find("key:" + std::to_string(i)) != nullptr; }

  std::deque<std::string> items_;
  Table<TextTraits> table_;
};

TEST_F(TableTest, FindsEverythingWhileItGrowsAndShrinks) {
  constexpr int kCount = 60'000;
  for (int i = 0; i < kCount; ++i) {
    insert(i);
    if (i % 997 == 0) {
      for (int j = 0; j <= i; j += 131) ASSERT_TRUE(has(j)) << j << " of " << i;
    }
  }
  ASSERT_EQ(table_.size(), size_t{kCount});
  for (int i = 0; i < kCount; ++i) {
    ASSERT_TRUE(erase(i));
    ASSERT_FALSE(erase(i));
    if (i % 997 == 0) {
      for (int j = i + 1; j < kCount; j += 1031) ASSERT_TRUE(has(j)) << j << " of " << i;
    }
  }
  EXPECT_EQ(table_.size(), 0U);
  EXPECT_LT(table_.buckets(), 64U);
}

TEST_F(TableTest, ScanReturnsWhatStaysThroughResizesInBothDirections) {
  for (const bool grow : {true, false}) {
    table_.clear();
    for (int i = 0; i < 3000; ++i) insert(i);
    std::set<std::string> seen;
    uint64_t cursor = 0;
    int step = 0;
    do {
      cursor = table_.scan(cursor, [&](std::string& item) { seen.insert(item); });
      for (int k = 0; k < 20; ++k) {
        const int i = step * 20 + k;
        if (grow) {
          insert(100'000 + i);
        } else if (i >= 200 && i < 3000) {
          erase(i);
        }
      }
      ++step;
    } while (cursor != 0);
    for (int i = 0; i < (grow ? 3000 : 200); ++i) {
      ASSERT_TRUE(seen.contains("key:" + std::to_string(i))) << i << " grow " << grow;
    }
  }
}

TEST_F(TableTest, RandomReachesEveryItem) {
  for (int i = 0; i < 50; ++i) insert(i);
  SeededRandom random(7);
  std::set<std::string> seen;
  for (int i = 0; i < 5000; ++i) seen.insert(*table_.random(random));
  EXPECT_EQ(seen.size(), 50U);
}

TEST_F(TableTest, ReturnsAllMemory) {
  const int64_t before = current_account().used;
  for (int i = 0; i < 100'000; ++i) insert(i);
  for (int i = 0; i < 90'000; ++i) erase(i);
  table_.clear();
  EXPECT_EQ(current_account().used, before);
}

}  // namespace
}  // namespace compozy::redis
