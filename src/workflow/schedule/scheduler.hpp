// SPDX-License-Identifier: Apache-2.0
//
// Scheduler: starts runs of the workflows that have a `schedule`, whoever keeps the runs.
//
//   due ──too old (catch_up_window)──> skipped
//    │ ──the run before is open──────> skip · allow · buffer_one (starts when it ends, the latest only) · cancel_other
//    └ run started under the key schedule/WORKFLOW/TIME ──> the row is written ──> the next time
//
// A crash between the start and the row repeats the start, which finds the run: each time starts at most one. People
// may pause a schedule or give it another cron; that is kept in SQL until the workflow's own schedule changes. Wall
// time is read again at least every 30 s, so a clock that is set is noticed.
//
// Owner: app. Thread: the loop given.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "io/loop.hpp"
#include "project/cron.hpp"
#include "sql/database.hpp"
#include "store/runs.hpp"
#include "store/schedules.hpp"
#include "workflow/run/activities.hpp"
#include "workflow/run/runs.hpp"

namespace compozy::workflow {

struct SchedulerOptions {
  io::Loop& loop;
  const Clock& clock;
  sql::Database& database;
  Programs& programs;
  Runs& driver;
  store::Runs& runs;
};

struct ScheduleChange {
  std::optional<bool> enabled;
  std::optional<std::string> cron;
};

class Scheduler {
 public:
  explicit Scheduler(SchedulerOptions options);
  ~Scheduler();

  Result<void> open_blocking();  // before the loop runs: rows and definitions are brought together
  void start();
  io::Task<void> stop();

  // As JSON for people: cron, zone, the next ten times, what ran last. Errors: not_found, parse_error of a cron.
  io::Task<Result<std::vector<json::Value>>> list();
  io::Task<Result<json::Value>> get(std::string workflow);
  io::Task<Result<json::Value>> change(std::string workflow, ScheduleChange change);
  io::Task<Result<json::Value>> reset(std::string workflow);  // back to what the YAML says

 private:
  struct Entry;

  Result<Entry*> find(const std::string& workflow);
  std::optional<int64_t> due_after(const Entry& entry, int64_t after_ms) const;
  void wake(Entry& entry);
  io::Task<void> take_up(std::shared_ptr<Entry> entry);
  io::Task<void> keep(std::shared_ptr<Entry> entry);
  io::Task<void> fire(Entry& entry);
  io::Task<bool> cancel_before(Entry& entry);              // false: not now, try again
  io::Task<bool> begin(Entry& entry, int64_t nominal_ms);  // false: not now, try again
  io::Task<void> wait_for_end(std::shared_ptr<Entry> entry);
  io::Task<bool> is_open(std::string run_id);
  io::Task<Result<void>> save(Entry& entry);
  io::Task<Result<json::Value>> view(Entry& entry);

  SchedulerOptions options_;
  io::TaskScope scope_;
  std::map<std::string, std::shared_ptr<Entry>, std::less<>> entries_;
};

}  // namespace compozy::workflow
