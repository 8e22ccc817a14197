// SPDX-License-Identifier: Apache-2.0
//
// wait: holds until a signal of its name satisfies its condition.
//
//   waiting ──signal──> [processor runs] ──> condition true: closed SUCCESS
//      ^                                     condition false: back to waiting, the next buffered signal is taken
//      └─ timeout: closed FAILED, then on_timeout, else on_error
//
// Signals are taken in the order in which they came, also those that came before the task was entered.
#include <algorithm>

#include "json/print.hpp"
#include "workflow/machine/decider.hpp"

namespace compozy::workflow {

void Decider::advance_wait(const Task& task, Frame& frame) {
  if (frame.running > 0) return;        // the processor is at work; further signals stay buffered
  const std::string path = frame.path;  // the frame goes when the task closes
  if (!frame.results.empty() && !frame.signal.is_null() &&
      static_cast<int64_t>(frame.results.size()) == frame.signals_seen) {
    const Outcome processed = frame.results.back().outcome;
    if (processed.status != Status::success) {
      return close(
          frame.path,
          failure("WAIT_TASK_ERROR", "the processor failed: " + processed.error["message"].string_or("no reason given"),
                  processed.error));
    }
    judge_signal(task, frame, processed.output);
    if (state_.find_frame(path) == nullptr) return;
  }
  while (take_signal(task, frame)) {
  }
}

// Takes the oldest buffered signal of the name. True when the task is still open and may take another.
bool Decider::take_signal(const Task& task, Frame& frame) {
  const auto found = std::ranges::find(state_.signals, task.wait_for, &BufferedSignal::name);
  if (found == state_.signals.end()) return false;
  const std::string path = frame.path;
  emit(SignalConsumed{.inbox = found->inbox, .path = path});
  if (const Task* processor = task.child()) {
    json::Value vars = merge(frame.vars.is_null() ? json::Value::object() : frame.vars,
                             json::Value::object({{"signal", frame.signal}}));
    enter(*processor, child_path(path, processor->id, frame.signals_seen, std::nullopt), processor->id,
          frame.signals_seen - 1, std::move(vars), {});
    return false;
  }
  judge_signal(task, frame, {});
  return state_.find_frame(path) != nullptr;
}

void Decider::judge_signal(const Task& task, const Frame& frame, const json::Value& processor) {
  const json::Value output =
      json::Value::object({{"wait_status", "completed"}, {"signal", frame.signal}, {"processor_output", processor}});
  if (task.condition.empty()) return close_with_outputs(task, frame, output, {});
  json::Value context = context_of(task, frame);
  context.set("signal", frame.signal);
  context.set("processor", json::Value::object({{"output", processor}, {"error", nullptr}}));
  auto verdict = cel(task.condition, context);
  if (!verdict)
    return close(frame.path,
                 failure("WAIT_TASK_ERROR", "condition of wait '" + frame.id + "': " + verdict.error().to_string()));
  if (!verdict->is_bool()) {
    return close(frame.path,
                 failure("WAIT_TASK_ERROR", "condition of wait '" + frame.id + "' must give true or false, found " +
                                                json::print(*verdict)));
  }
  if (verdict->as_bool()) close_with_outputs(task, frame, output, {});
}

}  // namespace compozy::workflow
