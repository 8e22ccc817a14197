// SPDX-License-Identifier: Apache-2.0
#include "workflow/schedule/scheduler.hpp"

#include <algorithm>

#include "base/hash.hpp"
#include "base/text.hpp"
#include "io/timer.hpp"
#include "json/print.hpp"
#include "observe/log.hpp"

namespace compozy::workflow {

struct Scheduler::Entry {
  std::string workflow;
  project::Schedule schedule;
  project::Cron cron;  // the override's, where there is one
  store::ScheduleRow row;
  std::stop_source woken;
  bool waiting = false;  // for last_run to end

  bool enabled() const { return row.override_enabled.value_or(schedule.enabled); }
  const std::string& cron_text() const { return row.override_cron.empty() ? schedule.cron : row.override_cron; }
};

namespace {

constexpr int64_t kLookAgainMs = 30'000;
constexpr int64_t kRetryMs = 1'000;
constexpr int kTimesShown = 10;

std::string spec_of(const project::Schedule& schedule) {
  return json::print(json::Value::object({{"cron", schedule.cron},
                                          {"timezone", schedule.timezone},
                                          {"enabled", schedule.enabled},
                                          {"jitter_ms", schedule.jitter_ms},
                                          {"start_ms", schedule.start_ms},
                                          {"end_ms", schedule.end_ms}}));
}

json::Value instant(int64_t at_ms) { return at_ms == 0 ? json::Value() : json::Value(format_rfc3339(at_ms)); }

}  // namespace

Scheduler::Scheduler(SchedulerOptions options) : options_(options), scope_(options.loop) {}

Scheduler::~Scheduler() = default;

Result<void> Scheduler::open_blocking() {
  std::vector<store::ScheduleRow> rows;
  TRY(options_.database.read_blocking([&](sql::Reader& reader) -> Result<void> {
    TRY(rows, store::read_schedules(reader));
    return {};
  }));
  for (const auto& program : options_.programs.all()) {
    const project::Workflow& workflow = program->workflow();
    if (!workflow.schedule) continue;
    auto entry = std::make_shared<Entry>();
    entry->workflow = workflow.id;
    entry->schedule = *workflow.schedule;
    const auto known = std::ranges::find(rows, workflow.id, &store::ScheduleRow::workflow);
    if (known != rows.end()) entry->row = *known;
    const std::string spec = spec_of(*workflow.schedule);
    const bool is_new = known == rows.end() || entry->row.spec != spec;
    entry->row.workflow = workflow.id;
    if (is_new) {
      entry->row.spec = spec;
      entry->row.override_cron.clear();
      entry->row.override_enabled.reset();
      entry->row.override_ms = 0;
    }
    TRY(entry->cron, project::Cron::parse(entry->cron_text()));
    if (is_new || entry->row.next_ms == 0) entry->row.next_ms = due_after(*entry, options_.clock.wall_ms()).value_or(0);
    TRY(options_.database.write_blocking(
        [row = entry->row](sql::Transaction& transaction) { return store::write_schedule(transaction, row); }));
    entries_[workflow.id] = std::move(entry);
  }
  return {};
}

void Scheduler::start() {
  for (const auto& [workflow, entry] : entries_) {
    scope_.spawn(keep(entry));
  }
}

io::Task<void> Scheduler::stop() {
  scope_.stop();
  for (const auto& [workflow, entry] : entries_) entry->woken.request_stop();
  co_await scope_.join();
}

Result<Scheduler::Entry*> Scheduler::find(const std::string& workflow) {
  if (const auto found = entries_.find(workflow); found != entries_.end()) return found->second.get();
  std::vector<std::string> ids;
  for (const auto& [id, entry] : entries_) ids.push_back(id);
  return fail(Errc::not_found, "no workflow '" + workflow + "' with a schedule" + did_you_mean(workflow, ids));
}

std::optional<int64_t> Scheduler::due_after(const Entry& entry, int64_t after_ms) const {
  const project::Schedule& schedule = entry.schedule;
  const auto due = entry.cron.next(std::max(after_ms, schedule.start_ms - 1), schedule.timezone);
  if (!due || !*due || (schedule.end_ms != 0 && **due > schedule.end_ms)) return std::nullopt;
  return *due;
}

void Scheduler::wake(Entry& entry) { entry.woken.request_stop(); }

// What waited when the last process ended may have been started by then: its key finds it, before a later time takes
// its place.
io::Task<void> Scheduler::take_up(std::shared_ptr<Entry> entry) {
  while (entry->row.buffered_ms != 0 && !scope_.token().stop_requested() && !co_await is_open(entry->row.last_run)) {
    if (!co_await begin(*entry, entry->row.buffered_ms)) continue;
    entry->row.buffered_ms = 0;
    (void)co_await save(*entry);
  }
  if (entry->row.buffered_ms != 0) scope_.spawn(wait_for_end(entry));
}

io::Task<void> Scheduler::keep(std::shared_ptr<Entry> entry) {
  co_await take_up(entry);
  while (!scope_.token().stop_requested()) {
    if (entry->woken.stop_requested()) entry->woken = {};
    int64_t wait_ms = kLookAgainMs;
    if (entry->enabled() && entry->row.next_ms != 0) {
      // A clock that was set back may have been wrong until then. Times that come again start nothing new: their key.
      if (const auto due = due_after(*entry, options_.clock.wall_ms()); due && *due < entry->row.next_ms)
        entry->row.next_ms = *due;
      const int64_t jitter_ms = entry->schedule.jitter_ms;
      const std::string seed = entry->workflow + "/" + std::to_string(entry->row.next_ms);
      const int64_t later_ms =
          jitter_ms == 0 ? 0 : static_cast<int64_t>(hash64(seed) % static_cast<uint64_t>(jitter_ms));
      wait_ms = entry->row.next_ms + later_ms - options_.clock.wall_ms();
    }
    if (wait_ms <= 0) {
      co_await fire(*entry);
      continue;
    }
    (void)co_await io::sleep(options_.loop, std::min(wait_ms, kLookAgainMs), entry->woken.get_token());
  }
}

io::Task<void> Scheduler::fire(Entry& entry) {
  const int64_t nominal_ms = entry.row.next_ms;
  const int64_t oldest_ms = options_.clock.wall_ms() - entry.schedule.catch_up_ms - entry.schedule.jitter_ms;
  bool begins = nominal_ms >= oldest_ms;
  // One that waits goes first, also when it is just being started.
  const bool one_waits = entry.schedule.overlap == project::Overlap::buffer_one && entry.row.buffered_ms != 0;
  if (begins && (one_waits || co_await is_open(entry.row.last_run))) {
    switch (entry.schedule.overlap) {
      case project::Overlap::allow: break;
      case project::Overlap::skip: begins = false; break;
      case project::Overlap::buffer_one:
        begins = false;
        if (entry.row.buffered_ms != 0) ++entry.row.skipped;  // only the latest waits
        entry.row.buffered_ms = nominal_ms;
        if (!entry.waiting) scope_.spawn(wait_for_end(entries_.at(entry.workflow)));
        break;
      case project::Overlap::cancel_other:
        if (!co_await cancel_before(entry)) co_return;
        break;
    }
  }
  if (begins) {
    if (!co_await begin(entry, nominal_ms)) co_return;
  } else if (entry.row.buffered_ms != nominal_ms) {
    ++entry.row.skipped;
    log::info("a scheduled time started nothing", {{"workflow", entry.workflow}, {"due", format_rfc3339(nominal_ms)}});
  }
  if (entry.row.next_ms == nominal_ms)  // else a person changed the schedule meanwhile
    entry.row.next_ms = due_after(entry, std::max(nominal_ms, oldest_ms - 1)).value_or(0);
  (void)co_await save(entry);
}

io::Task<bool> Scheduler::cancel_before(Entry& entry) {
  const auto canceled =
      co_await options_.driver.control(entry.row.last_run, Control::cancel, "the schedule is due again");
  if (canceled || canceled.error().code == Errc::conflict) co_return true;  // it has ended, or is on its way
  log::error("the run before could not be canceled",
             {{"workflow", entry.workflow}, {"run", entry.row.last_run}, {"error", canceled.error().to_string()}});
  (void)co_await io::sleep(options_.loop, kRetryMs, scope_.token());
  co_return false;
}

io::Task<bool> Scheduler::begin(Entry& entry, int64_t nominal_ms) {
  const auto started = co_await options_.driver.start(
      {.workflow = entry.workflow,
       .input = entry.schedule.input,
       .first_task = {},
       .idempotency_key = "schedule/" + entry.workflow + "/" + std::to_string(nominal_ms),
       .idempotency_hash = "schedule",
       .actor = "schedule"});
  if (started) {
    entry.row.last_ms = nominal_ms;
    entry.row.last_run = started->run_id;
    co_return true;
  }
  log::error(
      "a scheduled run could not be started",
      {{"workflow", entry.workflow}, {"due", format_rfc3339(nominal_ms)}, {"error", started.error().to_string()}});
  const bool for_good = started.error().code == Errc::validation_failed || started.error().code == Errc::not_found;
  if (!for_good) (void)co_await io::sleep(options_.loop, kRetryMs, scope_.token());
  co_return for_good;
}

// Starts what waits once the run before has ended.
io::Task<void> Scheduler::wait_for_end(std::shared_ptr<Entry> entry) {
  entry->waiting = true;
  while (!scope_.token().stop_requested()) {
    const auto feed = options_.driver.subscribe(entry->row.last_run);
    if (!co_await is_open(entry->row.last_run)) {
      const int64_t nominal_ms = entry->row.buffered_ms;
      if (!co_await begin(*entry, nominal_ms)) continue;
      if (entry->row.buffered_ms != nominal_ms) continue;  // the next has come to wait for this one
      entry->row.buffered_ms = 0;
      (void)co_await save(*entry);
      if (entry->row.buffered_ms == 0) break;
    }
    (void)co_await feed->pop(scope_.token());
  }
  entry->waiting = false;
}

io::Task<bool> Scheduler::is_open(std::string run_id) {
  if (run_id.empty()) co_return false;
  const auto run = co_await options_.runs.get(std::move(run_id));
  co_return run && run->ended_ms == 0;
}

io::Task<Result<void>> Scheduler::save(Entry& entry) {
  const Result<void> saved = co_await options_.database.write(
      [row = entry.row](sql::Transaction& transaction) { return store::write_schedule(transaction, row); });
  if (!saved) {
    log::error("a schedule's row could not be written",
               {{"workflow", entry.workflow}, {"error", saved.error().to_string()}});
  }
  co_return saved;
}

// --- for people ----------------------------------------------------------------------------------------------------

io::Task<Result<json::Value>> Scheduler::view(Entry& entry) {
  json::Value times = json::Value::array();
  int64_t at = entry.row.next_ms - 1;
  for (int i = 0; i < kTimesShown && entry.enabled() && entry.row.next_ms != 0; ++i) {
    const auto due = due_after(entry, at);
    if (!due) break;
    at = *due;
    times.push_back(format_rfc3339(at));
  }
  json::Value status;
  if (!entry.row.last_run.empty()) {
    const auto run = co_await options_.runs.get(entry.row.last_run);
    if (run) status = run->status;
  }
  const bool runs = entry.enabled() && entry.row.next_ms != 0;
  co_return json::Value::object(
      {{"workflow_id", entry.workflow},
       {"cron", entry.cron_text()},
       {"timezone", entry.schedule.timezone},
       {"enabled", entry.enabled()},
       {"is_override", entry.row.override_ms != 0},
       {"overlap_policy", project::overlap_name(entry.schedule.overlap)},
       {"next_run_time", runs ? instant(entry.row.next_ms) : json::Value()},
       {"next_run_times", std::move(times)},
       {"last_run_time", instant(entry.row.last_ms)},
       {"last_run_id", entry.row.last_run.empty() ? json::Value() : json::Value(entry.row.last_run)},
       {"last_run_status", std::move(status)},
       {"skipped", entry.row.skipped},
       {"yaml_config", json::Value::object({{"cron", entry.schedule.cron},
                                            {"timezone", entry.schedule.timezone},
                                            {"enabled", entry.schedule.enabled}})}});
}

io::Task<Result<std::vector<json::Value>>> Scheduler::list() {
  std::vector<json::Value> views;
  for (const auto& [workflow, entry] : entries_) {
    CO_TRY(json::Value shown, co_await view(*entry));
    views.push_back(std::move(shown));
  }
  co_return views;
}

io::Task<Result<json::Value>> Scheduler::get(std::string workflow) {
  CO_TRY(Entry* const entry, find(workflow));
  co_return co_await view(*entry);
}

io::Task<Result<json::Value>> Scheduler::change(std::string workflow, ScheduleChange change) {
  CO_TRY(Entry* const entry, find(workflow));
  if (change.cron) {
    CO_TRY(entry->cron, project::Cron::parse(*change.cron));
    entry->row.override_cron = *change.cron;
  }
  if (change.enabled) entry->row.override_enabled = change.enabled;
  entry->row.override_ms = options_.clock.wall_ms();
  entry->row.next_ms = due_after(*entry, options_.clock.wall_ms()).value_or(0);
  CO_TRY(co_await save(*entry));
  wake(*entry);
  co_return co_await view(*entry);
}

io::Task<Result<json::Value>> Scheduler::reset(std::string workflow) {
  CO_TRY(Entry* const entry, find(workflow));
  CO_TRY(entry->cron, project::Cron::parse(entry->schedule.cron));
  entry->row.override_cron.clear();
  entry->row.override_enabled.reset();
  entry->row.override_ms = 0;
  entry->row.next_ms = due_after(*entry, options_.clock.wall_ms()).value_or(0);
  CO_TRY(co_await save(*entry));
  wake(*entry);
  co_return co_await view(*entry);
}

}  // namespace compozy::workflow
