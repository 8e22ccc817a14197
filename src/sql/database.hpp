// SPDX-License-Identifier: Apache-2.0
//
// Database: seam 2. Rows that must survive: SQLite in this process, or PostgreSQL. Whoever is above cannot tell.
//
//   CO_TRY(co_await db.write([run](Transaction& t) -> Result<void> { … return {}; }));      // then it is durable
//   CO_TRY(auto page, co_await db.read([](Reader& r) -> Result<Page> { … }));
//
// Group commit: works that wait while a commit is being synced share the next one, in the order in which they came.
// Each work is all or nothing by itself: one that returns an error is rolled back alone. For that it MAY RUN TWICE;
// only its last run counts, so it sets what it captures anew and has no other side effects.
//
// Durability: `done` is called, and write() resumes, after the commit is on disk. Errors: what the work returned,
// storage_full or storage_failed (then nothing of it was stored), limit_exceeded when `queue_max` works wait,
// conflict for a broken UNIQUE constraint. A busy database is waited for, never reported.
//
// Thread: every function from any thread; works run on the database's own threads and must not wait for anything.
// Owner: app. Everything that may still write is stopped before the database is destroyed.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <type_traits>
#include <utility>

#include "base/result.hpp"
#include "io/blocking_pool.hpp"
#include "io/task.hpp"
#include "sql/statement.hpp"

namespace compozy::sql {

class Database {
 public:
  using Work = std::move_only_function<Result<void>(Transaction&)>;
  using Done = std::move_only_function<void(Result<void>)>;
  using ReadWork = std::function<Result<void>(Reader&)>;

  virtual ~Database() = default;

  // `done` runs on the writer's thread, in order, and must be brief. It is called exactly once, also on refusal.
  virtual void write(Work work, Done done) = 0;
  io::Task<Result<void>> write(Work work);
  Result<void> write_blocking(Work work);  // for start-up, tools and tests; never on a loop

  // One snapshot for the whole of `work`. Blocks: on a loop use read().
  virtual Result<void> read_blocking(const ReadWork& work) = 0;

  // Runs `work` (Result<T>(Reader&)) on a reader thread and gives its result.
  template <class Work>
  auto read(Work work, std::stop_token stop = {}) -> io::Task<std::invoke_result_t<Work&, Reader&>> {
    using Answer = std::invoke_result_t<Work&, Reader&>;
    co_return co_await readers().run(
        [this, work = std::move(work)]() mutable -> Answer {
          Answer answer{};
          TRY(read_blocking([&](Reader& reader) -> Result<void> {
            answer = work(reader);
            return {};
          }));
          return answer;
        },
        std::move(stop));
  }

  struct Statistics {
    uint64_t commits = 0;
    uint64_t works = 0;
    uint64_t checkpoints = 0;
    uint64_t queued = 0;
  };
  virtual Statistics statistics() const = 0;

  // Copies the whole database, consistently and while it is in use, into a new file.
  virtual Result<void> backup_blocking(const std::string& path) = 0;

 protected:
  virtual io::BlockingPool& readers() = 0;
};

}  // namespace compozy::sql
