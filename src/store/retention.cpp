// SPDX-License-Identifier: Apache-2.0
#include "store/retention.hpp"

#include <algorithm>
#include <array>
#include <memory>
#include <set>
#include <string_view>

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

// The definitions that no run has, and the newest run of those that were asked.
struct Unused {
  std::vector<std::string> hashes;
  int64_t last_run_no = 0;
};

Result<Unused> find_unused(sql::Reader& reader, const std::vector<std::string>& kept, int64_t before_ms) {
  TRY(auto rows, reader.query("SELECT hash FROM definitions WHERE created_ms < ?1", before_ms));
  TRY(std::vector<std::string> old, sql::collect(std::move(rows), [](const sql::Rows& row) { return row.string(0); }));
  std::erase_if(old, [&](const std::string& hash) { return std::ranges::find(kept, hash) != kept.end(); });
  if (old.empty()) return Unused{};
  TRY(auto used, reader.query("SELECT DISTINCT definition FROM runs"));
  TRY(const auto held, sql::collect(std::move(used), [](const sql::Rows& row) { return row.string(0); }));
  const std::set<std::string_view> in_use(held.begin(), held.end());
  std::erase_if(old, [&](const std::string& hash) { return in_use.contains(hash); });
  TRY(const auto last, reader.query_integer("SELECT max(run_no) FROM runs"));
  return Unused{.hashes = std::move(old), .last_run_no = last.value_or(0)};
}

}  // namespace

// A run that starts writes its definition in its own transaction, unless it is there: so what was unused a moment ago
// goes only if none of the runs since then has it.
io::Task<Result<int64_t>> Retention::purge_definitions(std::vector<std::string> kept, int64_t before_ms, bool dry_run) {
  CO_TRY(const Unused unused, co_await database_.read([kept = std::move(kept), before_ms](sql::Reader& reader) {
    return find_unused(reader, kept, before_ms);
  }));
  if (dry_run || unused.hashes.empty()) co_return static_cast<int64_t>(unused.hashes.size());
  const auto deleted = std::make_shared<int64_t>(0);
  CO_TRY(co_await database_.write([unused, deleted](sql::Transaction& transaction) -> Result<void> {
    *deleted = 0;
    for (const std::string& hash : unused.hashes) {
      TRY(const int64_t gone,
          transaction.execute("DELETE FROM definitions WHERE hash = ?1 AND NOT EXISTS (SELECT 1 FROM runs WHERE "
                              "run_no > ?2 AND definition = ?1)",
                              hash, unused.last_run_no));
      *deleted += gone;
    }
    return {};
  }));
  co_return *deleted;
}

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
