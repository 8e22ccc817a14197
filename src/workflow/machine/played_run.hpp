// SPDX-License-Identifier: Apache-2.0
//
// A run that a test plays. Private to workflow/machine's tests.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "json/parse.hpp"
#include "json/print.hpp"
#include "workflow/machine/machine.hpp"

namespace compozy::workflow {

// A run of a workflow given as resolved JSON, with the outside played by the test. After every event the state folded
// from the records so far must show what the deciding state shows.
class Played {
 public:
  explicit Played(const std::string& workflow, const char* input = "{}") {
    json::Value body = json::parse(workflow).value();
    body.set("format", project::kDefinitionFormat);
    if (body.find("id") == nullptr) body.set("id", "test");
    program_ = Program::load(project::workflow_from_json(body).value()).value();
    feed(Started{.run_id = "run-1", .input = json::parse(input).value()});
  }

  Result<void> feed(const Event& event) {
    auto records = decide(*program_, state, event, {.at_ms = now_ms, .entropy = 7});
    if (!records) return fail(records.error());
    for (const Command& command : commands_of(*records)) {
      if (const auto* activity = std::get_if<StartActivity>(&command)) activities[activity->op] = *activity;
      if (const auto* timer = std::get_if<StartTimer>(&command)) timers[timer->op] = timer->due_ms;
      if (const auto* child = std::get_if<StartChild>(&command)) children[child->op] = *child;
      if (const auto* rest = std::get_if<ContinueFrom>(&command)) checkpoint = rest->checkpoint;
      if (const auto* cancelled = std::get_if<CancelOp>(&command)) {
        activities.erase(cancelled->op);
        timers.erase(cancelled->op);
        canceled.push_back(cancelled->op);
      }
    }
    for (const Record& record : records->items) names.emplace_back(record_name(record));
    const Records stored = records_from_json(json::parse(json::print(to_json(*records))).value()).value();
    evolve(folded_, stored);
    EXPECT_EQ(json::print(folded_.tasks), json::print(state.tasks));
    EXPECT_EQ(folded_.status, state.status);
    EXPECT_EQ(folded_.frames.size(), state.frames.size());
    EXPECT_EQ(folded_.ops.size(), state.ops.size());
    EXPECT_EQ(folded_.next_task, state.next_task);
    // A checkpoint taken now holds all of it.
    if (state.frames.size() < 100 && ++checkpoints_ <= 100)
      EXPECT_EQ(json::print(to_json(state_from_json(to_json(state)).value())), json::print(to_json(folded_)));
    return {};
  }

  // Answers the oldest open activity.
  void answer(const char* output) {
    const int64_t op = activities.begin()->first;
    activities.erase(op);
    feed(OpFinished{
             .op = op, .outcome = {.status = Status::success, .output = json::parse(output).value()}, .usage = {}})
        .value();
  }
  void fail_activity(const char* message) {
    const int64_t op = activities.begin()->first;
    activities.erase(op);
    feed(OpFinished{.op = op,
                    .outcome = {.status = Status::failed, .output = {}, .error = make_error("tool_error", message)},
                    .usage = {}})
        .value();
  }
  void fire(int64_t op) {
    now_ms = std::max(now_ms, timers.at(op));
    timers.erase(op);
    feed(TimerFired{.op = op}).value();
  }
  // Answers every tool with its own input until nothing is open.
  void echo_all() {
    while (!activities.empty()) answer(json::print(activities.begin()->second.spec["input"]).c_str());
  }
  const json::Value& spec() const { return activities.begin()->second.spec; }
  std::string output() const { return json::print(state.outcome.output); }
  std::string error() const { return state.outcome.error["message"].string_or(""); }
  std::string open_paths() const {
    std::string all;
    for (const auto& [op, activity] : activities) all += (all.empty() ? "" : " ") + activity.path;
    return all;
  }

  State state;
  int64_t now_ms = 1'000;
  std::map<int64_t, StartActivity> activities;
  std::map<int64_t, int64_t> timers;
  std::map<int64_t, StartChild> children;
  json::Value checkpoint;
  std::vector<int64_t> canceled;
  std::vector<std::string> names;

 private:
  std::shared_ptr<const Program> program_;
  State folded_;
  int checkpoints_ = 0;
};

}  // namespace compozy::workflow
