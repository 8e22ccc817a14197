// SPDX-License-Identifier: Apache-2.0
#include "redis/keyspace/hash_value.hpp"

#include <map>
#include <string>

namespace compozy::redis {
namespace {

TEST(HashValue, KeepsInsertionOrderWhileItIsSmall) {
  HashValue hash;
  const HashValue::Limits limits;
  EXPECT_TRUE(hash.set("b", "1", limits));
  EXPECT_TRUE(hash.set("a", "2", limits));
  EXPECT_FALSE(hash.set("b", "longer", limits));
  std::string seen;
  hash.for_each([&](auto name, auto value) { seen.append(name).append("=").append(value).append(" "); });
  EXPECT_EQ(seen, "b=longer a=2 ");
  EXPECT_TRUE(hash.erase("b"));
  EXPECT_EQ(hash.get("a"), "2");
  EXPECT_EQ(hash.get("b"), std::nullopt);
}

TEST(HashValue, BecomesATableByCountOrByLength) {
  HashValue by_count;
  for (int i = 0; i < 4; ++i) by_count.set(std::to_string(i), "v", {.entries = 3});
  EXPECT_TRUE(by_count.is_table());
  EXPECT_EQ(by_count.size(), 4U);
  HashValue by_length;
  by_length.set("f", std::string(65, 'x'), {});
  EXPECT_TRUE(by_length.is_table());
  by_length.erase("f");
  EXPECT_TRUE(by_length.is_table());
}

TEST(HashValue, BehavesLikeAMap) {
  SeededRandom random(3);
  const int64_t before = current_account().used;
  {
    HashValue hash;
    std::map<std::string, std::string> model;
    for (int step = 0; step < 20'000; ++step) {
      const std::string name = std::to_string(random.below(2000));
      if (random.below(3) == 0) {
        ASSERT_EQ(hash.erase(name), model.erase(name) == 1);
      } else {
        const std::string value(random.below(80), 'v');
        const bool is_new = !model.contains(name);
        model[name] = value;
        ASSERT_EQ(hash.set(name, value, {}), is_new);
      }
      ASSERT_EQ(hash.size(), model.size());
    }
    for (const auto& [name, value] : model) ASSERT_EQ(hash.get(name), value);
  }
  EXPECT_EQ(current_account().used, before);
}

TEST(HashValue, TakesLittleForTenFields) {
  const int64_t before = current_account().used;
  auto* hash = counted_new<HashValue>();
  for (int i = 0; i < 10; ++i) hash->set("field" + std::to_string(i), std::string(16, 'v'), {});
  EXPECT_LE(current_account().used - before, 288);  // 220 bytes of text, 20 of lengths, and the allocator's sizes
  counted_delete(hash);
  EXPECT_EQ(current_account().used, before);
}

}  // namespace
}  // namespace compozy::redis
