// SPDX-License-Identifier: Apache-2.0
#include "workflow/journal/attempts.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "expression/secret.hpp"
#include "json/parse.hpp"
#include "json/print.hpp"
#include "observe/log.hpp"
#include "workflow/journal/turns.hpp"

namespace compozy::workflow {

struct Attempts::Work {
  std::shared_ptr<ActiveRun> run;
  store::PendingOp pending;
  std::string path;
  json::Value spec;
  project::Policy policy;
  int64_t opened_ms = 0;
  int64_t age_when_made_ms = 0;  // since then the monotonic clock counts: a clock that is set uses up no time
  int64_t made_us = 0;
  int64_t unavailable = 0;  // in a row
  bool began_durably = false;
  std::optional<io::Completion<bool>> began;  // set when the beginning is on disk, or cannot get there
  io::Limiter::Ticket ticket = 0;
  int64_t queued_us = 0;  // when it began to wait for its limits
  int64_t waited_ms = 0;  // in all: no limit counts it
  bool told = false;      // that it waits
  std::stop_source stop;
  std::unique_ptr<io::Timer> timer;

  Key key() const { return {run->run_no, pending.op}; }
  int64_t failures() const { return pending.attempt; }
};

namespace {

constexpr int64_t kUnavailableBackoffMaxMs = 30'000;

ActivityResult failed(std::string_view code, std::string_view message) {
  return {.outcome = {.status = Status::failed, .output = {}, .error = make_error(code, message)}};
}

}  // namespace

Attempts::Attempts(sql::Database& database, io::TaskScope& scope, const Clock& clock, Random& random,
                   Activities& activities, AttemptHost& host, int64_t concurrent_max)
    : database_(database),
      scope_(scope),
      clock_(clock),
      random_(random),
      activities_(activities),
      host_(host),
      concurrent_max_(concurrent_max),
      limiter_(scope.loop(), clock) {}

// A timer's call holds its work, and the work its timer.
Attempts::~Attempts() {
  for (const auto& [key, work] : works_) work->timer->cancel();
}

Attempts::WorkPtr Attempts::make(std::shared_ptr<ActiveRun> run, const store::PendingOp& pending) {
  auto work = std::make_shared<Work>();
  auto body = json::parse(pending.body, json::kStoredDepthMax);
  work->pending = pending;
  work->path = body ? (*body)["path"].string_or("") : "";
  work->spec = body ? (*body)["spec"] : json::Value();
  work->opened_ms = body ? (*body)["at"].integer_or(0) : 0;
  if (const project::Task* task = run->program->find_task(work->path)) work->policy = task->policy;
  work->made_us = clock_.monotonic_us();
  if (work->opened_ms > 0) work->age_when_made_ms = std::max<int64_t>(0, clock_.wall_ms() - work->opened_ms);
  work->timer = std::make_unique<io::Timer>(scope_.loop());
  work->run = std::move(run);
  ++work->run->live_ops;
  works_[work->key()] = work;
  return work;
}

void Attempts::open(std::shared_ptr<ActiveRun> run, const store::PendingOp& pending) {
  const WorkPtr work = make(std::move(run), pending);
  work->began_durably = pending.attempt > 0;
  if (work->began_durably) work->pending.attempt = 0;  // begin() counts it
  queue(work);
}

void Attempts::restore(std::shared_ptr<ActiveRun> run, store::PendingOp pending) {
  // A run that went on meanwhile shows that this activity is not what ends the process.
  const bool had_begun = pending.attempt > 0 && pending.ready_ms == 0;
  if (had_begun) pending.lost = run->head > pending.head ? 0 : pending.lost + 1;
  if (pending.attempt > 0) --pending.attempt;  // it did not end, or it was announced and never began: neither counts
  const WorkPtr work = make(std::move(run), pending);
  if (pending.attempt == 0) work->waited_ms = work->age_when_made_ms;
  if (pending.lost > kLostMax) {
    return end(work, failed("worker_lost", "the process ended " + std::to_string(pending.lost) +
                                               " times while this activity was under way; it is not tried again"));
  }
  if (pending.ready_ms > clock_.wall_ms()) {
    work->timer->start(pending.ready_ms - clock_.wall_ms(), [this, work] { queue(work); });
    return;
  }
  queue(work);
}

bool Attempts::has_room(const json::Value& spec) const {
  return spec["admission"].is_null() && limiter_.has_room({.key = {}, .holders_max = concurrent_max_});
}

io::Demand Attempts::demand_of(const Work& work) const {
  const json::Value& admission = work.spec["admission"];
  io::Demand demand{.slots = {{.key = {}, .holders_max = concurrent_max_}},
                    .rates = {},
                    .rank = work.opened_ms - admission["priority"].integer_or(0) * 1'000,
                    .priority = admission["priority"].integer_or(0),
                    .group = work.run->program->workflow().id};
  if (const json::Value& slots = admission["concurrency"]; slots.is_array()) {
    for (const json::Value& slot : slots.as_array())
      demand.slots.push_back({.key = slot["key"].string_or(""), .holders_max = slot["limit"].integer_or(1)});
  }
  if (const json::Value& rate = admission["rate"]; rate.is_object()) {
    demand.rates.push_back({.key = rate["key"].string_or(""),
                            .limit = rate["limit"].integer_or(1),
                            .period_ms = rate["period_ms"].integer_or(1'000),
                            .burst = rate["burst"].integer_or(1)});
  }
  return demand;
}

void Attempts::queue(const WorkPtr& work) {
  if (!works_.contains(work->key())) return;
  work->queued_us = clock_.monotonic_us();
  const auto ticket = limiter_.ask(demand_of(*work), [this, work](io::Limiter::Ticket granted) {
    work->ticket = granted;
    if (!scope_.token().stop_requested()) begin(work);
  });
  if (limiter_.is_waiting(ticket)) {
    work->ticket = ticket;
    wait_for_room(work);
  }
}

void Attempts::wait_for_room(const WorkPtr& work) {
  if (const int64_t limit_ms = work->policy.schedule_to_start_ms; limit_ms > 0) {
    work->timer->start(limit_ms, [this, work, limit_ms] {
      limiter_.release(std::exchange(work->ticket, 0));
      ActivityResult result = failed("timeout", "not begun within schedule_to_start_timeout of " +
                                                    std::to_string(limit_ms) + " ms: its limits had no room");
      result.outcome.status = Status::timed_out;
      end(work, std::move(result));
    });
  }
  if (work->told || work->pending.attempt > 0 || work->spec["admission"].is_null()) return;
  work->told = true;
  const std::string key = limiter_.held_back_by(work->ticket);
  const json::Value body = json::Value::object(
      {{"path", work->path}, {"op", work->pending.op}, {"waits_for", key.empty() ? "a free worker" : key}});
  store_pending(work, {{.n = 0, .at_ms = clock_.wall_ms(), .kind = "task_waiting", .body = json::print(body)}});
}

void Attempts::begin(const WorkPtr& work) {
  work->timer->cancel();
  work->waited_ms += (clock_.monotonic_us() - work->queued_us) / 1'000;
  ++work->pending.attempt;
  work->pending.ready_ms = 0;
  work->pending.head = work->run->head;
  // After a loss the beginning is on disk before the activity is: what ends the process each time is counted each time.
  if (work->pending.lost > 0) work->began.emplace();
  if (!work->began_durably) store_pending(work, {});
  work->began_durably = false;
  if (!scope_.spawn(attempt(work))) limiter_.release(std::exchange(work->ticket, 0));
}

io::Task<void> Attempts::attempt(WorkPtr work) {
  if (work->began) (void)co_await work->began->wait();
  ActivityResult result;
  const int64_t total_ms = work->policy.schedule_to_close_ms;
  const int64_t age_ms = work->age_when_made_ms + (clock_.monotonic_us() - work->made_us) / 1'000;
  const int64_t left_ms = total_ms > 0 && work->opened_ms > 0 ? total_ms - (age_ms - work->waited_ms) : INT64_MAX;
  if (left_ms <= 0) {
    result = failed("timeout", "not done within schedule_to_close_timeout of " + std::to_string(total_ms) + " ms");
    result.outcome.status = Status::timed_out;
  } else {
    const int64_t limit_ms =
        std::min(left_ms, work->policy.start_to_close_ms > 0 ? work->policy.start_to_close_ms : INT64_MAX);
    result = co_await perform_within(work, limit_ms);
  }
  limiter_.release(std::exchange(work->ticket, 0));
  if (scope_.token().stop_requested() || !works_.contains(work->key())) co_return;  // stopping, or cancelled
  judge(work, std::move(result));
}

// One attempt, ended when its time is up or when it has shown no sign of life for too long.
io::Task<ActivityResult> Attempts::perform_within(WorkPtr work, int64_t limit_ms) {
  const io::Deadline deadline(scope_.loop(), std::min<int64_t>(limit_ms, INT32_MAX), work->stop.get_token());
  const int64_t beat_ms = work->policy.heartbeat_ms;
  std::shared_ptr<io::Deadline> heart;
  if (beat_ms > 0) heart = std::make_shared<io::Deadline>(scope_.loop(), beat_ms, deadline.token());
  const auto alive = [heart, beat_ms] {
    if (heart && !heart->expired()) heart->restart(beat_ms);
  };
  JournalTurns turns(database_, host_, work->run->run_no, work->run->run_id,
                     {.path = work->path, .op = work->pending.op, .attempt = work->pending.attempt}, clock_, alive,
                     work->stop.get_token());
  ActivityResult result =
      co_await activities_.perform({.program = work->run->program,
                                    .run_id = work->run->run_id,
                                    .path = work->path,
                                    .op = work->pending.op,
                                    .number = work->pending.attempt,
                                    .key = work->run->run_id + "/" + std::to_string(work->pending.op),
                                    .spec = work->spec,
                                    .stop = heart ? heart->token() : deadline.token(),
                                    .turns = &turns,
                                    .alive = alive});
  const bool lifeless = heart && heart->expired();
  if (result.outcome.status == Status::success || (!lifeless && !deadline.expired())) co_return result;
  result = failed("timeout", lifeless ? "no sign of life within heartbeat_timeout of " + std::to_string(beat_ms) + " ms"
                                      : "the attempt was not done within " + std::to_string(limit_ms) + " ms");
  result.outcome.status = Status::timed_out;
  result.verdict = Verdict::retry;
  co_return result;
}

void Attempts::judge(const WorkPtr& work, ActivityResult result) {
  if (result.outcome.status == Status::success || result.verdict == Verdict::final) return end(work, std::move(result));
  if (result.verdict == Verdict::unavailable) {
    const int64_t delay =
        std::max(result.retry_after_ms,
                 std::min(kUnavailableBackoffMaxMs, int64_t{1'000} << std::min<int64_t>(work->unavailable++, 5)));
    --work->pending.attempt;  // it does not count
    return again_later(work, delay, "task_blocked", result.outcome);
  }
  const project::RetryPolicy& retry = work->policy.retry;
  const std::string code = result.outcome.error["code"].string_or("");
  const bool refused = std::ranges::find(retry.non_retryable, code) != retry.non_retryable.end();
  if (refused || work->failures() >= retry.attempts) return end(work, std::move(result));
  work->unavailable = 0;
  again_later(work, std::max(result.retry_after_ms, backoff_ms(retry, work->failures())), "task_retry", result.outcome);
}

void Attempts::again_later(const WorkPtr& work, int64_t delay_ms, const char* event_kind, const Outcome& outcome) {
  const int64_t ready_ms = clock_.wall_ms() + delay_ms;
  work->pending.ready_ms = ready_ms;
  json::Value body = json::Value::object({{"path", work->path},
                                          {"op", work->pending.op},
                                          {"attempt", work->pending.attempt},
                                          {"retry_in_ms", delay_ms},
                                          {"error", outcome.error}});
  ++work->pending.attempt;  // announced: a restart before ready_ms knows that it has not begun
  store_pending(work, {{.n = 0, .at_ms = clock_.wall_ms(), .kind = event_kind, .body = json::print(body)}});
  --work->pending.attempt;
  work->timer->start(delay_ms, [this, work] { queue(work); });
}

int64_t Attempts::backoff_ms(const project::RetryPolicy& retry, int64_t failures) {
  const double raw = static_cast<double>(retry.initial_ms) * std::pow(retry.backoff, static_cast<double>(failures - 1));
  const double capped = std::min(raw, static_cast<double>(retry.maximum_ms > 0 ? retry.maximum_ms : INT64_MAX / 2));
  const double jitter = 0.9 + 0.2 * static_cast<double>(random_.below(1'000)) / 1'000;
  return static_cast<int64_t>(capped * jitter);
}

void Attempts::store_pending(const WorkPtr& work, std::vector<store::EventRow> events) {
  // Joins the next commit. Nobody waits for it unless the activity was lost before.
  auto rows = std::make_shared<std::vector<store::EventRow>>(std::move(events));
  database_.write(
      [rows, pending = work->pending, run_no = work->run->run_no](sql::Transaction& transaction) {
        return store::update_pending(transaction, run_no, pending, *rows);
      },
      [this, rows, run_id = work->run->run_id, &loop = scope_.loop(), began = work->began](Result<void> result) {
        if (began) began->set(result.has_value());
        if (!result || rows->empty()) return;
        loop.post([this, rows, run_id] {
          for (const store::EventRow& row : *rows) host_.publish(run_id, row);
        });
      });
}

void Attempts::end(const WorkPtr& work, ActivityResult result) {
  works_.erase(work->key());
  --work->run->live_ops;
  // A stranger's answer must not be able to name a secret that would then be filled in.
  result.outcome.output = expression::without_secret_marks(result.outcome.output);
  result.outcome.error = expression::without_secret_marks(result.outcome.error);
  host_.attempt_ended(work->run, work->pending.op, std::move(result));
}

void Attempts::cancel(int64_t run_no, int64_t op) {
  const auto found = works_.find({run_no, op});
  if (found == works_.end()) return;
  const WorkPtr work = found->second;
  works_.erase(found);
  --work->run->live_ops;
  work->timer->cancel();
  if (limiter_.is_waiting(work->ticket)) limiter_.release(std::exchange(work->ticket, 0));
  work->stop.request_stop();
}

void Attempts::stop() {
  for (const auto& [key, work] : works_) {
    work->timer->cancel();
    work->stop.request_stop();
  }
}

}  // namespace compozy::workflow
