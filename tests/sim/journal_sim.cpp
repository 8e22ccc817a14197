// SPDX-License-Identifier: Apache-2.0
//
// The journal under a seed: the real machine, journal and tables, in virtual time, with activities that fail, time out
// and are retried, repeated starts and signals, votes, pauses, cancels, child runs, limits, memories, triggers,
// schedules of every overlap policy, values that become blobs, retention, commits that fail, and up to four epochs,
// each ended by a kill -9 at any time (everything in memory is dropped) or by an orderly stop.
//
// Invariants, checked as it goes and against the database at the end:
//   every start, signal and vote that was acknowledged is there, once, and a repeated key gives the same run · every
//   run ends once nothing holds it · its records fold to the status and output that its row shows · its events are
//   dense · an op is opened and closed once, and what a successful one recorded is what an activity gave · what has
//   ended has nothing pending, no timer, no open task · no more activities than a limit allows were under way at once,
//   and no more began in a period than its rate allows · a turn that was recorded is never recorded again · no message
//   is written twice, and one of each append that succeeded is there · one key triggers a workflow once · a schedule's
//   runs overlap only where its policy says so · retention deletes no open run, and with a run all of its rows
//
// The seed drives every choice and the order of everything: the same seed gives the same trace, byte for byte.
#include "journal_sim.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <set>

#include "base/hash.hpp"
#include "base/random.hpp"
#include "io/timer.hpp"
#include "io/virtual_time.hpp"
#include "json/parse.hpp"
#include "json/print.hpp"
#include "sim_database.hpp"
#include "store/large_values.hpp"
#include "store/retention.hpp"
#include "store/run_log.hpp"
#include "store/runs.hpp"
#include "workflow/journal/journal.hpp"
#include "workflow/schedule/scheduler.hpp"

namespace compozy::workflow {
namespace {

constexpr int64_t kLimit = 2;
constexpr int64_t kTurns = 3;
constexpr int64_t kWorkers = 8;
constexpr int64_t kRateLimit = 4;
constexpr int64_t kRatePeriodMs = 20;
constexpr int64_t kSettleMs = 3'600'000;
constexpr int64_t kSchedulesMs = 9'000;  // how long schedules are due
constexpr int64_t kEffectClosedUs = 3'600'000'000;
constexpr size_t kLargeBytes = 70'000;

#define POLICY R"("policy":{"retry":{"initial_ms":1,"backoff":1.0,"maximum_ms":2,"attempts":4}})"
constexpr std::array<std::pair<const char*, const char*>, 12> kFlows{{
    {"line", R"({"tasks":[{"id":"a","tool":"plain",)" POLICY R"(,"on_success":{"next":"b"},"on_error":{"next":"b"}},
        {"id":"b","tool":"turns",)" POLICY R"(,"sleep_ms":3}]})"},
    {"fan",
     R"({"tasks":[{"id":"each","type":"collection","strategy":"best_effort","items":"1..9","max_workers":4,"tasks":[
        {"id":"i-{{ .index }}","tool":"limited","policy":{"retry":{"initial_ms":1,"backoff":1.0,"maximum_ms":2,"attempts":4},
         "concurrency":[{"scope":"all","limit":2}]}}]}]})"},
    {"paced",
     R"({"tasks":[{"id":"each","type":"collection","strategy":"wait_all","items":"1..7","tasks":[
        {"id":"i-{{ .index }}","tool":"paced","policy":{"priority":3,"schedule_to_start_ms":2000,
         "rate_limit":{"scope":"all","limit":4,"period_ms":20,"burst":2}}}],"on_error":{"next":"end"}},{"id":"end"}]})"},
    {"race",
     R"({"tasks":[{"id":"p","type":"parallel","strategy":"race","timeout_ms":40,"tasks":[{"id":"x","tool":"plain",)" POLICY
     R"(},
        {"id":"y","tool":"slow"},{"id":"z","tool":"plain","sleep_ms":5}],"on_error":{"next":"end"},"on_success":{"next":"end"}},{"id":"end"}]})"},
    {"hold", R"({"tasks":[{"id":"h","type":"wait","wait_for":"go","condition":"signal.payload.n > 2",
        "tasks":[{"id":"look","tool":"plain",)" POLICY R"(}],"on_success":{"next":"v"},"on_error":{"next":"v"}},
        {"id":"v","type":"approval","approvals_required":1,"on_error":{"next":"end"}},{"id":"end"}]})"},
    {"outer", R"({"tasks":[{"id":"o","type":"parallel","strategy":"wait_all","tasks":[
        {"id":"one","type":"workflow","child_workflow":"line"},{"id":"two","type":"workflow","child_workflow":"hold"},
        {"id":"free","type":"workflow","child_workflow":"line","detached":true}],"on_error":{"next":"end"}},{"id":"end"}]})"},
    {"again", R"({"tasks":[{"id":"l","type":"loop","max_iterations":4,"until":"last.n > 1","tasks":[
        {"id":"body","tool":"plain",)" POLICY
              R"(}],"on_error":{"next":"end"}},{"id":"end","type":"aggregate","outputs":{"n":"{{ len .tasks }}"}}]})"},
    {"chat",
     R"({"tasks":[{"id":"m","type":"memory","operation":"append","memory_ref":"mem","key_template":"k","payload":"hello",)" POLICY
     R"(,"on_success":{"next":"each"},"on_error":{"next":"each"}},{"id":"each","type":"collection","strategy":"best_effort","items":"1..4",
        "tasks":[{"id":"m-{{ .index }}","type":"memory","operation":"append","memory_ref":"mem","key_template":"k","payload":"{{ .item }}",)" POLICY
     R"(}],"on_error":{"next":"end"}},{"id":"end"}]})"},
    {"tell",
     R"({"tasks":[{"id":"s","type":"signal","signal_id":"told","payload":{"by":"{{ .workflow.exec_id }}"},)" POLICY
     R"(,"on_success":{"next":"again"},"on_error":{"next":"again"}},{"id":"again","type":"signal","signal_id":"told",)" POLICY
     R"(,"on_error":{"next":"end"}},{"id":"end"}]})"},
    {"told",
     R"({"tasks":[{"id":"t","tool":"plain",)" POLICY R"(,"sleep_ms":2,"on_error":{"next":"end"}},{"id":"end"}]})"},
    {"nest", R"({"tasks":[{"id":"o","type":"parallel","strategy":"best_effort","tasks":[
        {"id":"c","type":"composite","tasks":[{"id":"a","tool":"plain",)" POLICY
             R"(,"on_success":{"next":"r"},"on_error":{"next":"mend"}},
         {"id":"mend","tool":"plain"},{"id":"r","type":"router","condition":"size(tasks) > 4 ? 'l' : 'k'","routes":[["l","l"],["k","k"]]},
         {"id":"l","tool":"plain","final":true},{"id":"k","tool":"plain","on_error":{"next":"z"}},{"id":"z","tool":"plain","sleep_ms":2}]},
        {"id":"q","type":"collection","mode":"sequential","items":"1..3","tasks":[{"id":"q-{{ .index }}","type":"composite","tasks":[
         {"id":"u-{{ .index }}","tool":"plain",)" POLICY
             R"(},{"id":"w","type":"parallel","tasks":[{"id":"v","tool":"plain"},{"id":"x","tool":"turns"}]}]}]}],
        "on_error":{"next":"end"}},{"id":"end"}]})"},
    {"large",
     R"({"tasks":[{"id":"big","tool":"large",)" POLICY R"(,"on_success":{"next":"copy"},"on_error":{"next":"end"}},
        {"id":"copy","tool":"plain","with":{"all":"{{ .tasks.big.output.text }}"},)" POLICY
     R"(,"on_error":{"next":"end"}},{"id":"end"}],
        "outputs":{"text":"{{ (index .tasks \"big\").output }}"}})"},
}};
#undef POLICY

constexpr std::array<const char*, 4> kPolicies{"skip", "allow", "buffer_one", "cancel_other"};

class SimPrograms final : public Programs {
 public:
  SimPrograms() {
    for (const auto& [id, text] : kFlows) {
      json::Value body = json::parse(text).value();
      body.set("format", project::kDefinitionFormat).set("id", id);
      programs_[id] = Program::load(project::workflow_from_json(body).value()).value();
    }
  }
  // A workflow for each overlap policy, due each second for a while; its runs take longer than that.
  void add_schedules(int64_t end_ms) {
    for (const char* policy : kPolicies) {
      json::Value body = json::parse(R"({"tasks":[{"id":"a","tool":"plain","sleep_ms":1500},{"id":"b"}]})").value();
      const std::string id = std::string("tick-") + policy;
      body.set("format", project::kDefinitionFormat).set("id", id);
      body.set("schedule", json::Value::object({{"cron", "@every 1s"}, {"overlap", policy}, {"end_ms", end_ms}}));
      programs_[id] = Program::load(project::workflow_from_json(body).value()).value();
      scheduled_.push_back(programs_[id]);
    }
  }
  Result<std::shared_ptr<const Program>> latest(const std::string& workflow) override { return programs_.at(workflow); }
  Result<std::shared_ptr<const Program>> make(project::Workflow workflow) override {
    return Program::load(std::move(workflow));
  }
  std::vector<std::shared_ptr<const Program>> all() override { return scheduled_; }
  std::vector<std::shared_ptr<const Program>> triggered_by(const std::string&) override {
    return {programs_.at("told")};
  }

 private:
  std::vector<std::shared_ptr<const Program>> scheduled_;
  std::map<std::string, std::shared_ptr<const Program>> programs_;
};

// What happened, in order, with the time.
class Trace {
 public:
  explicit Trace(const Clock& clock) : clock_(clock) {}
  void add(std::string_view what, std::string_view about = {}) {
    text.append(std::to_string(clock_.monotonic_us())).append(" ").append(what).append(" ").append(about).append("\n");
  }
  std::string text;

 private:
  const Clock& clock_;
};

class SimActivities final : public Activities {
 public:
  SimActivities(Random& random, const Clock& clock, Trace& trace) : random_(random), clock_(clock), trace_(trace) {}

  io::Task<ActivityResult> perform(Attempt attempt) override {
    const std::string tool = attempt.spec["tool"].string_or("");
    trace_.add("begin", attempt.key + " " + std::to_string(attempt.number));
    enter(tool);
    if (attempt.spec["kind"].string_or("") == "memory") co_return co_await remember(std::move(attempt));
    if (attempt.spec["kind"].string_or("") == "signal") co_return co_await tell(std::move(attempt));
    if (tool == "turns") co_await take_turns(attempt);
    (void)co_await io::sleep(*loop, tool == "slow" ? 500 : static_cast<int64_t>(random_.below(3)), attempt.stop);
    --under_way_;
    if (tool == "limited") --limited_;
    const uint64_t chance = random_.below(100);
    trace_.add("end", attempt.key);
    if (attempt.stop.stop_requested() || chance < 20) {
      const Verdict verdict = chance < 3 ? Verdict::unavailable : chance < 8 ? Verdict::final : Verdict::retry;
      co_return {.outcome = {.status = Status::failed, .output = {}, .error = make_error("tool_error", "no")},
                 .verdict = verdict};
    }
    json::Value output = json::Value::object({{"n", random_.below(4)}});
    if (tool == "large") output.set("text", std::string(kLargeBytes, static_cast<char>('a' + random_.below(3))));
    results_[attempt.key].insert(json::print(output));
    co_return {.outcome = {.output = output}};
  }
  // As in the store: an hour later the key is forgotten, and what came under it then would be written again.
  void effects_closed(const std::string& run_id, int64_t op) override {
    const auto found = effects_.find(run_id + "/" + std::to_string(op));
    if (found != effects_.end()) found->second.forgotten_us = clock_.monotonic_us() + kEffectClosedUs;
  }
  void crash() {
    limited_ = under_way_ = 0;
    begins_.clear();
    has_crashed_ = true;
  }
  bool gave(const std::string& key, const std::string& output) const {
    const auto found = results_.find(key);
    return found != results_.end() && found->second.contains(output);
  }

  bool wrote(const std::string& key) const { return messages_.contains(key); }

  io::Loop* loop = nullptr;
  Runs* runs = nullptr;
  std::map<std::string, std::vector<std::string>> told;  // by key: acknowledged
  std::string trouble;

 private:
  static ActivityResult refused(Verdict verdict) {
    return {.outcome = {.status = Status::failed, .output = {}, .error = make_error("tool_error", "no")},
            .verdict = verdict};
  }

  // A memory as the store keeps it: one change per effect key, and the reply kept with it. It outlives the process.
  io::Task<ActivityResult> remember(Attempt attempt) {
    (void)co_await io::sleep(*loop, static_cast<int64_t>(random_.below(3)), attempt.stop);
    if (random_.below(100) < 10) {
      --under_way_;
      co_return refused(Verdict::unavailable);
    }
    if (const auto old = effects_.find(attempt.key);
        old != effects_.end() && old->second.forgotten_us < clock_.monotonic_us())
      effects_.erase(old);
    const auto [effect, is_new] = effects_.try_emplace(attempt.key);
    if (is_new) effect->second.reply = json::Value::object({{"total_count", static_cast<int64_t>(messages_.size())}});
    if (is_new && ++messages_[attempt.key] > 1) trouble = "the message of " + attempt.key + " was written twice";
    const json::Value output = effect->second.reply;
    (void)co_await io::sleep(*loop, static_cast<int64_t>(random_.below(3)), attempt.stop);
    --under_way_;
    trace_.add("end", attempt.key);
    if (random_.below(100) < 15) co_return refused(random_.below(2) == 0 ? Verdict::retry : Verdict::unavailable);
    results_[attempt.key].insert(json::print(output));
    co_return ActivityResult{.outcome = {.output = output}};
  }

  io::Task<ActivityResult> tell(Attempt attempt) {
    const auto started = co_await runs->trigger("told", json::Value::object(), attempt.key, "run/" + attempt.run_id);
    --under_way_;
    trace_.add("told", attempt.key + (started ? " " + started->front() : " " + started.error().to_string()));
    if (!started || random_.below(100) < 15) co_return refused(Verdict::retry);
    const json::Value output = json::Value::object({{"exec_ids", json::Value::array({started->front()})}});
    told.emplace(attempt.key, *started);
    results_[attempt.key].insert(json::print(output));
    co_return ActivityResult{.outcome = {.output = output}};
  }

  void enter(const std::string& tool) {
    if (++under_way_ > kWorkers) trouble = "more activities than there are workers were under way";
    if (tool == "limited" && ++limited_ > kLimit) trouble = "more activities than their limit allows were under way";
    if (tool != "paced" || has_crashed_) return;  // what was lost begins only once that is on disk
    begins_.push_back(clock_.monotonic_us());
    if (const size_t n = begins_.size(); n > kRateLimit + 2) {
      const int64_t before = begins_[n - 1 - (kRateLimit + 2)];
      if (begins_.back() - before < kRatePeriodMs * 1'000) trouble = "more activities than their rate allows began";
    }
  }

  io::Task<void> take_turns(const Attempt& attempt) {
    const auto earlier = co_await attempt.turns->read();
    if (!earlier) co_return;
    for (auto n = static_cast<int64_t>(earlier->size()); n < kTurns && !attempt.stop.stop_requested(); ++n) {
      const Result<void> kept =
          co_await attempt.turns->append({.kind = "answer", .body = n}, {.kind = "llm_response", .body = n});
      if (!kept) co_return;
      trace_.add("turn", attempt.key + "/" + std::to_string(n));
      if (++kept_[attempt.key + "/" + std::to_string(n)] > 1) trouble = "turn " + attempt.key + " was recorded twice";
    }
  }

  Random& random_;
  const Clock& clock_;
  Trace& trace_;
  bool has_crashed_ = false;
  int64_t under_way_ = 0;
  int64_t limited_ = 0;
  std::vector<int64_t> begins_;  // of `paced`
  std::map<std::string, int> kept_;
  struct Effect {
    json::Value reply;
    int64_t forgotten_us = INT64_MAX;
  };
  std::map<std::string, Effect> effects_;                 // by effect key
  std::map<std::string, int> messages_;                   // by effect key
  std::map<std::string, std::set<std::string>> results_;  // by the activity's key
};

class JournalSim {
 public:
  explicit JournalSim(uint64_t seed) : random_(seed) {}

  SimReport run() {
    auto database = sql::SimDatabase::open(time_, random_);
    if (!database) return {.trouble = "the database does not open: " + database.error().to_string()};
    database_ = std::move(*database);
    has_schedules_ = chance(15);
    if (has_schedules_) programs_.add_schedules(time_.wall_ms() + kSchedulesMs);
    const auto epochs = 1 + random_.below(4);
    for (uint64_t epoch = 0; epoch < epochs && trouble_.empty(); ++epoch) live(epoch + 1 == epochs);
    if (trouble_.empty()) check();
    return {.trouble = trouble_, .trace = std::move(trace_.text)};
  }

 private:
  bool chance(uint64_t percent) { return random_.below(100) < percent; }
  void violated(std::string what) {
    if (trouble_.empty()) trouble_ = std::move(what);
  }

  // One life of the process.
  void live(bool is_last) {
    trace_.add("start of a process");
    loop_ = std::make_unique<io::Loop>(time_);
    activities_.loop = loop_.get();
    database_->fails = !is_last;
    journal_ = std::make_unique<Journal>(JournalOptions{.database = *database_,
                                                        .loop = *loop_,
                                                        .clock = time_,
                                                        .random = random_,
                                                        .activities = activities_,
                                                        .programs = programs_,
                                                        .concurrent_activities_max = kWorkers,
                                                        .idle_runs_max = 1 + random_.below(6)});
    if (auto opened = journal_->open_blocking(); !opened)
      violated("the journal does not open: " + opened.error().to_string());
    activities_.runs = journal_.get();
    retention_ = std::make_unique<store::Retention>(*database_);
    runs_ = std::make_unique<store::Runs>(*database_);
    open_scheduler();
    const bool is_killed = !is_last && chance(70);
    if (is_killed) {
      const uint64_t most_us = has_schedules_ ? 6'000'000 : 60'000;
      (void)time_.call_in(static_cast<int64_t>(random_.below(most_us)), [this] { loop_->stop(); });
    } else {
      (void)time_.call_in(kSettleMs * 1'000, [this] {
        violated("a caller waits for ever");
        loop_->stop();
      });
    }
    io::run_until(*loop_, act(is_last));
    if (!is_killed && trouble_.empty() && scheduler_) io::run_until(*loop_, scheduler_->stop());
    if (!is_killed && trouble_.empty()) io::run_until(*loop_, journal_->stop());
    end_process();
    if (trouble_.empty()) trouble_ = activities_.trouble;
  }

  void open_scheduler() {
    if (!has_schedules_) return;
    scheduler_ = std::make_unique<Scheduler>(SchedulerOptions{.loop = *loop_,
                                                              .clock = time_,
                                                              .database = *database_,
                                                              .programs = programs_,
                                                              .driver = *journal_,
                                                              .runs = *runs_});
    database_->at_once = true;
    if (auto opened = scheduler_->open_blocking(); !opened)
      violated("the scheduler does not open: " + opened.error().to_string());
    database_->at_once = false;
  }

  void end_process() {
    trace_.add("end of the process");
    loop_->drop_tasks();
    time_.clear();
    is_purging_ = false;
    scheduler_.reset();
    journal_.reset();
    database_->crash();
    loop_.reset();
    activities_.crash();
  }

  // Several clients at once, so that events of one run queue up.
  io::Task<void> act(bool is_last) {
    if (const auto recovered = co_await journal_->recover(); !recovered)
      co_return violated("recovery failed: " + recovered.error().to_string());
    if (scheduler_) scheduler_->start();
    io::TaskScope clients(*loop_);
    for (int i = 0; i < 3; ++i) clients.spawn(client());
    co_await clients.join();
    if (is_last) co_await settle();
  }

  io::Task<void> client() {
    const auto steps = 3 + random_.below(12);
    for (uint64_t i = 0; i < steps && trouble_.empty(); ++i) {
      if (has_schedules_) (void)co_await io::sleep(*loop_, static_cast<int64_t>(random_.below(400)));
      if (chance(30) || started_.empty()) {
        co_await start();
      } else if (chance(8)) {
        co_await purge();
      } else if (chance(8)) {
        co_await trigger();
      } else if (chance(45)) {
        co_await signal(any_run());
      } else if (chance(20)) {
        co_await vote(any_run());
      } else if (chance(30)) {
        const Control control = chance(10) ? Control::cancel : chance(50) ? Control::pause : Control::resume;
        (void)co_await journal_->control(any_run(), control, "the seed says so");
      } else {
        (void)co_await io::sleep(*loop_, static_cast<int64_t>(random_.below(6)));
      }
    }
  }

  std::string any_run() {
    auto chosen = started_.begin();
    std::advance(chosen, static_cast<long>(random_.below(started_.size())));
    return chosen->second;
  }

  io::Task<void> start() {
    const std::string key = "key-" + std::to_string(random_.below(18));
    const std::string workflow = kFlows[std::hash<std::string>{}(key) % kFlows.size()].first;
    const auto run = co_await journal_->start({.workflow = workflow,
                                               .input = json::Value::object(),
                                               .first_task = {},
                                               .idempotency_key = key,
                                               .idempotency_hash = "same"});
    trace_.add("started", key + " " + (run ? run->run_id : run.error().to_string()));
    if (!run) {
      if (run.error().code != Errc::storage_full) violated("a start was refused: " + run.error().to_string());
    } else {
      co_await note_started(key, run->run_id);
    }
  }

  // With a run that was deleted its key is free again.
  io::Task<void> note_started(std::string key, std::string run_id) {
    const auto [known, is_new] = started_.emplace(key, run_id);
    if (is_new || known->second == run_id) co_return;
    const std::string before = std::exchange(known->second, run_id);
    const auto is_there = co_await database_->read([before](sql::Reader& reader) -> Result<bool> {
      TRY(const auto head, store::find_run(reader, before));
      return head.has_value();
    });
    if (!is_there || *is_there) violated("key " + key + " gave two runs");
  }

  io::Task<void> trigger() {
    const std::string key = "t-" + std::to_string(random_.below(6));
    const auto run = co_await journal_->trigger("told", json::Value::object(), key, "");
    trace_.add("triggered", key + " " + (run ? run->front() : run.error().to_string()));
    if (run) {
      co_await note_started(key, run->front());
    } else if (run.error().code != Errc::storage_full) {
      violated("a trigger was refused: " + run.error().to_string());
    }
  }

  io::Task<void> purge() {
    if (is_purging_) co_return;  // else another's purge deletes what has ended since this one looked
    is_purging_ = true;
    co_await purge_some();
    is_purging_ = false;
  }

  io::Task<void> purge_some() {
    const int64_t now_ms = time_.wall_ms();  // what is open later has not ended before
    const auto open = co_await database_->read([](sql::Reader& reader) { return open_runs(reader); });
    if (!open) co_return violated("the runs cannot be read: " + open.error().to_string());
    const std::string workflow = kFlows[random_.below(kFlows.size())].first;
    const store::RetentionRule rule{.succeeded_ms = 1 + static_cast<int64_t>(random_.below(20)),
                                    .failed_ms = 1 + static_cast<int64_t>(random_.below(20))};
    has_purged_ = true;
    const auto purged = co_await retention_->purge(workflow, rule, now_ms, false);
    trace_.add("purged", workflow + " " + (purged ? std::to_string(purged->succeeded + purged->failed) : "failed"));
    for (const std::string& run_id : *open) {
      const auto is_there = co_await database_->read([run_id](sql::Reader& reader) -> Result<bool> {
        TRY(const auto head, store::find_run(reader, run_id));
        return head.has_value();
      });
      if (is_there && !*is_there) violated("retention deleted the open run " + run_id);
    }
  }

  // What is said to a run that retention has deleted.
  bool is_gone(const Error& error) const { return has_purged_ && error.code == Errc::not_found; }

  io::Task<void> signal(std::string run_id) {
    const std::string dedupe = chance(70) ? "s-" + std::to_string(random_.below(8)) : "";
    const auto sent = co_await journal_->signal(run_id, "go", json::Value::object({{"n", random_.below(5)}}), dedupe);
    trace_.add("signalled", run_id + " " + dedupe + (sent ? "" : " " + sent.error().to_string()));
    if (sent && !dedupe.empty()) signals_.emplace(run_id, dedupe);
    if (!sent && !is_gone(sent.error()) && sent.error().code != Errc::conflict &&
        sent.error().code != Errc::storage_full)
      violated("a signal was refused: " + sent.error().to_string());
  }

  io::Task<void> vote(std::string run_id) {
    const bool approve = chance(60);
    const auto voted = co_await journal_->vote(run_id, {.task = "v", .by = "ann", .approve = approve});
    trace_.add("voted", run_id + (voted ? "" : " " + voted.error().to_string()));
    // The same said again, while the run is paused, changes nothing.
    if (voted && votes_.emplace(run_id, approve).first->second != approve)
      violated("one voter's second vote was taken");
    if (!voted && voted.error().code != Errc::conflict && voted.error().code != Errc::not_found &&
        voted.error().code != Errc::storage_full)
      violated("a vote was refused: " + voted.error().to_string());
  }

  // Lets everything end: nothing is paused, every wait gets its signal, every approval its vote.
  io::Task<void> settle() {
    if (has_schedules_) (void)co_await io::sleep(*loop_, 2 * kSchedulesMs);
    const int64_t until_us = time_.monotonic_us() + kSettleMs * 1'000 / 2;
    while (trouble_.empty()) {
      const auto open = co_await database_->read([](sql::Reader& reader) { return open_runs(reader); });
      if (!open) co_return violated("the runs cannot be read: " + open.error().to_string());
      if (open->empty()) co_return;
      if (time_.monotonic_us() > until_us)
        co_return violated("run " + open->front() + " is stuck: nothing holds it, and it does not end");
      for (const std::string& run_id : *open) {
        (void)co_await journal_->control(run_id, Control::resume, {});
        (void)co_await journal_->signal(run_id, "go", json::Value::object({{"n", 4}}), "last");
        if (!votes_.contains(run_id) && co_await journal_->vote(run_id, {.task = "v", .by = "ann", .approve = true}))
          votes_.emplace(run_id, true);
      }
      (void)co_await io::sleep(*loop_, 100);
    }
  }

  static Result<std::vector<std::string>> open_runs(sql::Reader& reader) {
    TRY(auto rows, reader.query("SELECT run_id FROM runs WHERE ended_ms IS NULL ORDER BY run_no"));
    std::vector<std::string> ids;
    while (true) {
      TRY(const bool more, rows.next());
      if (!more) return ids;
      ids.push_back(rows.string(0));
    }
  }

  void check() {
    const auto looked = database_->read_blocking([this](sql::Reader& reader) -> Result<void> {
      for (const auto& [key, run_id] : started_) {
        TRY(const auto head, store::find_run(reader, run_id));
        if (!head && !has_purged_) violated("the acknowledged run " + run_id + " is not there");
      }
      for (const auto& [key, runs] : activities_.told) {
        TRY(const auto head, store::find_run_by_key(reader, "told", key));
        if (!head && !has_purged_) violated("the run that " + key + " triggered is not there");
        if (head && !has_purged_ && head->run_id != runs.front()) violated("one signal triggered two runs: " + key);
      }
      for (const auto& [run_id, dedupe] : signals_) {
        TRY(const auto head, store::find_run(reader, run_id));
        if (!head && has_purged_) continue;
        TRY(const auto kept,
            reader.query_integer("SELECT count(*) FROM inbox JOIN runs USING (run_no) WHERE run_id = ?1 "
                                 "AND dedupe = ?2",
                                 run_id, dedupe));
        if (kept != 1) violated("the acknowledged signal " + dedupe + " of run " + run_id + " is not there");
      }
      for (const auto& [what, query] : kNothing) {
        TRY(const auto found, reader.query_integer(query));
        if (found != 0) violated(std::string(what) + ": " + std::to_string(found.value_or(0)));
      }
      TRY(const auto last, store::last_run_no(reader));
      for (int64_t run_no = 1; run_no <= last; ++run_no) TRY(check_run(reader, run_no));
      TRY(auto events, reader.query("SELECT run_no || ' ' || n || ' ' || at || ' ' || kind || ' ' || body FROM events "
                                    "ORDER BY run_no, n"));
      while (true) {
        TRY(const bool more, events.next());
        if (!more) break;
        trace_.add("event", events.text(0));
      }
      return {};
    });
    if (!looked) violated("the database cannot be read: " + looked.error().to_string());
  }

  static constexpr std::array<std::pair<std::string_view, std::string_view>, 9> kNothing{{
      {"runs that have not ended", "SELECT count(*) FROM runs WHERE ended_ms IS NULL"},
      {"pending rows of ended runs", "SELECT count(*) FROM pending"},
      {"timers of ended runs", "SELECT count(*) FROM timers"},
      {"open tasks of ended runs", "SELECT count(*) FROM tasks WHERE ended_ms IS NULL"},
      {"runs whose events have a gap",
       "SELECT count(*) FROM (SELECT run_no FROM events GROUP BY run_no HAVING count(*) <> max(n) OR min(n) <> 1)"},
      {"rows of runs that are gone",
       "SELECT count(*) FROM (SELECT run_no FROM records UNION ALL SELECT run_no FROM tasks UNION ALL SELECT run_no "
       "FROM events UNION ALL SELECT run_no FROM inbox UNION ALL SELECT run_no FROM turns UNION ALL SELECT run_no FROM "
       "blob_uses) WHERE run_no NOT IN (SELECT run_no FROM runs)"},
      {"blobs that nothing uses", "SELECT count(*) FROM blobs WHERE hash NOT IN (SELECT hash FROM blob_uses)"},
      {"uses of blobs that are gone", "SELECT count(*) FROM blob_uses WHERE hash NOT IN (SELECT hash FROM blobs)"},
      {"scheduled runs that overlap",
       "SELECT count(*) FROM runs a JOIN runs b ON b.workflow = a.workflow AND b.run_no > a.run_no AND b.started_ms < "
       "a.ended_ms WHERE a.workflow IN ('tick-skip', 'tick-buffer_one', 'tick-cancel_other')"},
  }};

  Result<void> check_run(sql::Reader& reader, int64_t run_no) {
    TRY(const auto head, store::find_run_by_number(reader, run_no));
    if (!head) return {};  // a start that was not stored
    TRY(const auto rows, store::read_records(reader, run_no));
    State state;
    std::set<int64_t> opened;
    std::set<int64_t> closed;
    for (std::string row : rows) {
      TRY(store::make_whole(reader, {&row}));
      TRY(const json::Value body, json::parse(row));
      TRY(const Records records, records_from_json(body));
      trace_.add("record", std::to_string(run_no) + " " + sha256_hex(row));
      for (const Record& record : records.items) {
        if (const auto* open = std::get_if<OpOpened>(&record); open != nullptr && !opened.insert(open->op).second)
          violated("op " + std::to_string(open->op) + " of run " + head->run_id + " was opened twice");
        if (const auto* close = std::get_if<OpClosed>(&record); close != nullptr && !closed.insert(close->op).second)
          violated("op " + std::to_string(close->op) + " of run " + head->run_id + " was closed twice");
        check_result(state, *head, record);
      }
      evolve(state, records);
    }
    std::string shown = head->output;
    TRY(store::make_whole(reader, {&shown}));
    const std::string output = state.outcome.output.is_null() ? "" : json::print(state.outcome.output);
    if (status_name(state.status) != head->status || output != shown)
      violated("run " + head->run_id + " does not fold to what its row shows");
    if (opened != closed) violated("run " + head->run_id + " ended with an open op");
    return {};
  }

  // What is recorded as an activity's success is what that activity gave.
  void check_result(const State& state, const store::RunHead& head, const Record& record) {
    const auto* closed = std::get_if<OpClosed>(&record);
    if (closed == nullptr || closed->outcome.status != Status::success) return;
    const auto op = state.ops.find(closed->op);
    if (op == state.ops.end() || op->second.kind != OpKind::activity) return;
    const auto frame = state.frames.find(op->second.path);
    const bool writes = frame != state.frames.end() && frame->second.type == project::TaskType::memory;
    if (writes && !activities_.wrote(head.run_id + "/" + std::to_string(closed->op)))
      violated("op " + std::to_string(closed->op) + " of run " + head.run_id + " wrote no message");
    if (!activities_.gave(head.run_id + "/" + std::to_string(closed->op), json::print(closed->outcome.output)))
      violated("op " + std::to_string(closed->op) + " of run " + head.run_id + " has a result that nothing gave");
  }

  SeededRandom random_;
  io::VirtualTime time_;
  Trace trace_{time_};
  SimPrograms programs_;
  SimActivities activities_{random_, time_, trace_};
  std::unique_ptr<sql::SimDatabase> database_;
  std::unique_ptr<io::Loop> loop_;
  std::unique_ptr<Journal> journal_;
  std::unique_ptr<store::Retention> retention_;
  std::unique_ptr<store::Runs> runs_;
  std::unique_ptr<Scheduler> scheduler_;
  bool has_schedules_ = false;
  bool has_purged_ = false;
  bool is_purging_ = false;
  std::map<std::string, std::string> started_;             // by key: acknowledged
  std::set<std::pair<std::string, std::string>> signals_;  // run and dedupe: acknowledged
  std::map<std::string, bool> votes_;                      // by run: acknowledged
  std::string trouble_;
};

}  // namespace

SimReport simulate_journal(uint64_t seed) { return JournalSim(seed).run(); }

}  // namespace compozy::workflow
