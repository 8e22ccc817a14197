// SPDX-License-Identifier: Apache-2.0
//
// What the disk, the system and other programs do to a database.
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <thread>

#include "sql/migrations.hpp"
#include "sql/sqlite/connection.hpp"
#include "sql/sqlite/sqlite_database.hpp"

namespace compozy::sql {
namespace {

class SqliteFailure : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = ::testing::TempDir() + "compozy_sql_XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    dir_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(dir_); }
  std::string path() const { return dir_ + "/compozy.db"; }
  std::string dir_;
};

Result<void> insert(Database& db, int64_t n, std::string body = "{}") {
  return db.write_blocking([=](Transaction& t) -> Result<void> {
    TRY(t.execute("INSERT INTO events (run_no, n, at, kind, body) VALUES (1, ?1, 0, 'k', ?2)", n, body));
    return {};
  });
}

int64_t count(Database& db) {
  int64_t found = -1;
  const auto outcome = db.read_blocking([&](Reader& r) -> Result<void> {
    TRY(const auto n, r.query_integer("SELECT count(*) FROM events"));
    found = n.value();
    return {};
  });
  EXPECT_TRUE(outcome.has_value());
  return found;
}

// Writes until refused; gives how many were stored.
int64_t fill(Database& db, Error& refusal) {
  for (int64_t n = 1;; ++n) {
    auto outcome = insert(db, n, std::string(20'000, 'x'));
    if (outcome) continue;
    refusal = std::move(outcome).error();
    return n - 1;
  }
}

TEST_F(SqliteFailure, APageLimitRefusesWritesAndKeepsWhatWasStored) {
  const auto db = open_sqlite({.path = path(), .pages_max = 200}).value();
  Error refusal;
  const int64_t stored = fill(*db, refusal);
  EXPECT_EQ(refusal.code, Errc::storage_full);
  EXPECT_THAT(refusal.message, ::testing::HasSubstr(path()));
  EXPECT_GT(stored, 10);
  EXPECT_EQ(count(*db), stored);
  ASSERT_TRUE(db->write_blocking([](Transaction& t) -> Result<void> {
                  TRY(t.execute("DELETE FROM events"));
                  return {};
                }).has_value());
  EXPECT_TRUE(insert(*db, 1).has_value()) << "writes resume when there is room";
}

TEST_F(SqliteFailure, AFullDiskRefusesWritesAndRecoversWhenSpaceReturns) {
  if (::mount("none", dir_.c_str(), "tmpfs", 0, "size=2m") != 0) GTEST_SKIP() << "needs the right to mount a tmpfs";
  std::ofstream(dir_ + "/ballast") << std::string(600'000, 'b');
  {
    const auto db = open_sqlite({.path = path()}).value();
    Error refusal;
    const int64_t stored = fill(*db, refusal);
    EXPECT_EQ(refusal.code, Errc::storage_full) << refusal.message;
    EXPECT_THAT(refusal.message, ::testing::HasSubstr("the disk is full"));
    EXPECT_GT(stored, 5);
    EXPECT_EQ(count(*db), stored) << "reads go on";
    std::filesystem::remove(dir_ + "/ballast");
    EXPECT_TRUE(insert(*db, 1'000'000).has_value());
    EXPECT_EQ(count(*db), stored + 1);
  }
  EXPECT_EQ(::umount(dir_.c_str()), 0);
}

TEST_F(SqliteFailure, AFileThatIsNoDatabaseIsCorruptData) {
  std::ofstream(path()) << std::string(5000, 'x');
  const auto db = open_sqlite({.path = path()});
  ASSERT_FALSE(db.has_value());
  EXPECT_EQ(db.error().code, Errc::corrupt_data);
  EXPECT_THAT(db.error().message, ::testing::HasSubstr(path()));
}

TEST_F(SqliteFailure, DamagedPagesAreCorruptDataNotACrash) {
  {
    const auto db = open_sqlite({.path = path()}).value();
    for (int n = 0; n < 50; ++n) ASSERT_TRUE(insert(*db, n, std::string(3000, 'x')).has_value());
  }
  const auto size = std::filesystem::file_size(path());
  std::fstream file(path(), std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(static_cast<std::streamoff>(size / 2));
  file << std::string(size / 2, '\xee');
  file.close();
  const auto db = open_sqlite({.path = path()});
  if (!db) {
    EXPECT_EQ(db.error().code, Errc::corrupt_data);
    return;
  }
  const auto outcome = (*db)->read_blocking([](Reader& r) -> Result<void> {
    TRY(r.query_integer("SELECT sum(length(body)) FROM events"));
    return {};
  });
  ASSERT_FALSE(outcome.has_value());
  EXPECT_EQ(outcome.error().code, Errc::corrupt_data);
}

// What a killed process leaves is copied, so that each damage begins from the same log.
TEST_F(SqliteFailure, ADamagedLogIsRefusedAndATornEndIsNot) {
  const std::string kept = dir_ + "/kept";
  {
    const auto db = open_sqlite({.path = path(), .commits_per_checkpoint = 1'000'000}).value();
    for (int n = 0; n < 20; ++n) ASSERT_TRUE(insert(*db, n, std::string(3000, 'x')).has_value());
    std::filesystem::create_directory(kept);
    for (const char* end : {"", "-wal"}) std::filesystem::copy(path() + end, kept + "/compozy.db" + end);
  }
  const auto size = static_cast<int64_t>(std::filesystem::file_size(kept + "/compozy.db-wal"));
  const auto with_log = [&](int64_t damaged_at) {
    std::filesystem::remove_all(dir_ + "/now");
    std::filesystem::copy(kept, dir_ + "/now");
    std::fstream log(dir_ + "/now/compozy.db-wal", std::ios::in | std::ios::out | std::ios::binary);
    log.seekp(damaged_at);
    log << "damaged!";
    log.close();
    return open_sqlite({.path = dir_ + "/now/compozy.db"});
  };
  for (const int64_t at : {int64_t{3}, size / 2}) {
    for (int again = 0; again < 2; ++again) {
      const auto db = again == 0 ? with_log(at) : open_sqlite({.path = dir_ + "/now/compozy.db"});
      ASSERT_FALSE(db.has_value()) << at;
      EXPECT_EQ(db.error().code, Errc::corrupt_data);
      EXPECT_THAT(db.error().message, ::testing::HasSubstr(dir_ + "/now/compozy.db-wal"));
      EXPECT_EQ(std::filesystem::file_size(dir_ + "/now/compozy.db-wal"), size) << "it is left as it was";
    }
  }
  const auto torn = with_log(size - 100);
  ASSERT_TRUE(torn.has_value()) << torn.error().to_string();
  EXPECT_EQ(count(**torn), 19);
}

TEST_F(SqliteFailure, AMissingDirectoryIsNamed) {
  const auto missing = open_sqlite({.path = dir_ + "/none/compozy.db"});
  ASSERT_FALSE(missing.has_value());
  EXPECT_EQ(missing.error().code, Errc::not_found);
  EXPECT_THAT(missing.error().message, ::testing::HasSubstr(dir_ + "/none/compozy.db': its directory does not exist"));
}

TEST_F(SqliteFailure, AReadOnlyDirectoryIsNamed) {
  {
    const auto db = open_sqlite({.path = path()}).value();
  }
  // Root may write anywhere, but not on a file system that is mounted read-only.
  const bool mounted = ::mount(dir_.c_str(), dir_.c_str(), nullptr, MS_BIND, nullptr) == 0;
  if (mounted) {
    ASSERT_EQ(::mount(nullptr, dir_.c_str(), nullptr, MS_REMOUNT | MS_BIND | MS_RDONLY, nullptr), 0);
  } else if (::geteuid() == 0) {
    GTEST_SKIP() << "root without the right to mount";
  } else {
    std::filesystem::permissions(dir_, std::filesystem::perms::owner_read | std::filesystem::perms::owner_exec);
    std::filesystem::permissions(path(), std::filesystem::perms::owner_read);
  }
  for (const auto& file : {path(), dir_ + "/new.db"}) {
    const auto db = open_sqlite({.path = file});
    EXPECT_FALSE(db.has_value());
    if (!db) EXPECT_EQ(db.error().code, Errc::permission_denied) << db.error().message;
    if (!db) EXPECT_THAT(db.error().message, ::testing::HasSubstr(file));
  }
  if (mounted) ::umount(dir_.c_str());
  std::filesystem::permissions(dir_, std::filesystem::perms::owner_all);
}

TEST_F(SqliteFailure, ANewerSchemaIsRefusedAndLeftAlone) {
  {
    const auto db = open_sqlite({.path = path()}).value();
    ASSERT_TRUE(db->write_blocking([](Transaction& t) -> Result<void> {
                    TRY(t.execute("INSERT INTO schema_version VALUES (9999, 'future', 0)"));
                    return {};
                  }).has_value());
  }
  const auto db = open_sqlite({.path = path()});
  ASSERT_FALSE(db.has_value());
  EXPECT_EQ(db.error().code, Errc::newer_format);
  EXPECT_THAT(db.error().message, ::testing::HasSubstr("9999"));
}

TEST_F(SqliteFailure, AnotherProgramsDatabaseIsRefused) {
  {
    const auto other = Connection::open(path(), Connection::Mode::write).value();
    ASSERT_TRUE(other->run_script("CREATE TABLE theirs (x)").has_value());
  }
  const auto db = open_sqlite({.path = path()});
  ASSERT_FALSE(db.has_value());
  EXPECT_THAT(db.error().message, ::testing::HasSubstr("another program"));
}

TEST_F(SqliteFailure, AnotherWritersLockIsWaitedOut) {
  const auto db = open_sqlite({.path = path()}).value();
  const auto other = Connection::open(path(), Connection::Mode::write).value();
  ASSERT_TRUE(other->run_script("BEGIN IMMEDIATE").has_value());
  std::thread writer([&] { EXPECT_TRUE(insert(*db, 1).has_value()); });
  while (db->statistics().works == 0) std::this_thread::yield();
  EXPECT_EQ(count(*db), 0);
  ASSERT_TRUE(other->run_script("COMMIT").has_value());
  writer.join();
  EXPECT_EQ(count(*db), 1);
}

TEST_F(SqliteFailure, TwoDatabasesOnOneFileBothStoreEverything) {
  const auto first = open_sqlite({.path = path()}).value();
  const auto second = open_sqlite({.path = path()}).value();
  std::thread other([&] {
    for (int n = 0; n < 100; ++n) EXPECT_TRUE(insert(*second, 1000 + n).has_value());
  });
  for (int n = 0; n < 100; ++n) EXPECT_TRUE(insert(*first, n).has_value());
  other.join();
  EXPECT_EQ(count(*first), 200);
}

// The child writes events 1, 2, 3 … and reports each number on the pipe once its write is durable.
[[noreturn]] void write_and_report(const std::string& path, int pipe) {
  auto db = open_sqlite({.path = path});
  if (!db) ::_exit(1);
  int64_t next = 1 + count(**db);
  for (;; ++next) {
    if (!insert(**db, next)) ::_exit(2);
    if (::write(pipe, &next, sizeof(next)) != sizeof(next)) ::_exit(3);
  }
}

TEST_F(SqliteFailure, KillingTheProcessLosesNothingAcknowledged) {
  int64_t acknowledged = 0;
  for (int round = 0; round < 8; ++round) {
    std::array<int, 2> pipe{};
    ASSERT_EQ(::pipe(pipe.data()), 0);
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) write_and_report(path(), pipe[1]);
    ::close(pipe[1]);
    // Some writes in, at a different point of the work each time.
    for (int i = 0; i < 5 + round * 17; ++i) {
      ASSERT_EQ(::read(pipe[0], &acknowledged, sizeof(acknowledged)), static_cast<ssize_t>(sizeof(acknowledged)));
    }
    ::kill(child, SIGKILL);
    int status = 0;
    ::waitpid(child, &status, 0);
    while (::read(pipe[0], &acknowledged, sizeof(acknowledged)) > 0) {
    }
    ::close(pipe[0]);
    EXPECT_TRUE(WIFSIGNALED(status));
    const auto db = open_sqlite({.path = path()}).value();
    EXPECT_GE(count(*db), acknowledged);
    EXPECT_LE(count(*db), acknowledged + 1) << "at most the write under way";
  }
}

}  // namespace
}  // namespace compozy::sql
