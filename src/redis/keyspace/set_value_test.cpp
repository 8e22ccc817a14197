// SPDX-License-Identifier: Apache-2.0
#include "redis/keyspace/set_value.hpp"

#include <set>

namespace compozy::redis {
namespace {

std::vector<std::string> members(const SetValue& set) {
  std::vector<std::string> result;
  set.for_each([&](std::string_view member) { result.emplace_back(member); });
  return result;
}

TEST(SetValue, KeepsIntegersSortedUntilATextComes) {
  SetValue set;
  for (const auto* text : {"10", "-3", "7"}) EXPECT_TRUE(set.add(text, 512));
  EXPECT_FALSE(set.add("7", 512));
  EXPECT_FALSE(set.is_table());
  EXPECT_THAT(members(set), testing::ElementsAre("-3", "7", "10"));
  EXPECT_TRUE(set.add("007", 512));
  EXPECT_TRUE(set.is_table());
  EXPECT_THAT(members(set), testing::UnorderedElementsAre("-3", "7", "10", "007"));
}

TEST(SetValue, BecomesATableBeyondItsLimit) {
  SetValue set;
  for (int i = 0; i < 5; ++i) set.add(std::to_string(i), 4);
  EXPECT_TRUE(set.is_table());
  EXPECT_EQ(set.size(), 5U);
}

TEST(SetValue, TellsCanonicalIntegersFromOtherTexts) {
  int64_t value = 0;
  for (const auto* text : {"0", "-1", "9223372036854775807", "-9223372036854775808"}) {
    EXPECT_TRUE(is_canonical_integer(text, value)) << text;
  }
  for (const auto* text : {"", "-", "-0", "01", "+1", " 1", "1 ", "9223372036854775808", "1.0"}) {
    EXPECT_FALSE(is_canonical_integer(text, value)) << text;
  }
}

TEST(SetValue, GivesRandomMembersOfBothForms) {
  SeededRandom random(5);
  SetValue set;
  for (int i = 0; i < 3; ++i) set.add(std::to_string(i), 512);
  std::set<std::string> seen;
  for (int i = 0; i < 200; ++i) seen.insert(set.random(random));
  set.add("text", 512);
  for (int i = 0; i < 400; ++i) seen.insert(set.random(random));
  EXPECT_THAT(seen, testing::ElementsAre("0", "1", "2", "text"));
}

}  // namespace
}  // namespace compozy::redis
