// SPDX-License-Identifier: Apache-2.0
#include <set>

#include "redis/commands/row.hpp"

namespace compozy::redis {
namespace {

std::vector<size_t> keys_of(std::vector<std::string_view> args) {
  const Found found = find_command(args);
  return key_positions(*found.effective(), args);
}

TEST(CommandTable, HasEveryNameOnceWithItsHandlerAndSummary) {
  std::set<std::pair<std::string_view, std::string_view>> names;
  for (const auto& table : all_tables()) {
    for (const Row& row : table) {
      EXPECT_TRUE(names.insert({row.parent, row.name}).second) << row.name;
      EXPECT_NE(row.arity, 0) << row.name;
      EXPECT_TRUE(row.summary.ends_with('.')) << row.name;
      EXPECT_EQ(find_row(row.name, row.parent), &row);
      if (row.run == nullptr) EXPECT_FALSE(subcommands_of(row.name).empty()) << row.name;
    }
  }
  EXPECT_GE(names.size(), 190U);
}

TEST(CommandTable, NumbersEveryRow) {
  size_t next = 0;
  for (const auto& table : all_tables()) {
    for (const Row& row : table) {
      ASSERT_EQ(row_id(row), next) << row.name;
      ASSERT_EQ(&row_at(next), &row);
      ++next;
    }
  }
  EXPECT_EQ(next, row_count());
}

TEST(CommandTable, FindsCommandsAndSubcommandsInAnyCase) {
  const std::string_view set[] = {"SeT", "k", "v"};
  EXPECT_EQ(find_command(set).row->name, "set");
  const std::string_view config[] = {"CONFIG", "Get", "*"};
  EXPECT_EQ(find_command(config).effective()->name, "get");
  EXPECT_EQ(find_command(config).effective()->parent, "config");
  const std::string_view unknown[] = {"nosuch"};
  EXPECT_EQ(find_command(unknown).row, nullptr);
}

TEST(CommandTable, FindsTheKeysOfACommand) {
  using testing::ElementsAre;
  EXPECT_THAT(keys_of({"GET", "k"}), ElementsAre(1));
  EXPECT_THAT(keys_of({"MSET", "a", "1", "b", "2"}), ElementsAre(1, 3));
  EXPECT_THAT(keys_of({"BLPOP", "a", "b", "0"}), ElementsAre(1, 2));
  EXPECT_THAT(keys_of({"EVAL", "return 1", "2", "a", "b", "x"}), ElementsAre(3, 4));
  EXPECT_THAT(keys_of({"ZUNIONSTORE", "d", "2", "a", "b"}), ElementsAre(1, 3, 4));
  EXPECT_TRUE(keys_of({"EVAL", "return 1", "9", "a"}).empty());
}

}  // namespace
}  // namespace compozy::redis
