// SPDX-License-Identifier: Apache-2.0
//
// Attempts: performs activities, with everything that makes them dependable: slots, time limits, retries with backoff,
// and a record of each attempt that began, so that a step that takes the process down cannot do so for ever.
//
//   opened ──every limit has room──> attempt ──ok / final──> ended (the machine is told)
//                                      │ retry: backoff, next attempt, until the policy's attempts are used up
//                                      │ unavailable: backoff, the same attempt again, as long as it takes
//                                      └ the process died: found again at start; after kLostMax times ended as
//                                      worker_lost
//
// Limits: `concurrent_max` attempts at once, and those that a task names itself (project/policy.hpp); the rest wait by
// priority; within one, workflows take turns and each goes in order. A pause between attempts holds no slot. Owner:
// Journal. Thread: the loop.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "base/clock.hpp"
#include "base/random.hpp"
#include "io/limiter.hpp"
#include "io/loop.hpp"
#include "io/timer.hpp"
#include "sql/database.hpp"
#include "store/run_log.hpp"
#include "workflow/journal/active_run.hpp"
#include "workflow/journal/feeds.hpp"
#include "workflow/run/activities.hpp"

namespace compozy::workflow {

inline constexpr int64_t kLostMax = 20;  // losses in a row with the process, while the run stands still

// What attempts need of the journal.
class AttemptHost {
 public:
  virtual ~AttemptHost() = default;
  virtual void attempt_ended(const std::shared_ptr<ActiveRun>& run, int64_t op, ActivityResult result) = 0;
  virtual void publish(const std::string& run_id, const store::EventRow& event) = 0;
  virtual void publish_delta(const std::string& run_id, const TextSource& source, std::string_view text) = 0;
};

class Attempts {
 public:
  Attempts(sql::Database& database, io::TaskScope& scope, const Clock& clock, Random& random, Activities& activities,
           AttemptHost& host, int64_t concurrent_max);
  ~Attempts();

  // Whether an activity with this spec would begin at once.
  bool has_room(const json::Value& spec) const;

  // `pending` as it was stored with the step that opened the op.
  void open(std::shared_ptr<ActiveRun> run, const store::PendingOp& pending);
  // The same after a restart: counts an attempt that had begun as lost.
  void restore(std::shared_ptr<ActiveRun> run, store::PendingOp pending);
  void cancel(int64_t run_no, int64_t op);
  void stop();  // asks every attempt to end; what they answer then is dropped
  bool knows(int64_t run_no, int64_t op) const { return works_.contains({run_no, op}); }

 private:
  struct Work;
  using WorkPtr = std::shared_ptr<Work>;
  using Key = std::pair<int64_t, int64_t>;

  WorkPtr make(std::shared_ptr<ActiveRun> run, const store::PendingOp& pending);
  void queue(const WorkPtr& work);
  void begin(const WorkPtr& work);
  io::Task<void> attempt(WorkPtr work);
  io::Task<ActivityResult> perform_within(WorkPtr work, int64_t limit_ms);
  void judge(const WorkPtr& work, ActivityResult result);
  void end(const WorkPtr& work, ActivityResult result);
  void again_later(const WorkPtr& work, int64_t delay_ms, const char* event_kind, const Outcome& outcome);
  io::Demand demand_of(const Work& work) const;
  void wait_for_room(const WorkPtr& work);
  void store_pending(const WorkPtr& work, std::vector<store::EventRow> events);
  int64_t backoff_ms(const project::RetryPolicy& retry, int64_t failures);

  sql::Database& database_;
  io::TaskScope& scope_;
  const Clock& clock_;
  Random& random_;
  Activities& activities_;
  AttemptHost& host_;
  const int64_t concurrent_max_;
  io::Limiter limiter_;
  std::map<Key, WorkPtr> works_;
};

}  // namespace compozy::workflow
