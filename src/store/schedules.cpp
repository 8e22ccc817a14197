// SPDX-License-Identifier: Apache-2.0
#include "store/schedules.hpp"

namespace compozy::store {

Result<std::vector<ScheduleRow>> read_schedules(sql::Reader& reader) {
  TRY(auto rows, reader.query("SELECT workflow, spec, next_ms, last_ms, ifnull(last_run, ''), skipped, buffered_ms, "
                              "ifnull(override_cron, ''), override_enabled, ifnull(override_ms, 0) FROM schedules "
                              "ORDER BY workflow"));
  return sql::collect(std::move(rows), [](const sql::Rows& found) {
    ScheduleRow row{.workflow = found.string(0),
                    .spec = found.string(1),
                    .next_ms = found.integer(2),
                    .last_ms = found.integer(3),
                    .last_run = found.string(4),
                    .skipped = found.integer(5),
                    .buffered_ms = found.integer(6),
                    .override_cron = found.string(7),
                    .override_enabled = {},
                    .override_ms = found.integer(9)};
    if (const auto enabled = found.optional_integer(8)) row.override_enabled = *enabled != 0;
    return row;
  });
}

Result<void> write_schedule(sql::Transaction& transaction, const ScheduleRow& row) {
  const auto text = [](const std::string& value) { return value.empty() ? sql::Bind(nullptr) : sql::Bind(value); };
  const sql::Bind enabled = row.override_enabled ? sql::Bind(int64_t{*row.override_enabled}) : sql::Bind(nullptr);
  TRY(transaction.execute(
      "INSERT INTO schedules (workflow, spec, next_ms, last_ms, last_run, skipped, buffered_ms, override_cron, "
      "override_enabled, override_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) "
      "ON CONFLICT (workflow) DO UPDATE SET spec = ?2, next_ms = ?3, last_ms = ?4, last_run = ?5, skipped = ?6, "
      "buffered_ms = ?7, override_cron = ?8, override_enabled = ?9, override_ms = ?10",
      row.workflow, row.spec, row.next_ms, row.last_ms, text(row.last_run), row.skipped, row.buffered_ms,
      text(row.override_cron), enabled, row.override_ms == 0 ? sql::Bind(nullptr) : sql::Bind(row.override_ms)));
  return {};
}

}  // namespace compozy::store
