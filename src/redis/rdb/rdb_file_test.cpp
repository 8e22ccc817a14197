// SPDX-License-Identifier: Apache-2.0
#include "redis/rdb/rdb_file.hpp"

#include "base/clock.hpp"
#include "base/random.hpp"

namespace compozy::redis {
namespace {

class RdbFile : public testing::Test {
 protected:
  RdbFile() {
    clock_.advance_ms(1'000'000);
    from_.database(0).set_string("a", "1");
    from_.database(0).set_string("old", "2");
    from_.database(0).set_deadline("old", 5);
    from_.database(9).set_string("b", std::string(500, 'x'));
    from_.database(9).set_deadline("b", 99'999'999'999'999);
  }
  ManualClock clock_;
  SeededRandom random_{1};
  Keyspace from_{clock_, random_};
  Keyspace to_{clock_, random_};
};

TEST_F(RdbFile, GivesBackKeysDeadlinesAndFunctions) {
  const std::string bytes = make_rdb(from_, {.version = "7.0.15", .libraries = {"#!lua name=x"}});
  const auto loaded = load_rdb(bytes + "*1\r\n", to_);
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_EQ(loaded->keys, 2U);
  EXPECT_EQ(loaded->expired, 1U);
  EXPECT_EQ(loaded->end, bytes.size());
  EXPECT_EQ(loaded->libraries, std::vector<std::string>{"#!lua name=x"});
  EXPECT_EQ(to_.database(0).peek("a")->string(), "1");
  EXPECT_EQ(to_.database(9).peek("b")->deadline_ms(), 99'999'999'999'999);
}

TEST_F(RdbFile, SaysWhereAFileIsDamaged) {
  const std::string bytes = make_rdb(from_, {.version = "7.0.15"});
  for (size_t size = 0; size < bytes.size(); ++size) {
    Keyspace space(clock_, random_);
    EXPECT_FALSE(load_rdb(std::string_view(bytes).substr(0, size), space)) << size;
  }
  std::string bad = bytes;
  bad[bad.size() - 3] ^= 1;
  const auto loaded = load_rdb(bad, to_);
  ASSERT_FALSE(loaded);
  EXPECT_THAT(loaded.error().message, testing::HasSubstr("checksum"));
  Keyspace small(clock_, random_, 1);
  EXPECT_FALSE(load_rdb(bytes, small));  // database 9 is beyond
}

}  // namespace
}  // namespace compozy::redis
