// SPDX-License-Identifier: Apache-2.0
#include "sql/sqlite/sqlite_database.hpp"

#include <condition_variable>
#include <mutex>
#include <vector>

#include "io/file.hpp"
#include "sql/sqlite/connection.hpp"
#include "sql/sqlite/log_damage.hpp"
#include "sql/sqlite/migrate.hpp"
#include "sql/sqlite/writer.hpp"

namespace compozy::sql {

namespace {

class SqliteDatabase final : public Database {
 public:
  SqliteDatabase(const SqliteOptions& options, std::unique_ptr<Connection> writer,
                 std::vector<std::unique_ptr<Connection>> readers)
      : path_(options.path),
        idle_(std::move(readers)),
        writer_(std::move(writer), {.queue_max = options.queue_max,
                                    .works_per_commit = options.works_per_commit,
                                    .commits_per_checkpoint = options.commits_per_checkpoint}),
        pool_({.name = "sql-reader", .threads = options.readers, .queue_max = options.read_queue_max}) {}

  // The last connection to close folds the log into the database; that must be the writer's.
  ~SqliteDatabase() override {
    pool_.stop();
    const std::lock_guard lock(mutex_);
    idle_.clear();
  }

  void write(Work work, Done done) override { writer_.submit(std::move(work), std::move(done)); }

  Result<void> read_blocking(const ReadWork& work) override {
    const Loan loan(*this);
    TRY(loan->execute("BEGIN"));
    auto outcome = work(*loan);
    auto ended = loan->execute("COMMIT");
    if (!ended && loan->in_transaction()) static_cast<void>(loan->execute("ROLLBACK"));
    return outcome;
  }

  Statistics statistics() const override { return writer_.statistics(); }

  Result<void> backup_blocking(const std::string& path) override {
    // A connection of its own: the readers are query-only, which VACUUM INTO counts as a breach.
    TRY(const auto connection, Connection::open(path_, Connection::Mode::read));
    TRY(connection->execute("VACUUM INTO ?1", path));
    return {};
  }

 private:
  // A reading connection, borrowed; waits for one that is idle.
  class Loan {
   public:
    explicit Loan(SqliteDatabase& owner) : owner_(owner) {
      std::unique_lock lock(owner_.mutex_);
      owner_.returned_.wait(lock, [this] { return !owner_.idle_.empty(); });
      connection_ = std::move(owner_.idle_.back());
      owner_.idle_.pop_back();
    }
    Loan(const Loan&) = delete;
    Loan& operator=(const Loan&) = delete;
    ~Loan() {
      {
        const std::lock_guard lock(owner_.mutex_);
        owner_.idle_.push_back(std::move(connection_));
      }
      owner_.returned_.notify_one();
    }
    Connection* operator->() const { return connection_.get(); }
    Connection& operator*() const { return *connection_; }

   private:
    SqliteDatabase& owner_;
    std::unique_ptr<Connection> connection_;
  };

  io::BlockingPool& readers() override { return pool_; }

  const std::string path_;
  std::mutex mutex_;
  std::condition_variable returned_;
  std::vector<std::unique_ptr<Connection>> idle_;
  Writer writer_;
  io::BlockingPool pool_;
};

Result<void> set_up_writer(Connection& connection, const SqliteOptions& options) {
  if (connection.is_read_only()) {
    return fail(Errc::permission_denied,
                "database '" + options.path + "': the file or its directory cannot be written");
  }
  TRY(auto mode, connection.query("PRAGMA journal_mode = WAL"));
  TRY(const bool answered, mode.next());
  if (!answered || mode.text(0) != "wal") {
    return fail(Errc::storage_failed,
                "database '" + options.path + "': this file system cannot keep a write-ahead log (shared memory)");
  }
  TRY(
      connection.run_script("PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 0; PRAGMA temp_store = MEMORY;"
                            "PRAGMA cache_size = -16000; PRAGMA foreign_keys = ON;"
                            "PRAGMA journal_size_limit = 67108864;"));
  if (options.pages_max != 0) {
    TRY(connection.run_script("PRAGMA max_page_count = " + std::to_string(options.pages_max)));
  }
  return {};
}

Result<std::unique_ptr<Connection>> open_reader(const std::string& path) {
  TRY(auto reader, Connection::open(path, Connection::Mode::read));
  TRY(
      reader->run_script("PRAGMA temp_store = MEMORY; PRAGMA cache_size = -8000; PRAGMA query_only = ON;"
                         "PRAGMA wal_autocheckpoint = 0;"));
  return reader;
}

}  // namespace

Result<std::unique_ptr<Database>> open_sqlite(const SqliteOptions& options) {
  // SQLite gives its other files the database's permissions. Where this fails, SQLite says more about why.
  static_cast<void>(io::create_private(options.path));
  TRY(check_log_header(options.path));
  TRY(auto writer, Connection::open(options.path, Connection::Mode::write));
  TRY(set_up_writer(*writer, options));
  if (auto whole = check_log_tail(options.path); !whole) {
    writer->keep_log();
    return std::unexpected(std::move(whole).error());
  }
  TRY(migrate(*writer, options.path));
  std::vector<std::unique_ptr<Connection>> readers;
  for (size_t i = 0; i < options.readers; ++i) {
    TRY(auto reader, open_reader(options.path));
    readers.push_back(std::move(reader));
  }
  return std::make_unique<SqliteDatabase>(options, std::move(writer), std::move(readers));
}

}  // namespace compozy::sql
