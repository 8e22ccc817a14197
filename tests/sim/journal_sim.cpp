// SPDX-License-Identifier: Apache-2.0
//
// The journal under a seed: the real machine, journal and SQLite in a scratch folder, with activities that fail, time
// out and are retried, repeated starts and signals, votes, pauses, cancels, child runs, limits, and a crash (everything
// in memory is dropped, the database is opened again) after each of up to four epochs.
//
// Invariants, checked against the database at the end:
//   every start, signal and vote that was acknowledged is there, once, and a repeated key gives the same run · every
//   run ends once nothing holds it · its records fold to the status and output that its row shows · its events are
//   dense · an op is opened and closed once · what has ended has nothing pending, no timer, no open task · no more
//   activities than a limit allows were under way at once · a turn that was recorded is never recorded again
//
// The seed drives every choice; the order in which SQLite's threads answer is the machine's own, so a replay makes the
// same choices, and nearly always the same trouble.
#include "journal_sim.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <memory>
#include <set>

#include "base/clock.hpp"
#include "base/random.hpp"
#include "io/timer.hpp"
#include "json/parse.hpp"
#include "json/print.hpp"
#include "sql/sqlite/sqlite_database.hpp"
#include "store/run_log.hpp"
#include "workflow/journal/journal.hpp"

namespace compozy::workflow {
namespace {

constexpr int64_t kLimit = 2;
constexpr int64_t kTurns = 3;
constexpr int64_t kSettleMs = 20'000;

#define POLICY R"("policy":{"retry":{"initial_ms":1,"backoff":1.0,"maximum_ms":2,"attempts":4}})"
constexpr std::array<std::pair<const char*, const char*>, 6> kFlows{{
    {"line", R"({"tasks":[{"id":"a","tool":"plain",)" POLICY R"(,"on_success":{"next":"b"},"on_error":{"next":"b"}},
        {"id":"b","tool":"turns",)" POLICY R"(,"sleep_ms":3}]})"},
    {"fan",
     R"({"tasks":[{"id":"each","type":"collection","strategy":"best_effort","items":"1..9","max_workers":4,"tasks":[
        {"id":"i-{{ .index }}","tool":"limited","policy":{"retry":{"initial_ms":1,"backoff":1.0,"maximum_ms":2,"attempts":4},
         "concurrency":[{"scope":"all","limit":2}]}}]}]})"},
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
}};
#undef POLICY

class SimPrograms final : public Programs {
 public:
  SimPrograms() {
    for (const auto& [id, text] : kFlows) {
      json::Value body = json::parse(text).value();
      body.set("format", project::kDefinitionFormat).set("id", id);
      programs_[id] = Program::load(project::workflow_from_json(body).value()).value();
    }
  }
  Result<std::shared_ptr<const Program>> latest(const std::string& workflow) override { return programs_.at(workflow); }
  Result<std::shared_ptr<const Program>> make(project::Workflow workflow) override {
    return Program::load(std::move(workflow));
  }
  std::vector<std::shared_ptr<const Program>> all() override { return {}; }
  std::vector<std::shared_ptr<const Program>> triggered_by(const std::string&) override { return {}; }

 private:
  std::map<std::string, std::shared_ptr<const Program>> programs_;
};

class SimActivities final : public Activities {
 public:
  explicit SimActivities(Random& random) : random_(random) {}

  io::Task<ActivityResult> perform(Attempt attempt) override {
    const std::string tool = attempt.spec["tool"].string_or("");
    const bool is_limited = tool == "limited";
    if (is_limited && ++limited_ > kLimit) trouble = "more activities than their limit allows were under way";
    const auto leave = [&] { limited_ -= is_limited ? 1 : 0; };
    if (tool == "turns") co_await take_turns(attempt);
    (void)co_await io::sleep(*loop, tool == "slow" ? 500 : static_cast<int64_t>(random_.below(3)), attempt.stop);
    leave();
    if (attempt.stop.stop_requested() || random_.below(100) < 20) {
      co_return {.outcome = {.status = Status::failed, .output = {}, .error = make_error("tool_error", "no")},
                 .verdict = random_.below(4) == 0 ? Verdict::final : Verdict::retry};
    }
    co_return {.outcome = {.output = json::Value::object({{"n", random_.below(4)}})}};
  }
  void effects_closed(const std::string&, int64_t) override {}
  void crash() { limited_ = 0; }

  io::Loop* loop = nullptr;
  std::string trouble;

 private:
  io::Task<void> take_turns(const Attempt& attempt) {
    const auto earlier = co_await attempt.turns->read();
    if (!earlier) co_return;
    for (auto n = static_cast<int64_t>(earlier->size()); n < kTurns && !attempt.stop.stop_requested(); ++n) {
      const Result<void> kept =
          co_await attempt.turns->append({.kind = "answer", .body = n}, {.kind = "llm_response", .body = n});
      if (!kept) co_return;
      if (++kept_[attempt.key + "/" + std::to_string(n)] > 1) trouble = "turn " + attempt.key + " was recorded twice";
    }
  }

  Random& random_;
  int64_t limited_ = 0;
  std::map<std::string, int> kept_;
};

class JournalSim {
 public:
  explicit JournalSim(uint64_t seed) : seed_(seed), random_(seed) {
    folder_ = std::filesystem::temp_directory_path() /
              ("compozy-sim-" + std::to_string(::getpid()) + "-" + std::to_string(seed));
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
  }
  ~JournalSim() { std::filesystem::remove_all(folder_); }
  JournalSim(const JournalSim&) = delete;
  JournalSim& operator=(const JournalSim&) = delete;

  std::string run() {
    const auto epochs = 1 + random_.below(4);
    for (uint64_t epoch = 0; epoch < epochs; ++epoch) {
      if (!open()) return trouble_;
      io::run_until(*loop_, act());
      if (epoch + 1 == epochs && trouble_.empty()) io::run_until(*loop_, settle());
      crash();
      if (trouble_.empty()) trouble_ = activities_.trouble;
      if (!trouble_.empty()) return trouble_;
    }
    check();
    return trouble_;
  }

 private:
  bool chance(uint64_t percent) { return random_.below(100) < percent; }
  void violated(std::string what) {
    if (trouble_.empty()) trouble_ = std::move(what);
  }

  bool open() {
    loop_ = std::make_unique<io::Loop>();
    activities_.loop = loop_.get();
    auto database = sql::open_sqlite({.path = (folder_ / "sim.db").string()});
    if (!database) {
      violated("the database does not open: " + database.error().to_string());
      return false;
    }
    database_ = std::move(*database);
    journal_ = std::make_unique<Journal>(JournalOptions{.database = *database_,
                                                        .loop = *loop_,
                                                        .clock = system_clock(),
                                                        .random = random_,
                                                        .activities = activities_,
                                                        .programs = programs_,
                                                        .concurrent_activities_max = 8,
                                                        .idle_runs_max = 2});
    auto opened = journal_->open_blocking();
    if (opened) opened = io::run_until(*loop_, journal_->recover());
    if (!opened) violated("recovery failed: " + opened.error().to_string());
    return opened.has_value();
  }

  void crash() {
    io::run_until(*loop_, journal_->stop());
    journal_.reset();
    database_.reset();
    loop_.reset();
    activities_.crash();
  }

  // Several clients at once, so that events of one run queue up.
  io::Task<void> act() {
    io::Timer watchdog(*loop_);
    watchdog.start(kSettleMs, [this] { give_up(); });
    io::TaskScope clients(*loop_);
    for (int i = 0; i < 3; ++i) clients.spawn(client());
    co_await clients.join();
  }

  io::Task<void> client() {
    const auto steps = 3 + random_.below(12);
    for (uint64_t i = 0; i < steps && trouble_.empty(); ++i) {
      if (chance(30) || started_.empty()) {
        co_await start();
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

  // Nobody can be woken who waits for an answer that does not come: the process ends here.
  [[noreturn]] void give_up() const {
    std::fprintf(stderr, "violated with seed %llu: a caller waits for ever\nreplay: ./dev sim --journal --seed %llu\n",
                 static_cast<unsigned long long>(seed_), static_cast<unsigned long long>(seed_));
    std::_Exit(1);
  }

  std::string any_run() {
    auto chosen = started_.begin();
    std::advance(chosen, static_cast<long>(random_.below(started_.size())));
    return chosen->second;
  }

  io::Task<void> start() {
    const std::string key = "key-" + std::to_string(random_.below(10));
    const std::string workflow = kFlows[std::hash<std::string>{}(key) % kFlows.size()].first;
    const auto run = co_await journal_->start({.workflow = workflow,
                                               .input = json::Value::object(),
                                               .first_task = {},
                                               .idempotency_key = key,
                                               .idempotency_hash = "same"});
    if (!run) {
      violated("a start was refused: " + run.error().to_string());
    } else if (const auto [known, is_new] = started_.emplace(key, run->run_id);
               !is_new && known->second != run->run_id) {
      violated("key " + key + " gave two runs");
    }
  }

  io::Task<void> signal(std::string run_id) {
    const std::string dedupe = chance(70) ? "s-" + std::to_string(random_.below(8)) : "";
    const auto sent = co_await journal_->signal(run_id, "go", json::Value::object({{"n", random_.below(5)}}), dedupe);
    if (sent && !dedupe.empty()) signals_.emplace(run_id, dedupe);
    if (!sent && sent.error().code != Errc::conflict) violated("a signal was refused: " + sent.error().to_string());
  }

  io::Task<void> vote(std::string run_id) {
    const auto voted = co_await journal_->vote(run_id, {.task = "v", .by = "ann", .approve = chance(60)});
    if (voted && !votes_.insert(run_id).second) violated("one voter's second vote was taken");
    if (!voted && voted.error().code != Errc::conflict && voted.error().code != Errc::not_found)
      violated("a vote was refused: " + voted.error().to_string());
  }

  // Lets everything end: nothing is paused, every wait gets its signal, every approval its vote.
  io::Task<void> settle() {
    const int64_t until_us = system_clock().monotonic_us() + kSettleMs * 1'000;
    while (trouble_.empty()) {
      const auto open = co_await database_->read([](sql::Reader& reader) { return open_runs(reader); });
      if (!open) co_return violated("the runs cannot be read: " + open.error().to_string());
      if (open->empty()) co_return;
      if (system_clock().monotonic_us() > until_us)
        co_return violated("run " + open->front() + " is stuck: nothing holds it, and it does not end");
      for (const std::string& run_id : *open) {
        (void)co_await journal_->control(run_id, Control::resume, {});
        (void)co_await journal_->signal(run_id, "go", json::Value::object({{"n", 4}}), "last");
        if (votes_.insert(run_id).second &&
            !co_await journal_->vote(run_id, {.task = "v", .by = "ann", .approve = true}))
          votes_.erase(run_id);
      }
      (void)co_await io::sleep(*loop_, 3);
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
    auto database = sql::open_sqlite({.path = (folder_ / "sim.db").string()});
    if (!database) return violated("the database does not open again");
    const auto looked = (*database)->read_blocking([this](sql::Reader& reader) -> Result<void> {
      for (const auto& [key, run_id] : started_) {
        TRY(const auto head, store::find_run(reader, run_id));
        if (!head) violated("the acknowledged run " + run_id + " is not there");
      }
      for (const auto& [run_id, dedupe] : signals_) {
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
      return {};
    });
    if (!looked) violated("the database cannot be read: " + looked.error().to_string());
  }

  static constexpr std::array<std::pair<std::string_view, std::string_view>, 5> kNothing{{
      {"runs that have not ended", "SELECT count(*) FROM runs WHERE ended_ms IS NULL"},
      {"pending rows of ended runs", "SELECT count(*) FROM pending"},
      {"timers of ended runs", "SELECT count(*) FROM timers"},
      {"open tasks of ended runs", "SELECT count(*) FROM tasks WHERE ended_ms IS NULL"},
      {"runs whose events have a gap",
       "SELECT count(*) FROM (SELECT run_no FROM events GROUP BY run_no HAVING count(*) <> max(n) OR min(n) <> 1)"},
  }};

  Result<void> check_run(sql::Reader& reader, int64_t run_no) {
    TRY(const auto head, store::find_run_by_number(reader, run_no));
    if (!head) return {};  // a start that was not stored
    TRY(const auto rows, store::read_records(reader, run_no));
    State state;
    std::set<int64_t> opened;
    std::set<int64_t> closed;
    for (const std::string& row : rows) {
      TRY(const json::Value body, json::parse(row));
      TRY(const Records records, records_from_json(body));
      for (const Record& record : records.items) {
        if (const auto* open = std::get_if<OpOpened>(&record); open != nullptr && !opened.insert(open->op).second)
          violated("op " + std::to_string(open->op) + " of run " + head->run_id + " was opened twice");
        if (const auto* close = std::get_if<OpClosed>(&record); close != nullptr && !closed.insert(close->op).second)
          violated("op " + std::to_string(close->op) + " of run " + head->run_id + " was closed twice");
      }
      evolve(state, records);
    }
    const std::string output = state.outcome.output.is_null() ? "" : json::print(state.outcome.output);
    if (status_name(state.status) != head->status || output != head->output)
      violated("run " + head->run_id + " does not fold to what its row shows");
    if (opened != closed) violated("run " + head->run_id + " ended with an open op");
    return {};
  }

  const uint64_t seed_;
  SeededRandom random_;
  std::filesystem::path folder_;
  SimPrograms programs_;
  SimActivities activities_{random_};
  std::unique_ptr<io::Loop> loop_;
  std::unique_ptr<sql::Database> database_;
  std::unique_ptr<Journal> journal_;
  std::map<std::string, std::string> started_;             // by key: acknowledged
  std::set<std::pair<std::string, std::string>> signals_;  // run and dedupe: acknowledged
  std::set<std::string> votes_;
  std::string trouble_;
};

}  // namespace

std::string simulate_journal(uint64_t seed) { return JournalSim(seed).run(); }

}  // namespace compozy::workflow
