// SPDX-License-Identifier: Apache-2.0
//
// workflow: a run of another workflow, with a history of its own.
//
//   entered ──> child opened ──its end──> outputs rendered ──> closed
//                    │ detached: closed once the child is durably started; it outlives its parent
//                    └ canceled with its parent, or when the task times out
#include "workflow/machine/decider.hpp"

namespace compozy::workflow {

void Decider::advance_child_run(const Task& task, Frame& frame) {
  if (frame.outcome) {
    if (frame.outcome->status != Status::success) return close(frame.path, *frame.outcome);
    const json::Value output = frame.outcome->output;
    return close_with_outputs(task, frame, output, {});
  }
  if (frame.main_op != 0) return;
  if (state_.depth >= kRunDepthMax) {
    return close(frame.path, failure("limit_exceeded", "runs are nested " + std::to_string(kRunDepthMax) +
                                                           " deep: the workflows call each other without end"));
  }
  json::Value spec = json::Value::object({{"workflow", task.child_workflow},
                                          {"input", frame.input.is_null() ? json::Value::object() : frame.input},
                                          {"depth", state_.depth + 1}});
  if (task.detached) spec.set("detached", true);
  open_op(frame, OpKind::child, "main", std::move(spec), 0);
}

}  // namespace compozy::workflow
