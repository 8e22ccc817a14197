// SPDX-License-Identifier: Apache-2.0
#include "sql/migrations.hpp"

namespace compozy::sql {
namespace {

TEST(Migrations, AreNumberedFromOneWithoutAGap) {
  ASSERT_FALSE(migrations().empty());
  int expected = 0;
  for (const auto& migration : migrations()) {
    EXPECT_EQ(migration.version, ++expected);
    EXPECT_EQ(std::stoi(std::string(migration.name.substr(0, 4))), migration.version);
    EXPECT_THAT(std::string(migration.sql), ::testing::HasSubstr(";"));
  }
}

}  // namespace
}  // namespace compozy::sql
