#include "workflow/schedule/scheduler.hpp"

#include <utility>

#include "io/timer.hpp"
#include "json/parse.hpp"
#include "json/print.hpp"
#include "sql/sqlite/scratch_database.hpp"

namespace compozy::workflow {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr int64_t kMidnight = 1'767'225'600'000;  // 2026-01-01T00:00:00Z
constexpr int64_t kMinute = 60'000;

class OneProgram final : public Programs {
 public:
  void set(const std::string& schedule) {
    json::Value body = json::parse(R"({"id":"tick","tasks":[{"id":"a","type":"basic"}]})").value();
    body.set("format", project::kDefinitionFormat).set("schedule", json::parse(schedule).value());
    program = Program::load(project::workflow_from_json(body).value()).value();
  }
  Result<std::shared_ptr<const Program>> latest(const std::string&) override { return program; }
  Result<std::shared_ptr<const Program>> make(project::Workflow) override { return program; }
  std::vector<std::shared_ptr<const Program>> all() override { return {program}; }
  std::vector<std::shared_ptr<const Program>> triggered_by(const std::string&) override { return {}; }
  std::shared_ptr<const Program> program;
};

// Keeps runs as bare rows: open until the test ends them.
class FakeRuns final : public Runs {
 public:
  explicit FakeRuns(sql::Database& database) : database_(database) {}
  io::Task<Result<StartedRun>> start(StartRequest request) override {
    keys.push_back(request.idempotency_key);
    const std::string id = "run-" + std::to_string(keys.size());
    co_await write(
        "INSERT INTO runs (run_id, workflow, status, definition, semantics, started_ms, updated_ms) "
        "VALUES ('" +
        id + "', 'tick', 'RUNNING', 'd', 1, 1, 1)");
    co_return StartedRun{.run_id = id};
  }
  io::Task<Result<void>> control(std::string run_id, Control, std::string) override {
    controlled.push_back(run_id);
    if (std::exchange(refuses, false)) co_return fail(Errc::storage_full, "no room");
    co_await end(run_id);
    co_return Result<void>();
  }
  io::Task<void> end(std::string run_id) {
    co_await write("UPDATE runs SET status = 'SUCCESS', ended_ms = 2 WHERE run_id = '" + run_id + "'");
    if (feed) feed->close();
  }
  io::Task<Result<void>> signal(std::string, std::string, json::Value, std::string) override {
    co_return Result<void>();
  }
  io::Task<Result<void>> vote(std::string, Vote) override { co_return Result<void>(); }
  io::Task<Result<std::vector<std::string>>> trigger(std::string, json::Value, std::string, std::string) override {
    co_return std::vector<std::string>();
  }
  std::shared_ptr<Feed> subscribe(const std::string&) override { return feed = std::make_shared<Feed>(1); }
  io::Task<void> write(std::string sql) {
    const Result<void> written = co_await database_.write([sql](sql::Transaction& transaction) -> Result<void> {
      TRY(transaction.execute(sql));
      return {};
    });
    EXPECT_TRUE(written);
  }
  std::vector<std::string> keys, controlled;
  bool refuses = false;  // once
  std::shared_ptr<Feed> feed;

 private:
  sql::Database& database_;
};

class SchedulerTest : public ::testing::Test {
 public:
  void SetUp() override {
    driver_ = std::make_unique<FakeRuns>(*database_);
    runs_ = std::make_unique<store::Runs>(*database_);
    at(kMidnight + 1);
  }
  void TearDown() override {
    close();
    driver_.reset();
  }
  void open(const std::string& schedule) {
    close();
    programs_.set(schedule);
    scheduler_ = std::make_unique<Scheduler>(SchedulerOptions{.loop = loop_,
                                                              .clock = clock_,
                                                              .database = *database_,
                                                              .programs = programs_,
                                                              .driver = *driver_,
                                                              .runs = *runs_});
    scheduler_->open_blocking().value();
    scheduler_->start();
  }
  void close() {
    if (scheduler_) io::run_until(loop_, scheduler_->stop());
    scheduler_.reset();
  }
  json::Value view() { return io::run_until(loop_, scheduler_->get("tick")).value(); }
  void at(int64_t ms) { clock_.advance_ms(ms - clock_.wall_ms()); }

  io::Loop loop_;
  ManualClock clock_;
  sql::ScratchDatabase database_;
  std::unique_ptr<FakeRuns> driver_;
  std::unique_ptr<store::Runs> runs_;
  OneProgram programs_;
  std::unique_ptr<Scheduler> scheduler_;
};

TEST_F(SchedulerTest, StartsOneRunForEachTimeUnderAKeyOfItsOwn) {
  open(R"({"cron":"* * * * *","overlap":"allow"})");
  EXPECT_EQ(view()["next_run_time"].as_string(), "2026-01-01T00:01:00.000Z");
  EXPECT_EQ(view()["next_run_times"].size(), 10U);
  close();
  at(kMidnight + kMinute + 5);  // while it was away
  open(R"({"cron":"* * * * *","overlap":"allow"})");
  while (driver_->keys.empty()) io::run_until(loop_, io::sleep(loop_, 1));
  EXPECT_THAT(driver_->keys, ElementsAre("schedule/tick/" + std::to_string(kMidnight + kMinute)));
  while (view()["next_run_time"].string_or("") != "2026-01-01T00:02:00.000Z") io::run_until(loop_, io::sleep(loop_, 1));
  EXPECT_EQ(view()["last_run_status"].as_string(), "RUNNING");
}

TEST_F(SchedulerTest, WhatIsOlderThanTheCatchUpWindowIsSkipped) {
  open(R"({"cron":"* * * * *","overlap":"allow","catch_up_ms":120000})");
  close();
  at(kMidnight + 60 * kMinute + 5);
  open(R"({"cron":"* * * * *","overlap":"allow","catch_up_ms":120000})");
  while (driver_->keys.size() < 2) io::run_until(loop_, io::sleep(loop_, 1));
  EXPECT_EQ(driver_->keys.front(), "schedule/tick/" + std::to_string(kMidnight + 59 * kMinute));
  EXPECT_EQ(driver_->keys.back(), "schedule/tick/" + std::to_string(kMidnight + 60 * kMinute));
  EXPECT_GE(view()["skipped"].as_integer(), 1);
}

TEST_F(SchedulerTest, AClockThatIsSetBackIsFollowed) {
  open(R"({"cron":"0 * * * *"})");
  EXPECT_EQ(view()["next_run_time"].as_string(), "2026-01-01T01:00:00.000Z");
  close();
  at(kMidnight - 300 * kMinute + 5);
  open(R"({"cron":"0 * * * *"})");
  for (int i = 0; i < 1'000 && view()["next_run_time"].as_string() != "2025-12-31T20:00:00.000Z"; ++i)
    io::run_until(loop_, io::sleep(loop_, 1));
  EXPECT_EQ(view()["next_run_time"].as_string(), "2025-12-31T20:00:00.000Z");
}

TEST_F(SchedulerTest, SkipsATimeWhileTheRunBeforeIsOpen) {
  open(R"({"cron":"* * * * *"})");
  close();
  at(kMidnight + 3 * kMinute + 5);
  open(R"({"cron":"* * * * *"})");
  while (view()["skipped"].as_integer() < 2) io::run_until(loop_, io::sleep(loop_, 1));
  EXPECT_EQ(driver_->keys.size(), 1U);
}

TEST_F(SchedulerTest, CancelsTheRunBefore) {
  open(R"({"cron":"* * * * *","overlap":"cancel_other"})");
  close();
  at(kMidnight + 2 * kMinute + 5);
  open(R"({"cron":"* * * * *","overlap":"cancel_other"})");
  while (driver_->keys.size() < 2) io::run_until(loop_, io::sleep(loop_, 1));
  EXPECT_THAT(driver_->controlled, ElementsAre("run-1"));
}

TEST_F(SchedulerTest, StartsNothingBesideTheRunBeforeThatCannotBeCanceledYet) {
  open(R"({"cron":"* * * * *","overlap":"cancel_other"})");
  close();
  at(kMidnight + 2 * kMinute + 5);
  open(R"({"cron":"* * * * *","overlap":"cancel_other"})");
  driver_->refuses = true;
  while (driver_->keys.size() < 2) io::run_until(loop_, io::sleep(loop_, 1));
  EXPECT_THAT(driver_->controlled, ElementsAre("run-1", "run-1")) << "asked again before the next run starts";
}

TEST_F(SchedulerTest, BuffersTheLatestTimeUntilTheRunBeforeEnds) {
  open(R"({"cron":"* * * * *","overlap":"buffer_one"})");
  close();
  at(kMidnight + 3 * kMinute + 5);
  open(R"({"cron":"* * * * *","overlap":"buffer_one"})");
  while (view()["skipped"].as_integer() < 1) io::run_until(loop_, io::sleep(loop_, 1));
  EXPECT_EQ(driver_->keys.size(), 1U);
  io::run_until(loop_, driver_->end("run-1"));
  while (driver_->keys.size() < 2) io::run_until(loop_, io::sleep(loop_, 1));
  EXPECT_EQ(driver_->keys.back(), "schedule/tick/" + std::to_string(kMidnight + 3 * kMinute));
}

TEST_F(SchedulerTest, AnOverrideOutlivesARestartAndEndsWhenTheYamlChanges) {
  open(R"({"cron":"0 5 * * *"})");
  io::run_until(loop_, scheduler_->change("tick", {.enabled = false, .cron = "0 6 * * *"})).value();
  open(R"({"cron":"0 5 * * *"})");
  EXPECT_EQ(view()["cron"].as_string(), "0 6 * * *");
  EXPECT_FALSE(view()["enabled"].as_bool());
  EXPECT_TRUE(view()["next_run_time"].is_null());
  open(R"({"cron":"30 5 * * *"})");
  EXPECT_EQ(view()["next_run_time"].as_string(), "2026-01-01T05:30:00.000Z");
  EXPECT_FALSE(view()["is_override"].as_bool());
}

TEST_F(SchedulerTest, AChangeIsCheckedAndResetGoesBack) {
  open(R"({"cron":"0 5 * * *"})");
  const auto bad = io::run_until(loop_, scheduler_->change("tick", {.enabled = {}, .cron = "61 * * * *"}));
  EXPECT_THAT(bad.error().message, HasSubstr("'61' as minutes"));
  EXPECT_EQ(view()["cron"].as_string(), "0 5 * * *");
  io::run_until(loop_, scheduler_->change("tick", {.enabled = {}, .cron = "@hourly"})).value();
  EXPECT_EQ(io::run_until(loop_, scheduler_->reset("tick")).value()["cron"].as_string(), "0 5 * * *");
  EXPECT_THAT(io::run_until(loop_, scheduler_->get("tock")).error().message, HasSubstr("did you mean 'tick'?"));
}

TEST_F(SchedulerTest, OutsideItsWindowNothingIsDue) {
  open(R"({"cron":"0 5 * * *","start_ms":1767312000000,"end_ms":1767400000000})");  // 2 January, until 00:26 on the 3rd
  EXPECT_EQ(view()["next_run_time"].as_string(), "2026-01-02T05:00:00.000Z");
  EXPECT_EQ(view()["next_run_times"].size(), 1U);
}

}  // namespace
}  // namespace compozy::workflow
