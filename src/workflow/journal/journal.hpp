// SPDX-License-Identifier: Apache-2.0
//
// Journal: the left side of seam 3. Runs whose records are rows of one SQL database, kept by one process.
//
//   event ─> decide ─> records ──one transaction──> committed ─> commands performed, events published, callers answered
//
// Each run has one transaction under way at a time: the steps of the events that have queued up meanwhile go into the
// next one, and the database groups those of many runs into one commit. Nothing is performed, published or answered
// before its step is on disk. Steps that cannot be stored are undone by folding the run again; several are then tried
// one by one, a single one that a caller asked for is refused, and one that came from inside is tried again each second
// until the disk has room.
//
// Start-up scans no runs: it loads those with something pending, and timers a minute ahead. A sleeping run costs its
// rows. Owner: app. Thread: everything on the loop given; the database's threads only call back into it.
#pragma once

#include <deque>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/clock.hpp"
#include "base/random.hpp"
#include "io/loop.hpp"
#include "io/timer.hpp"
#include "sql/database.hpp"
#include "store/run_log.hpp"
#include "workflow/journal/active_run.hpp"
#include "workflow/journal/attempts.hpp"
#include "workflow/journal/feeds.hpp"
#include "workflow/journal/timer_queue.hpp"
#include "workflow/run/activities.hpp"
#include "workflow/run/runs.hpp"

namespace compozy::workflow {

struct JournalOptions {
  sql::Database& database;
  io::Loop& loop;
  const Clock& clock;
  Random& random;
  Activities& activities;
  Programs& programs;
  int64_t concurrent_activities_max = 256;
  size_t idle_runs_max = 1'024;  // runs kept in memory that nothing is happening to
  std::function<void(const std::string& run_id, const FeedEvent& event)> publish = {};  // after commit; may be empty
  // Where a pinned definition's JSON comes from, by its hash; empty = the database.
  std::function<io::Task<Result<std::string>>(std::string hash)> read_definition = {};
};

class Journal final : public Runs, private AttemptHost {
 public:
  explicit Journal(JournalOptions options);
  ~Journal() override;

  Result<void> open_blocking();      // before the loop runs: where numbering goes on, which timers are due
  io::Task<Result<void>> recover();  // on the loop: takes up again what the last process left
  io::Task<void> stop();             // ends attempts without recording them: they are found again as pending

  io::Task<Result<StartedRun>> start(StartRequest request) override;
  io::Task<Result<void>> signal(std::string run_id, std::string name, json::Value payload, std::string dedupe) override;
  io::Task<Result<void>> vote(std::string run_id, Vote vote) override;
  io::Task<Result<void>> control(std::string run_id, Control control, std::string reason) override;
  io::Task<Result<std::vector<std::string>>> trigger(std::string name, json::Value payload, std::string key,
                                                     std::string actor) override;
  std::shared_ptr<Feed> subscribe(const std::string& run_id) override { return feeds_.subscribe(run_id); }

 private:
  using RunPtr = std::shared_ptr<ActiveRun>;
  using Batch = std::vector<Decision>;  // of one run, in order; one transaction

  // AttemptHost
  void attempt_ended(const RunPtr& run, int64_t op, ActivityResult result) override;
  void publish(const std::string& run_id, const store::EventRow& event) override;
  void publish_delta(const std::string& run_id, const TextSource& source, std::string_view text) override;

  // The op of a run that waits for another run.
  struct Parent {
    RunPtr run;  // null = none
    int64_t op = 0;
    int64_t depth = 0;
  };
  io::Task<Result<StartedRun>> start_run(StartRequest request, Parent parent);

  // children.cpp
  io::Task<void> start_child(RunPtr run, int64_t op, json::Value spec);
  io::Task<void> end_child(RunPtr run, int64_t op);
  void restore_pending(const RunPtr& run, const store::PendingOp& pending);
  void tell_parent(const RunPtr& child);

  void deliver(const RunPtr& run, QueuedEvent event);
  void pump(const RunPtr& run);
  Batch decide_queued(const RunPtr& run);
  Decision decide_one(const RunPtr& run, QueuedEvent event);
  void commit(const RunPtr& run, Batch batch);
  void committed(const RunPtr& run, Batch& batch, Result<void> result);
  void commit_failed(const RunPtr& run, Batch& batch, const Error& error);
  void perform(const RunPtr& run, const Decision& decision);
  store::Step make_step(ActiveRun& run, const QueuedEvent& event, const Records& records);
  void note_opened(ActiveRun& run, store::Step& step, const OpOpened& opened);
  void note_closed(ActiveRun& run, store::Step& step, const OpClosed& closed);
  void add_checkpoint_when_due(ActiveRun& run, Records& records);

  RunPtr run_by_number(int64_t run_no);  // from memory, or being loaded
  io::Task<void> load(RunPtr run);
  io::Task<Result<RunPtr>> run_by_id(std::string run_id);
  io::Task<Result<void>> ask(std::string run_id, Event event, std::string dedupe);
  io::Task<Result<std::shared_ptr<const Program>>> program_of(std::string hash);
  void rest(const RunPtr& run);  // may leave memory
  void forget(const RunPtr& run);

  JournalOptions options_;
  io::TaskScope scope_;
  Feeds feeds_;
  Attempts attempts_;
  TimerQueue timers_;
  bool stopping_ = false;  // what is being committed is finished, nothing new is begun
  int64_t last_run_no_ = 0;
  std::unordered_map<int64_t, RunPtr> runs_;
  std::unordered_map<std::string, int64_t> numbers_;                          // of runs in memory
  std::unordered_map<std::string, std::shared_ptr<const Program>> programs_;  // by hash
  std::list<int64_t> idle_;                                                   // oldest first
  std::map<std::pair<int64_t, int64_t>, bool> children_;  // being started, by run and op: whether it must end again
};

}  // namespace compozy::workflow
