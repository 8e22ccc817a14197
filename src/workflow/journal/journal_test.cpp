#include "workflow/journal/journal.hpp"

#include <atomic>
#include <map>
#include <thread>

#include "json/parse.hpp"
#include "json/print.hpp"
#include "sql/sqlite/scratch_database.hpp"
#include "store/runs.hpp"

namespace compozy::workflow {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// The real time, with a wall clock that a test sets.
class SetClock final : public Clock {
 public:
  int64_t wall_ms() const override { return system_clock().wall_ms() + ahead_ms; }
  int64_t monotonic_us() const override { return system_clock().monotonic_us(); }
  std::atomic<int64_t> ahead_ms = 0;
};

constexpr int64_t kHourMs = 3'600'000;

// Tools played by the test: `echo` answers its input, `fail` fails, `flaky` fails twice, `hang` waits to be stopped.
class FakeActivities final : public Activities {
 public:
  io::Task<ActivityResult> perform(Attempt attempt) override {
    keys.push_back(attempt.key);
    const std::string tool = attempt.spec["tool"].string_or("");
    ActivityResult ok{.outcome = {.status = Status::success, .output = attempt.spec["input"], .error = {}}};
    ActivityResult bad{
        .outcome = {.status = Status::failed, .output = {}, .error = make_error("tool_error", tool + " failed")},
        .verdict = Verdict::retry};
    if (tool == "flaky" && clock != nullptr) clock->ahead_ms += jump_ms;
    if (tool == "fail" || (tool == "flaky" && attempt.number < 3)) co_return bad;
    if (tool == "away" && away-- > 0) {
      bad.verdict = Verdict::unavailable;
      bad.retry_after_ms = 1;
      co_return bad;
    }
    if (tool == "turns") co_return co_await take_turns(std::move(attempt), ok);
    if (tool == "busy") {
      busy_max = std::max(busy_max, ++busy);
      order.push_back(attempt.spec["input"]["n"].integer_or(-1));
      (void)co_await io::sleep(*loop, 2);
      --busy;
    }
    if (tool == "beats") {  // four times as long as its heartbeat allows without one
      for (int i = 0; i < 12; ++i) {
        (void)co_await io::sleep(*loop, 50, attempt.stop);
        attempt.alive();
      }
      if (attempt.stop.stop_requested()) co_return bad;
    }
    if (tool == "hang") {
      io::Event never;
      (void)co_await never.wait(attempt.stop);
      bad.verdict = Verdict::final;
      co_return bad;
    }
    co_return ok;
  }
  void effects_closed(const std::string&, int64_t) override {}

  io::Task<ActivityResult> take_turns(Attempt attempt, ActivityResult ok) {
    auto earlier = co_await attempt.turns->read();
    recorded = earlier->size();
    for (size_t i = earlier->size(); i < 3; ++i) {
      ++paid;
      const Result<void> kept =
          co_await attempt.turns->append({.kind = "answer", .body = static_cast<int64_t>(i)},
                                         {.kind = "llm_response", .body = static_cast<int64_t>(i)});
      EXPECT_TRUE(kept.has_value());
      if (i == 1 && crash_in_turns) {
        io::Event never;
        (void)co_await never.wait(attempt.stop);
        co_return ok;
      }
    }
    co_return ok;
  }

  io::Loop* loop = nullptr;
  SetClock* clock = nullptr;  // set forward by jump_ms in each attempt of `flaky`
  int64_t jump_ms = 0;
  int busy = 0;
  int busy_max = 0;
  std::vector<int64_t> order;
  std::vector<std::string> keys;
  int away = 2;
  int paid = 0;
  size_t recorded = 0;
  bool crash_in_turns = false;
};

class FakePrograms final : public Programs {
 public:
  void add(const char* id, std::string body) {
    json::Value value = json::parse(body).value();
    value.set("format", project::kDefinitionFormat).set("id", id);
    programs[id] = Program::load(project::workflow_from_json(value).value()).value();
  }
  Result<std::shared_ptr<const Program>> latest(const std::string& workflow) override {
    if (!programs.contains(workflow)) return fail(Errc::not_found, "no workflow '" + workflow + "'");
    return programs[workflow];
  }
  Result<std::shared_ptr<const Program>> make(project::Workflow workflow) override {
    return Program::load(std::move(workflow));
  }
  std::vector<std::shared_ptr<const Program>> all() override { return {}; }
  std::vector<std::shared_ptr<const Program>> triggered_by(const std::string& signal) override {
    std::vector<std::shared_ptr<const Program>> found;
    for (const auto& [id, program] : programs) {
      for (const project::Trigger& trigger : program->workflow().triggers) {
        if (trigger.name == signal) found.push_back(program);
      }
    }
    return found;
  }
  std::map<std::string, std::shared_ptr<const Program>> programs;
};

constexpr const char* kFast = R"("policy":{"retry":{"initial_ms":1,"backoff":1.0,"maximum_ms":1,"attempts":3}})";

class JournalTest : public ::testing::Test {
 public:
  void SetUp() override {
    programs_.add(
        "two",
        R"({"tasks":[{"id":"a","tool":"echo","with":{"x":"{{ .workflow.input.x }}"},"on_success":{"next":"b"}},{"id":"b","tool":"echo","with":{"y":"{{ .tasks.a.output.x }}"}}]})");
    open();
  }
  void TearDown() override { crash(); }
  void open(const sql::SqliteOptions& options = {.path = {}}) {
    loop_ = std::make_unique<io::Loop>();
    activities_.loop = loop_.get();
    database_.open(options);
    journal_ = std::make_unique<Journal>(JournalOptions{.database = *database_,
                                                        .loop = *loop_,
                                                        .clock = clock_,
                                                        .random = random_,
                                                        .activities = activities_,
                                                        .programs = programs_});
    journal_->open_blocking().value();
    on_loop(journal_->recover()).value();
  }
  // The process ends without a word: attempts are dropped, nothing more is written.
  void crash() {
    if (!journal_) return;
    on_loop(end_quietly());
    journal_.reset();
    database_.close();
    loop_.reset();
  }
  io::Task<Result<void>> end_quietly() {
    co_await journal_->stop();
    co_return Result<void>();
  }

  template <class T>
  T on_loop(io::Task<T> task) {
    return io::run_until(*loop_, std::move(task));
  }

  std::string start(const char* workflow, const char* input = "{}", std::string key = {}) {
    return on_loop(journal_->start({.workflow = workflow,
                                    .input = json::parse(input).value(),
                                    .first_task = {},
                                    .idempotency_key = std::move(key),
                                    .idempotency_hash = input}))
        .value()
        .run_id;
  }
  // Waits until the run has ended, watching it as any observer would.
  io::Task<Result<store::Run>> ended(std::string run_id) {
    store::Runs runs(*database_);
    while (true) {
      const auto feed = journal_->subscribe(run_id);
      CO_TRY(const store::Run run, co_await runs.get(run_id));
      if (run.ended_ms != 0) co_return run;
      (void)co_await feed->pop();
    }
  }
  store::Run run_to_end(const std::string& run_id) { return on_loop(ended(run_id)).value(); }
  std::vector<std::string> event_kinds(const std::string& run_id) {
    store::Runs runs(*database_);
    std::vector<std::string> kinds;
    int64_t n = 0;
    for (const store::EventRow& event : on_loop(runs.events(run_id, 0, 500)).value()) {
      EXPECT_EQ(event.n, ++n);  // dense
      kinds.push_back(event.kind);
    }
    return kinds;
  }

  SeededRandom random_{3};
  SetClock clock_;
  FakeActivities activities_;
  FakePrograms programs_;
  std::unique_ptr<io::Loop> loop_;
  sql::ScratchDatabase database_;
  std::unique_ptr<Journal> journal_;
};

TEST_F(JournalTest, RunsAWorkflowAndKeepsItsHistory) {
  const std::string id = start("two", R"({"x":7})");
  const store::Run run = run_to_end(id);
  EXPECT_EQ(run.status, "SUCCESS");
  EXPECT_EQ(run.output, R"({"a":{"output":{"x":7}},"b":{"output":{"y":7}}})");
  EXPECT_THAT(event_kinds(id),
              ElementsAre("workflow_start", "task_status", "task_status", "task_status", "task_status", "complete"));
  EXPECT_THAT(activities_.keys, ElementsAre(id + "/1", id + "/2"));
}

TEST_F(JournalTest, TheSameIdempotencyKeyGivesTheSameRunAndAnotherRequestIsRefused) {
  const std::string id = start("two", R"({"x":1})", "key-1");
  EXPECT_EQ(start("two", R"({"x":1})", "key-1"), id);
  const auto other = on_loop(journal_->start({.workflow = "two",
                                              .input = json::Value::object(),
                                              .first_task = {},
                                              .idempotency_key = "key-1",
                                              .idempotency_hash = "other"}));
  EXPECT_EQ(other.error().code, Errc::validation_failed);
}

TEST_F(JournalTest, UnknownWorkflowsTasksAndRunsAreRefused) {
  EXPECT_EQ(
      on_loop(journal_->start(
                  {.workflow = "none", .input = {}, .first_task = {}, .idempotency_key = {}, .idempotency_hash = {}}))
          .error()
          .code,
      Errc::not_found);
  EXPECT_THAT(
      on_loop(journal_->start(
                  {.workflow = "two", .input = {}, .first_task = "aa", .idempotency_key = {}, .idempotency_hash = {}}))
          .error()
          .message,
      HasSubstr("did you mean 'a'?"));
  EXPECT_EQ(on_loop(journal_->signal("01NONE", "x", {}, {})).error().code, Errc::not_found);
}

TEST_F(JournalTest, RetriesAFlakyToolAndShowsEachRetry) {
  programs_.add("w", std::string(R"({"tasks":[{"id":"a","tool":"flaky",)") + kFast + "}]}");
  const std::string id = start("w");
  EXPECT_EQ(run_to_end(id).status, "SUCCESS");
  EXPECT_THAT(activities_.keys, ElementsAre(id + "/1", id + "/1", id + "/1"));  // one key for all attempts
  EXPECT_THAT(event_kinds(id),
              ElementsAre("workflow_start", "task_status", "task_retry", "task_retry", "task_status", "complete"));
}

TEST_F(JournalTest, GivesUpWhenTheAttemptsAreUsedUp) {
  programs_.add("w", std::string(R"({"tasks":[{"id":"a","tool":"fail",)") + kFast + "}]}");
  const store::Run run = run_to_end(start("w"));
  EXPECT_EQ(run.status, "FAILED");
  EXPECT_EQ(activities_.keys.size(), 3U);
}

TEST_F(JournalTest, WhatIsUnavailableUsesUpNoAttempts) {
  programs_.add("w", R"({"tasks":[{"id":"a","tool":"away","policy":{"retry":{"attempts":1}}}]})");
  const std::string id = start("w");
  activities_.away = 1;
  EXPECT_EQ(run_to_end(id).status, "SUCCESS");
  EXPECT_THAT(event_kinds(id), ElementsAre("workflow_start", "task_status", "task_blocked", "task_status", "complete"));
}

TEST_F(JournalTest, AnAttemptThatTakesTooLongTimesOut) {
  programs_.add("w", R"({"tasks":[{"id":"a","tool":"hang","policy":{"start_to_close_ms":5,"retry":{"attempts":1}}}]})");
  EXPECT_THAT(run_to_end(start("w")).error, HasSubstr("not done within 5 ms"));
}

TEST_F(JournalTest, ARunGoesOnAfterARestartWithoutRepeatingWhatIsDone) {
  programs_.add("w", R"({"tasks":[{"id":"a","tool":"echo","on_success":{"next":"b"}},{"id":"b","tool":"hang"}]})");
  const std::string id = start("w");
  on_loop([](JournalTest& self) -> io::Task<Result<void>> {
    while (self.activities_.keys.size() < 2) (void)co_await io::sleep(*self.loop_, 1);
    co_return Result<void>();
  }(*this));
  crash();
  activities_.keys.clear();
  open();
  on_loop([](JournalTest& self) -> io::Task<Result<void>> {
    while (self.activities_.keys.empty()) (void)co_await io::sleep(*self.loop_, 1);
    co_return Result<void>();
  }(*this));
  EXPECT_THAT(activities_.keys, ElementsAre(id + "/2"));
  on_loop(journal_->control(id, Control::cancel, "enough")).value();
  EXPECT_EQ(run_to_end(id).status, "CANCELED");
}

TEST_F(JournalTest, AStepThatAlwaysEndsWithTheProcessIsNotTriedForEver) {
  programs_.add("w", R"({"tasks":[{"id":"a","tool":"hang"}]})");
  const std::string id = start("w");
  for (int i = 0; i < kLostMax + 1; ++i) {
    crash();
    open();
  }
  EXPECT_THAT(run_to_end(id).error, HasSubstr("worker_lost"));
}

TEST_F(JournalTest, TurnsThatWereRecordedAreNotPaidAgain) {
  programs_.add("w", R"({"tasks":[{"id":"a","tool":"turns"}]})");
  activities_.crash_in_turns = true;
  const std::string id = start("w");
  on_loop([](JournalTest& self) -> io::Task<Result<void>> {
    while (self.activities_.paid < 2) (void)co_await io::sleep(*self.loop_, 1);
    co_return Result<void>();
  }(*this));
  crash();
  activities_.crash_in_turns = false;
  open();
  EXPECT_EQ(run_to_end(id).status, "SUCCESS");
  EXPECT_EQ(activities_.recorded, 2U);
  EXPECT_EQ(activities_.paid, 3);
}

TEST_F(JournalTest, ASleepingRunWakesAfterARestart) {
  programs_.add("w", R"({"tasks":[{"id":"a","tool":"echo","sleep_ms":30}]})");
  const std::string id = start("w");
  crash();
  open();
  EXPECT_EQ(run_to_end(id).status, "SUCCESS");
}

TEST_F(JournalTest, ASleepKeepsItsLengthWhenTheClockIsSetBack) {
  programs_.add(
      "w",
      R"({"tasks":[{"id":"a","tool":"echo","sleep_ms":30,"on_success":{"next":"b"}},{"id":"b","tool":"echo","sleep_ms":30}]})");
  const std::string before = start("w");
  clock_.ahead_ms = -3 * kHourMs;
  EXPECT_EQ(run_to_end(before).status, "SUCCESS");
  EXPECT_EQ(run_to_end(start("w")).status, "SUCCESS");
}

TEST_F(JournalTest, AClockThatIsSetForwardUsesUpNoTimeOfAnActivity) {
  programs_.add(
      "w",
      R"({"tasks":[{"id":"a","tool":"flaky","policy":{"schedule_to_close_ms":60000,"retry":{"initial_ms":1,"attempts":3}}}]})");
  activities_.clock = &clock_;
  activities_.jump_ms = kHourMs;
  EXPECT_EQ(run_to_end(start("w")).status, "SUCCESS");
}

TEST_F(JournalTest, SignalsAreDurableAndARepeatedOneChangesNothing) {
  programs_.add("w", R"({"tasks":[{"id":"h","type":"wait","wait_for":"n","condition":"signal.payload.v == 2"}]})");
  const std::string id = start("w");
  const json::Value one = json::Value::object({{"v", 1}});
  on_loop(journal_->signal(id, "n", one, "d1")).value();
  on_loop(journal_->signal(id, "n", one, "d1")).value();
  crash();
  open();
  on_loop(journal_->signal(id, "n", json::Value::object({{"v", 2}}), "d2")).value();
  EXPECT_EQ(run_to_end(id).status, "SUCCESS");
  const auto kinds = event_kinds(id);
  EXPECT_EQ(std::ranges::count(kinds, "signal_received"), 2);
}

TEST_F(JournalTest, SignalsThatComeTogetherAreKeptInOrderAndARepeatedOneCostsNoOther) {
  programs_.add("w", R"({"tasks":[{"id":"h","type":"wait","wait_for":"n","condition":"signal.payload.v == 9"}]})");
  const std::string id = start("w");
  int kept = 0;
  on_loop([](JournalTest& self, std::string run_id, int& count) -> io::Task<Result<void>> {
    io::TaskScope scope(*self.loop_);
    const auto send = [](JournalTest& test, std::string to, int v, std::string dedupe, int& ok) -> io::Task<void> {
      const auto sent = co_await test.journal_->signal(to, "n", json::Value::object({{"v", v}}), dedupe);
      if (sent) ++ok;
    };
    const std::vector<std::pair<int, std::string>> signals{{1, "a"}, {2, "b"}, {1, "a"}, {3, ""}, {9, "d"}, {7, ""}};
    for (const auto& [v, dedupe] : signals) scope.spawn(send(self, run_id, v, dedupe, count));
    co_await scope.join();
    co_return Result<void>();
  }(*this, id, kept));
  EXPECT_EQ(kept, 5);  // the repeated one is answered as kept, the last came after the end
  EXPECT_EQ(run_to_end(id).status, "SUCCESS");
  std::string seen;
  store::Runs runs(*database_);
  for (const store::EventRow& event : on_loop(runs.events(id, 0, 500)).value()) {
    if (event.kind == "signal_received") seen += event.body;
  }
  EXPECT_THAT(seen, ::testing::ContainsRegex("v\":1.*v\":2.*v\":3.*v\":9"));
  EXPECT_EQ(std::ranges::count(event_kinds(id), "signal_received"), 4);
}

TEST_F(JournalTest, PauseSurvivesARestart) {
  programs_.add("w", R"({"tasks":[{"id":"h","type":"wait","wait_for":"go"}]})");
  const std::string id = start("w");
  on_loop(journal_->control(id, Control::pause, {})).value();
  crash();
  open();
  on_loop(journal_->signal(id, "go", {}, {})).value();
  store::Runs runs(*database_);
  EXPECT_EQ(on_loop(runs.get(id))->status, "PAUSED");
  on_loop(journal_->control(id, Control::resume, {})).value();
  EXPECT_EQ(run_to_end(id).status, "SUCCESS");
}

TEST_F(JournalTest, ATriggerStartsEveryWorkflowThatHasIt) {
  programs_.add("w", R"({"triggers":[{"name":"order"}],"tasks":[{"id":"a","tool":"echo"}]})");
  const auto started = on_loop(journal_->trigger("order", json::Value::object({{"n", 1}}), "", "ann")).value();
  EXPECT_EQ(started.size(), 1U);
  EXPECT_EQ(run_to_end(started[0]).status, "SUCCESS");
  EXPECT_EQ(on_loop(journal_->trigger("nothing", {}, "", "ann")).error().code, Errc::not_found);
}

TEST_F(JournalTest, AFullDiskRefusesANewRunAndTheRunsThatAreOpenGoOnWhenThereIsRoom) {
  crash();
  open({.path = {}, .pages_max = 60});
  const std::string large = R"({"x":")" + std::string(300'000, 'x') + "\"}";
  const auto refused = on_loop(journal_->start({.workflow = "two",
                                                .input = json::parse(large).value(),
                                                .first_task = {},
                                                .idempotency_key = {},
                                                .idempotency_hash = {}}));
  EXPECT_EQ(refused.error().code, Errc::storage_full);
  EXPECT_EQ(run_to_end(start("two", R"({"x":1})")).status, "SUCCESS");  // a small one still fits
}

// Twelve children that each name their limits by `policy`.
std::string fan(const std::string& policy) {
  return R"({"tasks":[{"id":"each","type":"collection","items":"1..12","max_workers":12,"tasks":[
      {"id":"x-{{ .index }}","tool":"busy","with":{"n":"{{ .item }}"},"policy":{)" +
         policy + "}}]}]}";
}

TEST_F(JournalTest, AConcurrencyKeyLetsOnlySoManyBeginAtOnceAndSaysWhoWaits) {
  programs_.add(
      "w", fan(R"("concurrency":[{"scope":"task:w/x","key":"{{ if gt .item 6 }}a{{ else }}b{{ end }}","limit":2}])"));
  const std::string id = start("w");
  EXPECT_EQ(run_to_end(id).status, "SUCCESS");
  EXPECT_EQ(activities_.busy_max, 4);  // two for each of the two keys
  store::Runs runs(*database_);
  std::vector<std::string> waited;
  for (const store::EventRow& event : on_loop(runs.events(id, 0, 500)).value()) {
    if (event.kind == "task_waiting") waited.push_back(event.body);
  }
  ASSERT_EQ(waited.size(), 8U);
  EXPECT_THAT(waited[0], HasSubstr(R"("waits_for":"task:w/x:b")"));
}

TEST_F(JournalTest, ALimitHoldsAcrossRunsAndAfterARestart) {
  programs_.add("w", fan(R"("concurrency":[{"scope":"project","limit":1}])"));
  const std::string first = start("w");
  const std::string second = start("w");
  crash();
  activities_.busy = activities_.busy_max = 0;
  open();
  EXPECT_EQ(run_to_end(first).status, "SUCCESS");
  EXPECT_EQ(run_to_end(second).status, "SUCCESS");
  EXPECT_EQ(activities_.busy_max, 1);
}

TEST_F(JournalTest, ARateLimitLetsABurstBeginAndTheRestLater) {
  programs_.add("w", fan(R"("rate_limit":{"scope":"r","limit":100,"period_ms":1000,"burst":3})"));
  const store::Run run = run_to_end(start("w"));
  EXPECT_EQ(run.status, "SUCCESS");
  EXPECT_GE(run.ended_ms - run.started_ms, 80);  // nine intervals of 10 ms, less the clock's grain
}

TEST_F(JournalTest, PriorityGoesBeforeWhatCameEarlier) {
  programs_.add("late", R"({"tasks":[{"id":"each","type":"parallel","tasks":[
      {"id":"a","tool":"busy","with":{"n":1},"policy":{"concurrency":[{"scope":"p","limit":1}]}},
      {"id":"b","tool":"busy","with":{"n":2},"policy":{"concurrency":[{"scope":"p","limit":1}],"priority":-5}},
      {"id":"c","tool":"busy","with":{"n":3},"policy":{"concurrency":[{"scope":"p","limit":1}]}},
      {"id":"d","tool":"busy","with":{"n":4},"policy":{"concurrency":[{"scope":"p","limit":1}],"priority":5}}]}]})");
  EXPECT_EQ(run_to_end(start("late")).status, "SUCCESS");
  EXPECT_THAT(activities_.order, ElementsAre(1, 4, 3, 2));
}

TEST_F(JournalTest, WhatFindsNoRoomInTimeTimesOut) {
  programs_.add("w", R"({"tasks":[{"id":"p","type":"parallel","strategy":"best_effort","tasks":[
      {"id":"a","tool":"hang","policy":{"start_to_close_ms":300,"retry":{"attempts":1},"concurrency":[{"scope":"p","limit":1}]}},
      {"id":"b","tool":"echo","policy":{"schedule_to_start_ms":5,"concurrency":[{"scope":"p","limit":1}]}}]}]})");
  const store::Run run = run_to_end(start("w"));
  EXPECT_THAT(run.output + run.error, HasSubstr("not begun within schedule_to_start_timeout of 5 ms"));
}

TEST_F(JournalTest, AnAttemptThatShowsNoSignOfLifeTimesOutAndOneThatDoesGoesOn) {
  programs_.add("dead", R"({"tasks":[{"id":"a","tool":"hang","policy":{"heartbeat_ms":5,"retry":{"attempts":1}}}]})");
  EXPECT_THAT(run_to_end(start("dead")).error, HasSubstr("no sign of life within heartbeat_timeout of 5 ms"));
  programs_.add("alive", R"({"tasks":[{"id":"a","tool":"beats","policy":{"heartbeat_ms":150}}]})");
  EXPECT_EQ(run_to_end(start("alive")).status, "SUCCESS");
}

TEST_F(JournalTest, ARunIsFoundByTheAttributesThatItsInputGaveIt) {
  programs_.add("w", R"({"tasks":[{"id":"a"}],"attributes":{"tenant":"{{ .workflow.input.tenant }}",
      "amount":"{{ .workflow.input.amount }}","none":"{{ .workflow.input.missing | default \"\" }}","kind":"order"}})");
  const std::string id = start("w", R"({"tenant":"acme","amount":12.5})");
  const store::Run run = run_to_end(id);
  ASSERT_EQ(run.attributes.size(), 3U);
  EXPECT_EQ(run.attributes[0].name + run.attributes[1].name + run.attributes[2].name, "amountkindtenant");
  EXPECT_EQ(run.attributes[0].number, 12.5);
  EXPECT_EQ(run.attributes[2].text, "acme");
  programs_.add("bad", R"({"tasks":[{"id":"a"}],"attributes":{"all":"{{ .workflow.input }}"}})");
  const auto refused = on_loop(journal_->start({.workflow = "bad",
                                                .input = json::parse(R"({"x":1})").value(),
                                                .first_task = {},
                                                .idempotency_key = {},
                                                .idempotency_hash = {}}));
  EXPECT_EQ(refused.error().code, Errc::validation_failed);
}

TEST_F(JournalTest, ALargeValueIsStoredOnceAndSurvivesARestart) {
  programs_.add("w",
                R"({"tasks":[{"id":"a","tool":"echo","with":{"x":"{{ .workflow.input.x }}"},"on_success":{"next":"h"}},
      {"id":"h","type":"wait","wait_for":"go","on_success":{"next":"b"}},
      {"id":"b","tool":"echo","with":{"y":"{{ .tasks.a.output.x }}"}}]})");
  const std::string large(300'000, 'x');
  const std::string id = start("w", (R"({"x":")" + large + "\"}").c_str());
  crash();
  open();
  on_loop(journal_->signal(id, "go", {}, {})).value();
  const store::Run run = run_to_end(id);
  EXPECT_THAT(run.output, HasSubstr(large));
  EXPECT_THAT(run.input, HasSubstr(large));
  const auto count = [&](const std::string& query) {
    return on_loop(database_->read([&](sql::Reader& reader) { return reader.query_integer(query); }))
        .value()
        .value_or(-1);
  };
  EXPECT_EQ(count("SELECT count(*) FROM blobs"), 1);
  EXPECT_LT(count("SELECT max(length(body)) FROM records"), 10'000);
  EXPECT_LT(count("SELECT max(length(body)) FROM events"), 10'000);
  store::Runs runs(*database_);
  for (const store::EventRow& event : on_loop(runs.events(id, 0, 500)).value()) {
    if (event.kind == "complete") EXPECT_THAT(event.body, HasSubstr(large));
  }
}

TEST_F(JournalTest, AChildRunGivesItsOutputToItsParent) {
  programs_.add("outer", R"({"tasks":[{"id":"sub","type":"workflow","child_workflow":"two","with":{"x":5}}],
                             "outputs":{"y":"{{ .tasks.sub.output.b.output.y }}"}})");
  const store::Run run = run_to_end(start("outer"));
  EXPECT_EQ(run.status, "SUCCESS");
  EXPECT_EQ(run.output, R"({"y":5})");
}

TEST_F(JournalTest, AChildThatFailsOrDoesNotExistFailsItsTask) {
  programs_.add("bad", R"({"tasks":[{"id":"a","tool":"fail",)" + std::string(kFast) + "}]}");
  programs_.add("outer", R"({"tasks":[{"id":"sub","type":"workflow","child_workflow":"bad"}]})");
  programs_.add("lost", R"({"tasks":[{"id":"sub","type":"workflow","child_workflow":"nowhere"}]})");
  EXPECT_THAT(run_to_end(start("outer")).error, HasSubstr("fail failed"));
  EXPECT_THAT(run_to_end(start("lost")).error, HasSubstr("no workflow 'nowhere'"));
}

TEST_F(JournalTest, WorkflowsThatCallEachOtherWithoutEndAreStopped) {
  programs_.add("ring", R"({"tasks":[{"id":"sub","type":"workflow","child_workflow":"ring"}]})");
  EXPECT_THAT(run_to_end(start("ring")).error, HasSubstr("nested"));
}

TEST_F(JournalTest, AParentIsToldOfAChildThatEndedWhileItWasAwayAndCancelsOneThatHasNot) {
  programs_.add("inner", R"({"tasks":[{"id":"hold","type":"wait","wait_for":"go"}]})");
  programs_.add("outer", R"({"tasks":[{"id":"sub","type":"workflow","child_workflow":"inner"}]})");
  const std::string parent = start("outer");
  const std::string given_up = start("outer");
  const auto child_of = [&](const std::string& run_id) {
    std::string child;
    while (child.empty()) {
      child = on_loop(database_->read([&](sql::Reader& reader) -> Result<std::string> {
                TRY(const auto head, store::find_run(reader, run_id));
                TRY(const auto found, store::find_run_by_parent(reader, head->run_no, 1));
                return found ? found->run_id : std::string();
              })).value();
    }
    return child;
  };
  const std::string first = child_of(parent);
  const std::string second = child_of(given_up);
  crash();
  open();
  on_loop(journal_->signal(first, "go", {}, "")).value();
  EXPECT_EQ(run_to_end(parent).status, "SUCCESS");
  on_loop(journal_->control(given_up, Control::cancel, "")).value();
  EXPECT_EQ(run_to_end(given_up).status, "CANCELED");
  EXPECT_EQ(run_to_end(second).status, "CANCELED");
}

TEST_F(JournalTest, ADetachedChildOutlivesItsParent) {
  programs_.add("inner", R"({"tasks":[{"id":"hold","type":"wait","wait_for":"go"}]})");
  programs_.add("outer", R"({"tasks":[{"id":"sub","type":"workflow","child_workflow":"inner","detached":true}],
                             "outputs":{"id":"{{ .tasks.sub.output.exec_id }}"}})");
  const store::Run run = run_to_end(start("outer"));
  ASSERT_EQ(run.status, "SUCCESS");
  const std::string child = json::parse(run.output).value()["id"].string_or("");
  on_loop(journal_->signal(child, "go", {}, "")).value();
  EXPECT_EQ(run_to_end(child).status, "SUCCESS");
}

TEST_F(JournalTest, ALongRunKeepsFewRecordsAndRecoversFromItsCheckpoint) {
  programs_.add("long",
                R"({"tasks":[{"id":"each","type":"collection","items":"{{ .workflow.input.items }}","max_workers":4,
      "tasks":[{"id":"x-{{ .index }}","tool":"echo","with":{"v":"{{ .item }}"}}],"on_success":{"next":"hold"}},
      {"id":"hold","type":"wait","wait_for":"go"}],"outputs":{"n":"{{ len .tasks.each.output.results }}"}})");
  json::Array items;
  for (int i = 0; i < 800; ++i) items.emplace_back(std::string(1'000, 'x'));
  const std::string id = start("long", json::print(json::Value::object({{"items", std::move(items)}})).c_str());
  const auto waiting = [&] {
    for (const std::string& kind : event_kinds(id)) {
      if (kind == "signal_received") return true;
    }
    return false;
  };
  on_loop(journal_->signal(id, "go", {}, "once")).value();
  EXPECT_TRUE(waiting());
  EXPECT_EQ(run_to_end(id).status, "SUCCESS");
  const int64_t rows = on_loop(database_->read([&](sql::Reader& reader) {
                         return reader.query_integer("SELECT count(*) FROM records");
                       }))
                           .value()
                           .value_or(0);
  EXPECT_LT(rows, 700);
  EXPECT_EQ(run_to_end(id).output, R"({"n":800})");
}

}  // namespace
}  // namespace compozy::workflow
