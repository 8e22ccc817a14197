// SPDX-License-Identifier: Apache-2.0
//
// Audit: who started and steered what, for ever. Each row's hash covers the row and the hash before it, so a row that
// is changed or taken out shows: SHA-256 of the texts before_hash, n, at, actor, action, subject, detail, each ended by
// a line break. What the chain cannot show is that its end was cut off; keep the newest hash elsewhere for that.
//
// Owner: app. Thread: any loop.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "io/task.hpp"
#include "sql/database.hpp"

namespace compozy::store {

struct AuditEntry {
  int64_t n = 0;
  int64_t at_ms = 0;
  // "ann (key laptop)": a user's id and the key used; "anonymous", or "anonymous (ann)" as a client says, on a server
  // without keys; "webhook/SLUG", "schedule", "run/ID" for what started by itself.
  std::string actor;
  std::string action;   // "execution.start", "execution.cancel", "schedule.change" …
  std::string subject;  // what was steered: a run's or a workflow's id
  std::string detail;   // JSON as it was asked; empty = none
  std::string hash;
};

struct AuditQuery {
  int64_t before = 0;    // n; 0 = from the newest
  int64_t since_ms = 0;  // when it was done
  std::string subject = {};
  int64_t limit = 50;
};

struct AuditCheck {
  int64_t rows = 0;
  int64_t first_broken = 0;  // n; 0 = the chain is whole
  std::string newest_hash;
};

// Within a transaction of its own doing: the entry stands exactly when what it tells of does.
Result<void> append_audit(sql::Transaction& transaction, AuditEntry entry);  // n and hash are given here

class Audit {
 public:
  explicit Audit(sql::Database& database) : database_(database) {}

  io::Task<Result<void>> add(AuditEntry entry);
  io::Task<Result<std::vector<AuditEntry>>> list(AuditQuery query);  // newest first
  io::Task<Result<AuditCheck>> check();

 private:
  sql::Database& database_;
};

}  // namespace compozy::store
