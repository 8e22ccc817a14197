// SPDX-License-Identifier: Apache-2.0
//
// Durable writes: fdatasync alone, bare SQLite with its inserts grouped by hand, and our Database with as many writers.
// A step is what the journal writes for one: a record, a task row, an event and the run's head.
#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <filesystem>
#include <latch>
#include <string>

#include "base/assert.hpp"
#include "sql/sqlite/sqlite_database.hpp"

namespace compozy::sql {
namespace {

constexpr std::array kStep{
    "INSERT INTO records (run_no, seq, kind, v, at, epoch, body) VALUES (?1, ?2, 1, 1, 0, 0, ?3)",
    "INSERT INTO tasks (run_no, n, path, task_id, type, status, input, started_ms) "
    "VALUES (?1, ?2, 'a#1', 'a', 'basic', 'SUCCESS', ?3, 0)",
    "INSERT INTO events (run_no, n, at, kind, body) VALUES (?1, ?2, 0, 'task', ?3)",
    "UPDATE runs SET head = ?2, output = ?3 WHERE run_no = ?1",
};

class Directory {
 public:
  Directory() {
    std::string pattern = "/var/tmp/compozy_bench_XXXXXX";
    path_ = ::mkdtemp(pattern.data());
  }
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;
  ~Directory() { std::filesystem::remove_all(path_); }
  std::string file(const char* name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

const std::string& body() {
  static const std::string text(300, 'x');
  return text;
}

void one_fdatasync(benchmark::State& state) {
  const Directory directory;
  const int fd = ::open(directory.file("f").c_str(), O_CREAT | O_WRONLY, 0644);
  for (auto _ : state) {
    if (::write(fd, body().data(), body().size()) < 0 || ::fdatasync(fd) != 0) state.SkipWithError("disk");
  }
  ::close(fd);
}

// The peer: the same statements, prepared, on a bare connection; `range` steps per commit.
void bare_sqlite(benchmark::State& state) {
  const Directory directory;
  const std::string path = directory.file("db");
  {
    const auto schema = open_sqlite({.path = path}).value();
  }
  sqlite3* db = nullptr;
  sqlite3_open(path.c_str(), &db);
  sqlite3_exec(db, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL", nullptr, nullptr, nullptr);
  std::array<sqlite3_stmt*, kStep.size()> statements{};
  for (size_t i = 0; i < kStep.size(); ++i) sqlite3_prepare_v2(db, kStep[i], -1, &statements[i], nullptr);
  int64_t n = 0;
  for (auto _ : state) {
    sqlite3_exec(db, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr);
    for (int64_t i = 0; i < state.range(0); ++i) {
      ++n;
      for (sqlite3_stmt* statement : statements) {
        sqlite3_bind_int64(statement, 1, n % 64);
        sqlite3_bind_int64(statement, 2, n);
        sqlite3_bind_text(statement, 3, body().data(), static_cast<int>(body().size()), nullptr);
        ASSERT(sqlite3_step(statement) == SQLITE_DONE);
        sqlite3_reset(statement);
      }
    }
    sqlite3_exec(db, "COMMIT", nullptr, nullptr, nullptr);
  }
  for (sqlite3_stmt* statement : statements) sqlite3_finalize(statement);
  sqlite3_close(db);
  state.SetItemsProcessed(n);
}

Result<void> write_step(Transaction& t, int64_t n) {
  for (const char* sql : kStep) TRY(t.execute(sql, n % 64, n, body()));
  return {};
}

// `range` writers, each of which submits its next step when its last one is durable.
void database(benchmark::State& state) {
  const Directory directory;
  const auto db = open_sqlite({.path = directory.file("db")}).value();
  std::atomic<int64_t> n = 0;
  for (auto _ : state) {
    constexpr int64_t kStepsPerWriter = 50;
    std::latch ended(state.range(0));
    std::function<void(int64_t)> step = [&](int64_t left) {
      if (left == 0) {
        ended.count_down();
        return;
      }
      const int64_t number = ++n;
      db->write([number](Transaction& t) { return write_step(t, number); },
                [&, left](const Result<void>& outcome) {
                  ASSERT(outcome.has_value());
                  step(left - 1);
                });
    };
    for (int64_t writer = 0; writer < state.range(0); ++writer) step(kStepsPerWriter);
    ended.wait();
  }
  state.SetItemsProcessed(n);
  state.counters["steps_per_commit"] =
      static_cast<double>(db->statistics().works) / static_cast<double>(db->statistics().commits);
}

BENCHMARK(one_fdatasync)->UseRealTime();
BENCHMARK(bare_sqlite)->Arg(1)->Arg(64)->UseRealTime();
BENCHMARK(database)->Arg(1)->Arg(64)->UseRealTime();

}  // namespace
}  // namespace compozy::sql
