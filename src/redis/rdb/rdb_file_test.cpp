// SPDX-License-Identifier: Apache-2.0
#include "redis/rdb/rdb_file.hpp"

#include "base/clock.hpp"
#include "base/random.hpp"
#include "redis/rdb/rdb_bytes.hpp"

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

TEST_F(RdbFile, IsReadAsItArrives) {
  from_.database(3).set_string("large", std::string(3000, 'y') + "1234567");
  const std::string bytes = make_rdb(from_, {.version = "7.0.15", .libraries = {"#!lua name=x"}}, false) + "after";
  for (const size_t piece : {1U, 7U, 100U, 100'000U}) {
    Keyspace space(clock_, random_);
    std::string_view left = bytes;
    bool came = false;
    const auto more = [&](std::string& to) -> Result<bool> {
      came = !came;  // Each second time nothing has come.
      if (came) to += left.substr(0, piece);
      if (came) left.remove_prefix(std::min(piece, left.size()));
      return came;
    };
    const auto loaded = load_rdb("", space, {.more = more});
    ASSERT_TRUE(loaded) << piece << ": " << loaded.error().message;
    EXPECT_EQ(loaded->keys, 3U);
    EXPECT_EQ(loaded->end, bytes.size() - 5);
    EXPECT_EQ(loaded->rest + std::string(left), "after");
    EXPECT_EQ(loaded->libraries.size(), 1U);
    EXPECT_EQ(space.database(9).peek("b")->deadline_ms(), 99'999'999'999'999);
    EXPECT_EQ(space.database(3).peek("large")->string().size(), 3007U);
  }
}

TEST_F(RdbFile, ThatDoesNotArriveWholeIsAnError) {
  const std::string bytes = make_rdb(from_, {.version = "7.0.15"});
  for (size_t size = 0; size < bytes.size(); ++size) {
    Keyspace space(clock_, random_);
    std::string_view left = std::string_view(bytes).substr(0, size);
    const auto more = [&](std::string& to) -> Result<bool> {
      if (left.empty()) return fail(Errc::unavailable, "the connection broke");
      to += left.substr(0, 5);
      left.remove_prefix(std::min<size_t>(5, left.size()));
      return true;
    };
    const auto loaded = load_rdb("", space, {.more = more});
    ASSERT_FALSE(loaded) << size;
    EXPECT_EQ(loaded.error().code, Errc::unavailable);
  }
  std::string bad = bytes;
  bad[bad.size() - 3] ^= 1;
  const auto whole = [&](std::string& to) -> Result<bool> {
    to += bad;
    return true;
  };
  const auto loaded = load_rdb("", to_, {.more = whole});
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().code, Errc::corrupt_data);
}

TEST_F(RdbFile, GoesToDatabasesThatNobodySees) {
  to_.database(0).set_string("mine", "x");
  auto spare = to_.make_spare_databases();
  ASSERT_TRUE(load_rdb(make_rdb(from_, {.version = "7.0.15"}), to_, {.databases = &spare}));
  EXPECT_EQ(to_.key_count(), 1U);
  to_.exchange_databases(spare);
  EXPECT_EQ(to_.key_count(), 2U);
  EXPECT_EQ(to_.database(9).peek("b")->string(), std::string(500, 'x'));
  EXPECT_EQ(spare[0]->peek("mine")->string(), "x");
}

// Old servers wrote collections of nothing; whoever loads them has a list that LPOP could never end.
TEST_F(RdbFile, LeavesOutEmptyCollections) {
  std::string bytes = "REDIS0010";
  RdbWriter writer(bytes);
  for (const auto type : {RdbType::list, RdbType::set, RdbType::hash, RdbType::zset}) {
    writer.type(type);
    writer.string("nothing");
    writer.length(0);
  }
  writer.type(RdbType::set);
  writer.string("some");
  writer.length(1);
  writer.string("member");
  uint64_t checksum = 0;
  seal_rdb_part(bytes, checksum, true);
  std::vector<std::string> told;
  const auto loaded = load_rdb(bytes, to_, {.empty = [&](std::string_view key) { told.emplace_back(key); }});
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_EQ(loaded->keys, 1U);
  EXPECT_EQ(loaded->empty, 4U);
  EXPECT_EQ(told, std::vector<std::string>(4, "nothing"));
  EXPECT_EQ(to_.key_count(), 1U);
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
