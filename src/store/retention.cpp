// SPDX-License-Identifier: Apache-2.0
#include "store/retention.hpp"

#include <array>
#include <memory>

namespace compozy::store {

namespace {

constexpr std::string_view kEnded =
    "FROM runs WHERE workflow = ?1 AND ended_ms IS NOT NULL AND ended_ms < ?2 AND (status = 'SUCCESS') = ?3 "
    "AND NOT EXISTS (SELECT 1 FROM pending WHERE pending.run_no = runs.run_no) "
    "AND NOT EXISTS (SELECT 1 FROM runs parent WHERE parent.run_no = runs.parent_run AND parent.ended_ms IS NULL)";

// A run that has ended has no timers and nothing pending.
constexpr std::array<std::string_view, 8> kTables{"records", "inbox",      "tasks",     "events",
                                                  "turns",   "attributes", "blob_uses", "runs"};

Result<void> delete_run(sql::Transaction& transaction, int64_t run_no) {
  TRY(transaction.execute(
      "DELETE FROM blobs WHERE hash IN (SELECT hash FROM blob_uses WHERE run_no = ?1) AND NOT EXISTS (SELECT 1 FROM "
      "blob_uses other WHERE other.hash = blobs.hash AND other.run_no <> ?1)",
      run_no));
  for (const std::string_view table : kTables) {
    TRY(transaction.execute("DELETE FROM " + std::string(table) + " WHERE run_no = ?1", run_no));
  }
  return {};
}

Result<int64_t> delete_page(sql::Transaction& transaction, const std::string& workflow, bool succeeded,
                            int64_t before_ms) {
  TRY(auto rows, transaction.query("SELECT run_no " + std::string(kEnded) + " ORDER BY ended_ms LIMIT ?4", workflow,
                                   before_ms, succeeded, kRunsPerCommit));
  TRY(const auto page, sql::collect(std::move(rows), [](const sql::Rows& row) { return row.integer(0); }));
  for (const int64_t run_no : page) TRY(delete_run(transaction, run_no));
  return static_cast<int64_t>(page.size());
}

}  // namespace

io::Task<Result<std::vector<std::string>>> Retention::workflows() {
  co_return co_await database_.read([](sql::Reader& reader) -> Result<std::vector<std::string>> {
    // One step of the index per workflow, however many runs each has.
    TRY(auto rows, reader.query("WITH RECURSIVE ids(id) AS (SELECT min(workflow) FROM runs UNION ALL SELECT (SELECT "
                                "min(workflow) FROM runs WHERE workflow > id) FROM ids WHERE id IS NOT NULL) SELECT "
                                "id FROM ids WHERE id IS NOT NULL"));
    return sql::collect(std::move(rows), [](const sql::Rows& row) { return row.string(0); });
  });
}

io::Task<Result<int64_t>> Retention::purge_ended(std::string workflow, bool succeeded, int64_t before_ms,
                                                 bool dry_run) {
  if (dry_run) {
    CO_TRY(const auto count, co_await database_.read([=](sql::Reader& reader) {
      return reader.query_integer("SELECT count(*) " + std::string(kEnded), workflow, before_ms, succeeded);
    }));
    co_return count.value_or(0);
  }
  int64_t sum = 0;
  while (true) {
    const auto deleted = std::make_shared<int64_t>(0);
    CO_TRY(co_await database_.write([=](sql::Transaction& transaction) -> Result<void> {
      TRY(*deleted, delete_page(transaction, workflow, succeeded, before_ms));
      return {};
    }));
    sum += *deleted;
    if (*deleted < kRunsPerCommit) co_return sum;
  }
}

io::Task<Result<Purged>> Retention::purge(std::string workflow, RetentionRule rule, int64_t now_ms, bool dry_run) {
  Purged purged{.workflow = workflow};
  if (rule.succeeded_ms > 0) {
    CO_TRY(purged.succeeded, co_await purge_ended(workflow, true, now_ms - rule.succeeded_ms, dry_run));
  }
  if (rule.failed_ms > 0) {
    CO_TRY(purged.failed, co_await purge_ended(workflow, false, now_ms - rule.failed_ms, dry_run));
  }
  co_return purged;
}

}  // namespace compozy::store
