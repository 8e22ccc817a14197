// SPDX-License-Identifier: Apache-2.0
#include "sql/sqlite/sqlite_database.hpp"

#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <future>
#include <thread>
#include <vector>

#include "io/loop.hpp"
#include "sql/migrations.hpp"
#include "sql/sqlite/connection.hpp"

namespace compozy::sql {
namespace {

class SqliteTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = ::testing::TempDir() + "compozy_sql_XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    dir_ = pattern;
    db_ = open_sqlite({.path = path()}).value();
  }
  void TearDown() override {
    db_.reset();
    std::filesystem::remove_all(dir_);
  }
  std::string path() const { return dir_ + "/compozy.db"; }

  Result<void> add_event(int64_t run_no, int64_t n, std::string body = "{}") {
    return db_->write_blocking([=](Transaction& t) -> Result<void> {
      TRY(t.execute("INSERT INTO events (run_no, n, at, kind, body) VALUES (?1, ?2, ?3, ?4, ?5)", run_no, n, 0, "k",
                    body));
      return {};
    });
  }
  int64_t count(const char* table) {
    int64_t found = -1;
    EXPECT_TRUE(db_->read_blocking([&](Reader& r) -> Result<void> {
                     TRY(const auto n, r.query_integer(std::string("SELECT count(*) FROM ") + table));
                     found = n.value();
                     return {};
                   })
                    .has_value());
    return found;
  }

  std::string dir_;
  std::unique_ptr<Database> db_;
};

TEST_F(SqliteTest, HasEveryTableOfTheDesign) {
  for (const char* table : {"runs", "records", "pending", "timers", "inbox", "tasks", "events", "turns", "blobs",
                            "definitions", "users", "api_keys", "audit"}) {
    EXPECT_EQ(count(table), 0) << table;
  }
  EXPECT_EQ(count("schema_version"), static_cast<int64_t>(migrations().size()));
}

TEST_F(SqliteTest, KeepsEachTypeOfValueExactly) {
  const std::string bytes("a\0b\xff", 4);
  ASSERT_TRUE(db_->write_blocking([&](Transaction& t) -> Result<void> {
                   TRY(t.execute("CREATE TABLE v (i, r, t, b, n, e)"));
                   TRY(t.execute("INSERT INTO v VALUES (?1, ?2, ?3, ?4, ?5, ?6)", INT64_MIN, 0.1, "text", Blob{bytes},
                                 nullptr, std::optional<std::string>("")));
                   return {};
                 })
                  .has_value());
  ASSERT_TRUE(db_->read_blocking([&](Reader& r) -> Result<void> {
                   TRY(auto rows, r.query("SELECT i, r, t, b, n, e FROM v WHERE t = ?1", std::string("text")));
                   TRY(const bool found, rows.next());
                   EXPECT_TRUE(found);
                   EXPECT_EQ(rows.integer(0), INT64_MIN);
                   EXPECT_EQ(rows.real(1), 0.1);
                   EXPECT_EQ(rows.text(2), "text");
                   EXPECT_EQ(rows.blob(3), bytes);
                   EXPECT_TRUE(rows.is_null(4));
                   EXPECT_FALSE(rows.is_null(5));
                   EXPECT_EQ(rows.optional_string(5), "");
                   EXPECT_EQ(rows.optional_integer(4), std::nullopt);
                   TRY(const bool more, rows.next());
                   EXPECT_FALSE(more);
                   return {};
                 })
                  .has_value());
}

TEST_F(SqliteTest, ExecuteTellsHowManyRowsChanged) {
  ASSERT_TRUE(add_event(1, 1).has_value());
  ASSERT_TRUE(add_event(1, 2).has_value());
  ASSERT_TRUE(db_->write_blocking([](Transaction& t) -> Result<void> {
                   TRY(const int64_t changed, t.execute("UPDATE events SET at = 5 WHERE run_no = ?1", 1));
                   EXPECT_EQ(changed, 2);
                   TRY(const int64_t none, t.execute("DELETE FROM events WHERE run_no = ?1", 9));
                   EXPECT_EQ(none, 0);
                   return {};
                 })
                  .has_value());
}

TEST_F(SqliteTest, TheSameQueryMayRunInsideItself) {
  for (int i = 1; i <= 3; ++i) ASSERT_TRUE(add_event(1, i).has_value());
  int pairs = 0;
  ASSERT_TRUE(db_->read_blocking([&](Reader& r) -> Result<void> {
                   const std::string_view sql = "SELECT n FROM events WHERE run_no = ?1";
                   TRY(auto outer, r.query(sql, 1));
                   for (;;) {
                     TRY(const bool more, outer.next());
                     if (!more) return {};
                     TRY(auto inner, r.query(sql, 1));
                     for (;;) {
                       TRY(const bool another, inner.next());
                       if (!another) break;
                       ++pairs;
                     }
                   }
                 })
                  .has_value());
  EXPECT_EQ(pairs, 9);
}

TEST_F(SqliteTest, AWrongNumberOfValuesIsReported) {
  const auto outcome = db_->read_blocking([](Reader& r) -> Result<void> {
    TRY(r.query("SELECT ?1, ?2", 1));
    return {};
  });
  EXPECT_EQ(outcome.error().code, Errc::internal);
}

io::Task<Result<int64_t>> write_then_read(Database& db) {
  CO_TRY(co_await db.write([](Transaction& t) -> Result<void> {
    TRY(t.execute("INSERT INTO blobs (hash, bytes, created_ms) VALUES (?1, ?2, ?3)", "h", Blob{"bytes"}, 1));
    return {};
  }));
  co_return co_await db.read([](Reader& r) -> Result<int64_t> {
    TRY(const auto n, r.query_integer("SELECT length(bytes) FROM blobs WHERE hash = ?1", "h"));
    return n.value_or(-1);
  });
}

TEST_F(SqliteTest, CoroutinesSeeWhatTheyWrote) {
  io::Loop loop;
  EXPECT_EQ(io::run_until(loop, write_then_read(*db_)).value(), 5);
}

// Keeps the writer inside a work until let go, so that what follows queues behind it.
class HeldWriter {
 public:
  explicit HeldWriter(Database& db) {
    std::promise<void> entered;
    auto inside = entered.get_future();
    db.write(
        [gate = gate_.get_future().share(), entered = std::move(entered)](Transaction&) mutable -> Result<void> {
          entered.set_value();
          gate.wait();
          return {};
        },
        [](const Result<void>&) {});
    inside.wait();
  }
  void let_go() { gate_.set_value(); }

 private:
  std::promise<void> gate_;
};

TEST_F(SqliteTest, QueuedWritesShareOneCommit) {
  HeldWriter held(*db_);
  const auto before = db_->statistics();
  std::promise<void> last;
  for (int i = 0; i < 100; ++i) {
    db_->write(
        [i](Transaction& t) -> Result<void> {
          TRY(t.execute("INSERT INTO timers VALUES (0, ?1, 1, 1)", i));
          return {};
        },
        [&last, i](Result<void> outcome) {
          EXPECT_TRUE(outcome.has_value());
          if (i == 99) last.set_value();
        });
  }
  held.let_go();
  last.get_future().wait();
  EXPECT_EQ(count("timers"), 100);
  EXPECT_EQ(db_->statistics().commits - before.commits, 2U) << "the held work's commit and one for all the rest";
}

TEST_F(SqliteTest, AFailingWorkRollsBackOnlyItself) {
  HeldWriter held(*db_);
  std::vector<std::future<Result<void>>> outcomes;
  for (int i = 0; i < 10; ++i) {
    std::promise<Result<void>> done;
    outcomes.push_back(done.get_future());
    db_->write(
        [i](Transaction& t) -> Result<void> {
          TRY(t.execute("INSERT INTO timers VALUES (0, ?1, 1, 1)", i));
          if (i == 3) return fail(Errc::precondition_failed, "changed my mind");
          // The same key as its predecessor's second row: a broken constraint.
          TRY(t.execute("INSERT INTO timers VALUES (1, ?1, 1, 1)", i == 7 ? 6 : i));
          return {};
        },
        [done = std::move(done)](Result<void> outcome) mutable { done.set_value(std::move(outcome)); });
  }
  held.let_go();
  for (int i = 0; i < 10; ++i) {
    const auto outcome = outcomes[static_cast<size_t>(i)].get();
    EXPECT_EQ(outcome.has_value(), i != 3 && i != 7) << i;
    if (i == 3) EXPECT_EQ(outcome.error().message, "changed my mind");
    if (i == 7) EXPECT_EQ(outcome.error().code, Errc::conflict);
  }
  EXPECT_EQ(count("timers"), 16);
}

TEST_F(SqliteTest, DoneIsCalledInTheOrderOfTheWrites) {
  HeldWriter held(*db_);
  std::vector<int> order;
  std::promise<void> last;
  for (int i = 0; i < 1000; ++i) {
    db_->write([](Transaction&) -> Result<void> { return {}; },
               [&, i](const Result<void>&) {
                 order.push_back(i);
                 if (i == 999) last.set_value();
               });
  }
  held.let_go();
  last.get_future().wait();
  EXPECT_TRUE(std::is_sorted(order.begin(), order.end()));
}

TEST_F(SqliteTest, AFullQueueRefusesAtOnce) {
  db_.reset();
  db_ = open_sqlite({.path = path(), .queue_max = 2}).value();
  HeldWriter held(*db_);
  const auto nothing = [](Transaction&) -> Result<void> { return {}; };
  const auto ignore = [](const Result<void>&) {};
  db_->write(nothing, ignore);
  db_->write(nothing, ignore);
  Errc refused = Errc::internal;
  db_->write(nothing, [&](Result<void> outcome) { refused = outcome.error().code; });
  EXPECT_EQ(refused, Errc::limit_exceeded);
  held.let_go();
}

TEST_F(SqliteTest, AReaderKeepsItsSnapshotWhileOthersWrite) {
  ASSERT_TRUE(add_event(1, 1).has_value());
  ASSERT_TRUE(db_->read_blocking([&](Reader& r) -> Result<void> {
                   TRY(const auto before, r.query_integer("SELECT count(*) FROM events"));
                   EXPECT_TRUE(add_event(1, 2).has_value());
                   TRY(const auto after, r.query_integer("SELECT count(*) FROM events"));
                   EXPECT_EQ(before, after);
                   return {};
                 })
                  .has_value());
  EXPECT_EQ(count("events"), 2);
}

TEST_F(SqliteTest, AReaderCannotWrite) {
  const auto outcome = db_->read_blocking([](Reader& r) -> Result<void> {
    TRY(auto rows, r.query("INSERT INTO timers VALUES (1, 1, 1, 1)"));
    TRY(rows.next());
    return {};
  });
  EXPECT_FALSE(outcome.has_value());
  EXPECT_EQ(count("timers"), 0);
}

TEST_F(SqliteTest, ManyThreadsWriteAndReadAndLoseNothing) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([this, t] {
      for (int i = 0; i < 100; ++i) {
        EXPECT_TRUE(add_event(t, i).has_value());
        EXPECT_GE(count("events"), i + 1);
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(count("events"), 400);
  EXPECT_GT(db_->statistics().checkpoints, 0U);
}

TEST_F(SqliteTest, ClosingWritesWhatHasQueuedAndFoldsTheLog) {
  std::atomic<int> stored = 0;
  for (int i = 0; i < 500; ++i) {
    db_->write(
        [i](Transaction& t) -> Result<void> {
          TRY(t.execute("INSERT INTO timers VALUES (0, ?1, 1, 1)", i));
          return {};
        },
        [&stored](const Result<void>& outcome) { stored += outcome.has_value() ? 1 : 0; });
  }
  db_.reset();
  EXPECT_EQ(stored, 500);
  EXPECT_FALSE(std::filesystem::exists(path() + "-wal"));
  db_ = open_sqlite({.path = path()}).value();
  EXPECT_EQ(count("timers"), 500);
}

TEST_F(SqliteTest, ABackupIsACompleteDatabase) {
  ASSERT_TRUE(add_event(1, 1).has_value());
  ASSERT_TRUE(db_->backup_blocking(dir_ + "/copy.db").has_value());
  ASSERT_TRUE(add_event(1, 2).has_value());
  const auto copy = open_sqlite({.path = dir_ + "/copy.db"}).value();
  ASSERT_TRUE(copy->read_blocking([](Reader& r) -> Result<void> {
                    TRY(const auto n, r.query_integer("SELECT count(*) FROM events"));
                    EXPECT_EQ(n, 1);
                    return {};
                  })
                  .has_value());
}

TEST_F(SqliteTest, FilesAreReadableByTheirOwnerAlone) {
  ASSERT_TRUE(add_event(1, 1).has_value());
  for (const char* suffix : {"", "-wal", "-shm"}) {
    EXPECT_EQ(std::filesystem::status(path() + suffix).permissions(),
              std::filesystem::perms::owner_read | std::filesystem::perms::owner_write)
        << suffix;
  }
}

// A database of the first version, as an older Compozy left it.
void write_first_version(const std::string& path) {
  const Migration& first = migrations().front();
  const auto connection = Connection::open(path, Connection::Mode::write).value();
  ASSERT_TRUE(connection
                  ->run_script("CREATE TABLE schema_version (version INTEGER PRIMARY KEY, name TEXT NOT NULL, "
                               "applied_ms INTEGER NOT NULL) STRICT")
                  .has_value());
  ASSERT_TRUE(connection->run_script(std::string(first.sql)).has_value());
  ASSERT_TRUE(
      connection->execute("INSERT INTO schema_version VALUES (?1, ?2, 0)", first.version, first.name).has_value());
}

TEST_F(SqliteTest, AnUpgradeGoesOnWhereAKilledOneStopped) {
  const std::string old = dir_ + "/old.db";
  write_first_version(old);
  // The first attempt died while it wrote the copy; another died after it.
  std::ofstream(old + ".v1.backup.part") << "half a database";
  std::ofstream(old + ".v1.backup") << "the copy of an attempt that ended after it";
  const auto upgraded = open_sqlite({.path = old});
  ASSERT_TRUE(upgraded.has_value()) << upgraded.error().message;
  EXPECT_FALSE(std::filesystem::exists(old + ".v1.backup.part"));
  EXPECT_TRUE(Connection::open(old + ".v1.backup", Connection::Mode::read).value()->query("SELECT 1").has_value());
  EXPECT_EQ(std::filesystem::status(old + ".v1.backup").permissions(),
            std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
}

}  // namespace
}  // namespace compozy::sql
