// SPDX-License-Identifier: Apache-2.0
//
// Retention: how long runs are kept once they have ended. Open runs are never touched, nor are the children of an open
// run, whose outcome it may still have to take. With a run go all its rows; its idempotency key is free again. A
// definition goes when no run has it and the project no longer says it.
//
// Thread: awaited on the loop; the work is done by the database, kRunsPerCommit runs a commit, so that steps of open
// runs go in between.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "io/task.hpp"
#include "sql/database.hpp"

namespace compozy::store {

inline constexpr int64_t kRunsPerCommit = 16;

// Milliseconds since the end; 0 = for ever.
struct RetentionRule {
  int64_t succeeded_ms = 0;
  int64_t failed_ms = 0;  // failed, canceled and timed out
};

struct Purged {
  std::string workflow;
  int64_t succeeded = 0;
  int64_t failed = 0;
};

class Retention {
 public:
  explicit Retention(sql::Database& database) : database_(database) {}

  // The workflows that have runs, whether or not the project still has them.
  io::Task<Result<std::vector<std::string>>> workflows();

  // Deletes the definitions made before `before_ms` that no run has and that are not among `kept`, or counts them.
  io::Task<Result<int64_t>> purge_definitions(std::vector<std::string> kept, int64_t before_ms, bool dry_run);

  // Deletes what is older than the rule allows at `now_ms`, or counts it.
  io::Task<Result<Purged>> purge(std::string workflow, RetentionRule rule, int64_t now_ms, bool dry_run);

 private:
  io::Task<Result<int64_t>> purge_ended(std::string workflow, bool succeeded, int64_t before_ms, bool dry_run);

  sql::Database& database_;
};

}  // namespace compozy::store
