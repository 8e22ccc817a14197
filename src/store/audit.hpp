// SPDX-License-Identifier: Apache-2.0
//
// Audit: who steered what, for ever. Each row's hash covers the row and the hash before it, so a row that is changed or
// taken out shows: SHA-256 of the texts before_hash, n, at, actor, action, subject, detail, each ended by a line break.
// What the chain cannot show is that its end was cut off; keep the newest hash elsewhere for that.
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
  std::string actor;    // a user's id, or "anonymous" on a server without keys
  std::string action;   // "execution.cancel", "schedule.change" …
  std::string subject;  // what was steered: a run's or a workflow's id
  std::string detail;   // JSON as it was asked; empty = none
  std::string hash;
};

struct AuditCheck {
  int64_t rows = 0;
  int64_t first_broken = 0;  // n; 0 = the chain is whole
  std::string newest_hash;
};

class Audit {
 public:
  explicit Audit(sql::Database& database) : database_(database) {}

  io::Task<Result<void>> add(AuditEntry entry);                                   // n and hash are given here
  io::Task<Result<std::vector<AuditEntry>>> list(int64_t before, int64_t limit);  // newest first; 0 = from there
  io::Task<Result<AuditCheck>> check();

 private:
  sql::Database& database_;
};

}  // namespace compozy::store
