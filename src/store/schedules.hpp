// SPDX-License-Identifier: Apache-2.0
//
// The rows of `schedules`: what each workflow's schedule has done. Inside a database work, on the database's thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "sql/statement.hpp"

namespace compozy::store {

struct ScheduleRow {
  std::string workflow;
  std::string spec;     // JSON of the schedule that the row belongs to
  int64_t next_ms = 0;  // 0 = nothing is due any more
  int64_t last_ms = 0;
  std::string last_run;
  int64_t skipped = 0;
  int64_t buffered_ms = 0;               // 0 = nothing waits
  std::string override_cron;             // empty = the YAML's
  std::optional<bool> override_enabled;  // nothing = the YAML's
  int64_t override_ms = 0;
};

Result<std::vector<ScheduleRow>> read_schedules(sql::Reader& reader);
Result<void> write_schedule(sql::Transaction& transaction, const ScheduleRow& row);

}  // namespace compozy::store
