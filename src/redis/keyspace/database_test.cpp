// SPDX-License-Identifier: Apache-2.0
#include "redis/keyspace/database.hpp"

#include <thread>

#include "redis/keyspace/keyspace.hpp"

namespace compozy::redis {
namespace {

class DatabaseTest : public testing::Test, public KeyspaceEvents, public Snapshot {
 protected:
  DatabaseTest() { space_.set_events(this); }
  void key_expired(Database&, std::string_view key) override { expired_.emplace_back(key); }
  void emit(const Database&, const Entry& entry) override {
    emitted_.push_back(std::string(entry.key()) + "=" + std::string(entry.string()));
  }
  void abandon() override { abandoned_ = true; }
  void complete() override {}
  std::string get(std::string_view key) {
    const Entry* entry = db_.find(key);
    return entry == nullptr ? "(nil)" : std::string(entry->string());
  }
  void advance(int64_t ms) {
    clock_.advance_ms(ms);
    space_.begin_unit();
  }

  ManualClock clock_;
  SeededRandom random_{1};
  Keyspace space_{clock_, random_};
  Database& db_ = space_.database(0);
  std::vector<std::string> expired_;
  std::vector<std::string> emitted_;
  bool abandoned_ = false;
};

TEST_F(DatabaseTest, StoresStringsOfAnySize) {
  AccountScope scope(space_.memory());
  for (const size_t size : {0UL, 5UL, 150UL, 200UL, 100'000UL, 3UL}) {
    const std::string value(size, 'v');
    db_.set_string("k", value);
    EXPECT_EQ(get("k"), value);
  }
  EXPECT_TRUE(db_.erase("k"));
  EXPECT_FALSE(db_.erase("k"));
}

TEST_F(DatabaseTest, ExpiresLazilyAndTellsIt) {
  AccountScope scope(space_.memory());
  db_.set_string("k", "v");
  db_.set_deadline("k", space_.now_ms() + 100);
  advance(100);
  EXPECT_EQ(get("k"), "v");
  advance(1);
  EXPECT_EQ(get("k"), "(nil)");
  EXPECT_THAT(expired_, testing::ElementsAre("k"));
  EXPECT_EQ(db_.size(), 0U);
  EXPECT_EQ(db_.volatile_size(), 0U);
}

TEST_F(DatabaseTest, KeepsTheValueWhenADeadlineComesAndGoes) {
  AccountScope scope(space_.memory());
  for (const size_t size : {5UL, 185UL, 1000UL}) {
    const std::string value(size, 'x');
    db_.set_string("k", value);
    db_.set_deadline("k", space_.now_ms() + 1000);
    EXPECT_EQ(get("k"), value);
    db_.set_string("k", value + "y", true);
    EXPECT_EQ(db_.volatile_size(), 1U);
    EXPECT_TRUE(db_.persist("k"));
    EXPECT_FALSE(db_.persist("k"));
    EXPECT_EQ(get("k"), value + "y");
    EXPECT_EQ(db_.volatile_size(), 0U);
  }
}

TEST_F(DatabaseTest, ActiveExpiryFindsKeysNobodyTouches) {
  AccountScope scope(space_.memory());
  for (int i = 0; i < 2000; ++i) {
    const std::string key = std::to_string(i);
    db_.set_string(key, "v");
    db_.set_deadline(key, space_.now_ms() + (i % 2 == 0 ? 10 : 1'000'000));
  }
  advance(11);
  for (int i = 0; i < 200; ++i) space_.expire_actively(1'000'000);
  EXPECT_LT(db_.size(), 1150U);
  EXPECT_GE(db_.size(), 1000U);
}

TEST_F(DatabaseTest, GrowsStringsInPlace) {
  AccountScope scope(space_.memory());
  std::string expected;
  for (int i = 0; i < 300; ++i) {
    char* bytes = db_.resize_string("k", expected.size() + 7);
    std::memcpy(bytes + expected.size(), "seven77", 7);
    expected += "seven77";
  }
  EXPECT_EQ(get("k"), expected);
}

TEST_F(DatabaseTest, TellsWatchersOfChangesToTheirKeysOnly) {
  AccountScope scope(space_.memory());
  WatchFlag flag;
  db_.watch("k", flag);
  db_.modified("other");
  EXPECT_FALSE(flag.dirty);
  db_.modified("k");
  EXPECT_TRUE(flag.dirty);
  flag.dirty = false;
  db_.clear();
  EXPECT_FALSE(flag.dirty) << "the key did not exist";
  db_.unwatch("k", flag);
  db_.modified("k");
  EXPECT_FALSE(flag.dirty);
}

TEST_F(DatabaseTest, HandsOldValuesToASnapshotOnceBeforeTheyChange) {
  AccountScope scope(space_.memory());
  db_.set_string("a", "1");
  db_.set_string("b", "1");
  space_.set_snapshot(this);
  db_.set_string("a", "2");
  db_.set_string("a", "3");
  db_.erase("b");
  db_.set_string("new", "1");
  db_.erase("new");
  EXPECT_THAT(emitted_, testing::ElementsAre("a=1", "b=1"));
  db_.clear();
  EXPECT_TRUE(abandoned_);
}

TEST_F(DatabaseTest, CostsAtMostHundredBytesForASmallString) {
  AccountScope scope(space_.memory());
  for (int i = 0; i < 100'000; ++i) {
    std::string key = "key:" + std::to_string(100'000'000'000 + i);
    db_.set_string(key, std::string(32, 'v'));
  }
  EXPECT_LE(space_.memory().used / 100'000, 100);
}

TEST_F(DatabaseTest, FreesLargeValuesElsewhereAndBooksTheirBytes) {
  AccountScope scope(space_.memory());
  const int64_t before = space_.memory().used;
  for (const Release release : {Release::later, Release::lazily}) {
    auto* set = counted_new<SetValue>();
    for (int i = 0; i < 10'000; ++i) set->add("member" + std::to_string(i), 512);
    db_.add("k", Type::set, set);
    db_.set_string("small", "x");
    EXPECT_TRUE(db_.erase("k", release));
    EXPECT_TRUE(db_.erase("small", release));
  }
  db_.set_string("a", "1");
  db_.set_string("b", "1");
  db_.clear(Release::lazily);
  EXPECT_EQ(db_.size(), 0U);
  EXPECT_EQ(space_.lazily_freed, 3U);  // one set, two keys
  while (space_.reclaimer().pending() > 0) std::this_thread::yield();
  space_.begin_unit();
  EXPECT_EQ(space_.memory().used, before);
}

TEST_F(DatabaseTest, KeepsKeysOfEveryLengthApart) {
  AccountScope scope(space_.memory());
  for (const size_t size : {0UL, 1UL, 150UL, 184UL, 185UL, 65534UL, 65535UL, 65536UL, 200'000UL}) {
    const std::string key(size, 'k');
    db_.set_string(key, "v");
    EXPECT_EQ(db_.peek(key)->key(), key);
    db_.set_deadline(key, 1LL << 60);
    EXPECT_EQ(db_.peek(key)->string(), "v") << size;
    db_.set_string(key, std::string(1000, 'w'), true);
    EXPECT_EQ(db_.peek(key)->deadline_ms(), 1LL << 60);
    EXPECT_EQ(db_.peek(key)->string().size(), 1000U);
    db_.persist(key);
    EXPECT_EQ(db_.peek(key)->key().size(), size);
  }
  EXPECT_EQ(db_.size(), 9U);
}

// What is freed elsewhere leaves the account with the next unit, and not within this one.
TEST_F(DatabaseTest, FreesALargeValueInTheBackgroundWhateverEndsIt) {
  AccountScope scope(space_.memory());
  const std::string large(1'000'000, 'v');
  const auto ends_later = [&](auto end) {
    db_.set_string("k", large);
    const int64_t with = space_.memory().used;
    end();
    EXPECT_GT(space_.memory().used, with - 1000);
    while (space_.reclaimer().pending() > 0) std::this_thread::yield();
    space_.begin_unit();
    EXPECT_LT(space_.memory().used, with - 900'000);
    EXPECT_EQ(space_.lazily_freed, 0U);
  };
  ends_later([&] { db_.set_string("k", "small"); });
  EXPECT_EQ(get("k"), "small");
  ends_later([&] { db_.erase("k"); });
  db_.set_string("k", large);
  const int64_t with = space_.memory().used;
  db_.erase("k", Release::now);
  EXPECT_LT(space_.memory().used, with - 900'000);
}

}  // namespace
}  // namespace compozy::redis
