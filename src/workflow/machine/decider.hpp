// SPDX-License-Identifier: Apache-2.0
//
// Decider: one decide() under way. Private to workflow/machine; the files task_*.cpp hold what each task type does.
//
// Everything it decides is a record that it applies at once (emit), so each following step sees the state that recovery
// would see. Progress is driven by state alone: advance(path) looks at an open task and does what it can do next, and
// doing so twice changes nothing. So pausing is not advancing, and resuming is advancing every open task.
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "expression/environment.hpp"
#include "workflow/machine/machine.hpp"

namespace compozy::workflow {

class Decider {
 public:
  Decider(const Program& program, State& state, Stamp stamp, int64_t clock_ms);

  Result<void> handle(const Event& event);
  Result<json::Value> attributes();
  Records take() && { return std::move(records_); }

 private:
  using Task = project::Task;

  // decide.cpp: events, the loop, transitions
  Result<void> on(const Started& event);
  Result<void> on(const OpFinished& event);
  Result<void> on(const TimerFired& event);
  Result<void> on(const Signal& event);
  Result<void> on(const Vote& event);
  Result<void> on(const Controlled& event);
  Result<void> on(const Drain& event);
  Result<void> on(const Continued& event);
  void emit(Record record);
  void settle();
  void advance(const std::string& path);
  bool await_sleep_and_timeout(const Task& task, Frame& frame);  // true when the task may go on now
  void enter_next();
  void enter(const Task& task, const std::string& path, const std::string& id, int64_t index, json::Value vars,
             const json::Value& over_with);
  Result<json::Value> input_of(const Task& task, const std::string& path, const json::Value& vars,
                               const json::Value& over_with);
  Result<json::Value> rendered_with(const Task& task, const std::string& parent, const json::Value& context);
  void close(const std::string& path, Outcome outcome, std::string route = {});  // `route`: what a router has chosen
  Result<json::Value> transition_with(const Task& task, const Frame& frame, const project::Transition& transition,
                                      const Outcome& outcome);
  bool leads_on(const Frame& frame);
  void choose_next(const Task& task, const Frame& frame, TaskClosed& closed);
  void cancel_below(const std::string& path, const std::string& shield = {});
  Result<void> cancel_run(const std::string& reason);
  void close_ops(const Frame& frame);
  void finish_run();
  void close_run(Outcome outcome);
  int64_t open_op(Frame& frame, OpKind kind, std::string role, json::Value spec, int64_t due_ms);

  // scope.cpp: what expressions see
  json::Value context_of(const Task& task, const Frame& frame);
  json::Value task_context(const Task& task, const std::string& parent, const json::Value& input,
                           const json::Value& vars);
  json::Value env_around(const std::string& path);  // of what runs inside the task at `path`; empty = at top level
  json::Value parent_view(const std::string& path, int64_t depth);
  json::Value base_context(const Task* task, const json::Value& input, const json::Value& vars,
                           const std::string& around = {});
  Result<json::Value> render(const json::Value& tree, const json::Value& context);
  Result<json::Value> render_text(const std::string& text, const json::Value& context);
  Result<json::Value> cel(const std::string& text, const json::Value& context);
  Result<std::string> render_to_text(const std::string& text, const json::Value& context);
  expression::Environment environment();

  // task_basic.cpp
  void advance_basic(const Task& task, Frame& frame);
  void advance_memory(const Task& task, Frame& frame);
  void advance_signal(const Task& task, Frame& frame);
  using SpecOf = Result<json::Value> (Decider::*)(const Task& task, const Frame& frame, const json::Value& context);
  Result<json::Value> agent_spec(const Task& task, const Frame& frame, const json::Value& context);
  json::Value declared_env(const Task& task, const Frame& frame, const json::Value& env);
  Result<json::Value> tool_spec(const Task& task, const Frame& frame, const json::Value& context);
  Result<json::Value> memory_spec(const Task& task, const Frame& frame, const json::Value& context);
  Result<json::Value> signal_spec(const Task& task, const Frame& frame, const json::Value& context);
  void start_activity(const Task& task, Frame& frame, SpecOf spec_of);
  Result<json::Value> admission(const project::Policy& policy, const json::Value& context);
  Result<std::string> limit_key(const std::string& scope, const std::string& key, const json::Value& context);
  void close_with_outputs(const Task& task, const Frame& frame, json::Value output, const json::Value& children,
                          std::string route = {});

  // task_branch.cpp
  void advance_router(const Task& task, Frame& frame);
  void advance_aggregate(const Task& task, Frame& frame);

  // task_container.cpp
  void advance_container(const Task& task, Frame& frame);
  bool expand(const Task& task, Frame& frame);  // false when it closed the task
  void enter_child(const Task& task, const Frame& frame);
  void enter_sibling(const Task& task, const Frame& frame);
  void enter_declared(const Task& child, const Frame& frame, int64_t index, json::Value vars, const json::Value& with);
  void finish_container(const Task& task, const Frame& frame, Status status);

  // task_collection.cpp
  Result<json::Value> collection_items(const Task& task, const Frame& frame, int64_t& skipped);
  Result<bool> says_yes(const std::string& condition, const json::Value& context);

  // task_loop.cpp
  void advance_loop(const Task& task, Frame& frame);
  Result<bool> loop_says(const Task& task, const Frame& frame, const std::string& condition);
  void finish_loop(const Task& task, const Frame& frame, std::string_view stopped_by);

  // task_child.cpp
  void advance_child_run(const Task& task, Frame& frame);

  // task_approval.cpp
  void advance_approval(const Task& task, Frame& frame);

  // task_wait.cpp
  void advance_wait(const Task& task, Frame& frame);
  bool take_signal(const Task& task, Frame& frame);
  void judge_signal(const Task& task, const Frame& frame, const json::Value& processor);

  const Program& program_;
  State& state_;
  Stamp stamp_;
  int64_t clock_ms_;  // the wall clock's, where stamp_.at_ms does not go back with it: timers are due by it
  Records records_;
  std::deque<std::string> ready_;
  uint64_t expressions_ = 0;
  size_t steps_left_ = kDecisionStepsMax;
  json::Value workflow_env_;
  bool workflow_env_rendered_ = false;
};

Outcome failure(std::string_view code, std::string_view message, json::Value details = {});
Outcome failure(const Error& error);
json::Value merge(json::Value below, const json::Value& over);  // members of `over` win; null is nothing

}  // namespace compozy::workflow
