// SPDX-License-Identifier: Apache-2.0
#include "store/audit.hpp"

#include "base/hash.hpp"

namespace compozy::store {

namespace {

std::string hash_of(const AuditEntry& entry, const std::string& before) {
  std::string text;
  for (const std::string& part : {before, std::to_string(entry.n), std::to_string(entry.at_ms), entry.actor,
                                  entry.action, entry.subject, entry.detail}) {
    text += part + '\n';
  }
  return sha256_hex(text);
}

AuditEntry entry_of(const sql::Rows& rows) {
  return {.n = rows.integer(0),
          .at_ms = rows.integer(1),
          .actor = rows.string(2),
          .action = rows.string(3),
          .subject = rows.string(4),
          .detail = rows.string(5),
          .hash = rows.string(6)};
}

}  // namespace

Result<void> append_audit(sql::Transaction& transaction, AuditEntry entry) {
  std::string before;
  {
    TRY(auto rows, transaction.query("SELECT n, hash FROM audit ORDER BY n DESC LIMIT 1"));
    TRY(const bool found, rows.next());
    entry.n = found ? rows.integer(0) + 1 : 1;
    if (found) before = rows.string(1);
  }
  TRY(transaction.execute(
      "INSERT INTO audit (n, at, actor, action, subject, detail, previous_hash, hash) VALUES "
      "(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
      entry.n, entry.at_ms, entry.actor, entry.action, entry.subject,
      entry.detail.empty() ? sql::Bind(nullptr) : sql::Bind(entry.detail), before, hash_of(entry, before)));
  return {};
}

io::Task<Result<void>> Audit::add(AuditEntry entry) {
  co_return co_await database_.write(
      [entry = std::move(entry)](sql::Transaction& transaction) { return append_audit(transaction, entry); });
}

io::Task<Result<std::vector<AuditEntry>>> Audit::list(AuditQuery query) {
  co_return co_await database_.read([query = std::move(query)](sql::Reader& reader) -> Result<std::vector<AuditEntry>> {
    TRY(auto rows,
        reader.query("SELECT n, at, actor, action, subject, ifnull(detail, ''), hash FROM audit WHERE (?1 = 0 "
                     "OR n < ?1) AND at >= ?2 AND (?3 = '' OR subject = ?3) ORDER BY n DESC LIMIT ?4",
                     query.before, query.since_ms, query.subject, query.limit));
    return sql::collect(std::move(rows), entry_of);
  });
}

io::Task<Result<AuditCheck>> Audit::check() {
  co_return co_await database_.read([](sql::Reader& reader) -> Result<AuditCheck> {
    TRY(auto rows,
        reader.query("SELECT n, at, actor, action, subject, ifnull(detail, ''), hash FROM audit ORDER BY n"));
    AuditCheck check;
    while (true) {
      TRY(const bool more, rows.next());
      if (!more) return check;
      const AuditEntry entry = entry_of(rows);
      const bool is_whole = entry.n == ++check.rows && entry.hash == hash_of(entry, check.newest_hash);
      if (!is_whole && check.first_broken == 0) check.first_broken = check.rows;
      check.newest_hash = entry.hash;
    }
  });
}

}  // namespace compozy::store
