// SPDX-License-Identifier: Apache-2.0
//
// loop: its body again and again, at most max_iterations times.
//
//   [while false] ──────────────────────────────────────────────> closed SUCCESS
//   body ──SUCCESS──> [until true, or max_iterations] ──────────> closed SUCCESS
//     ^                └ else: the next iteration
//     └ failed ─────────────────────────────────────────────────> closed FAILED
//
// The body and the conditions see `iteration` (from 0) and `last`, the latest iteration's output (null before the
// first).
#include "json/print.hpp"
#include "project/condition.hpp"
#include "workflow/machine/decider.hpp"

namespace compozy::workflow {

namespace {

constexpr std::string_view kIteration = project::kLoopConditionNames[0];
constexpr std::string_view kLast = project::kLoopConditionNames[1];

json::Value last_output(const Frame& frame) {
  return frame.results.empty() ? json::Value() : frame.results.back().outcome.output;
}

}  // namespace

Result<bool> Decider::loop_says(const Task& task, const Frame& frame, const std::string& condition) {
  json::Value context = context_of(task, frame);
  context.set(kIteration, static_cast<int64_t>(frame.results.size()));
  context.set(kLast, last_output(frame));
  TRY(const json::Value verdict, cel(condition, context));
  if (verdict.is_bool()) return verdict.as_bool();
  return fail(Errc::type_mismatch, "a loop's condition must give true or false, found " + json::print(verdict));
}

void Decider::advance_loop(const Task& task, Frame& frame) {
  if (frame.running > 0) return;
  const std::string path = frame.path;
  if (!frame.expanded) emit(ItemsExpanded{.path = path, .total = task.max_iterations, .items = {}});
  const auto done = static_cast<int64_t>(frame.results.size());
  const auto refused = [&](Error error) {
    close(path, failure(std::move(error).with_context("loop '" + task.id + "', iteration " + std::to_string(done))));
  };
  if (done > 0) {
    if (frame.results.back().outcome.status != Status::success) return close(path, frame.results.back().outcome);
    if (!task.loop_until.empty()) {
      auto stop = loop_says(task, frame, task.loop_until);
      if (!stop) return refused(std::move(stop).error());
      if (*stop) return finish_loop(task, frame, "until");
    }
    if (done >= task.max_iterations) return finish_loop(task, frame, "max_iterations");
  }
  if (!task.loop_while.empty()) {
    auto go_on = loop_says(task, frame, task.loop_while);
    if (!go_on) return refused(std::move(go_on).error());
    if (!*go_on) return finish_loop(task, frame, "while");
  }
  json::Value vars = frame.vars.is_null() ? json::Value::object() : frame.vars;
  vars.set(kIteration, done);
  vars.set(kLast, last_output(frame));
  const Task& body = *task.child();
  enter(body, child_path(path, body.id, 1, done), body.id, done, std::move(vars), {});
}

void Decider::finish_loop(const Task& task, const Frame& frame, std::string_view stopped_by) {
  json::Value results = json::Value::array();
  for (const ChildResult& result : frame.results) results.push_back(result.outcome.output);
  json::Value output = json::Value::object({{"iterations", static_cast<int64_t>(frame.results.size())},
                                            {"stopped_by", stopped_by},
                                            {"last", last_output(frame)},
                                            {"results", std::move(results)}});
  close_with_outputs(task, frame, std::move(output), {});
}

}  // namespace compozy::workflow
