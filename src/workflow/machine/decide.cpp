// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "base/assert.hpp"
#include "base/duration.hpp"
#include "json/extent.hpp"
#include "workflow/machine/decider.hpp"

namespace compozy::workflow {

Result<Records> decide(const Program& program, State& state, const Event& event, Stamp stamp) {
  const int64_t clock_ms = stamp.at_ms;
  stamp.at_ms = std::max(stamp.at_ms, state.at_ms);
  state.at_ms = stamp.at_ms;
  Decider decider(program, state, stamp, clock_ms);
  TRY(decider.handle(event));
  return std::move(decider).take();
}

Result<json::Value> attributes_of(const Program& program, const std::string& run_id, const json::Value& input,
                                  Stamp stamp) {
  State state;
  state.run_id = run_id;
  state.workflow = program.workflow().id;
  state.input = input;
  state.tasks = json::Value::object();
  return Decider(program, state, stamp, stamp.at_ms).attributes();
}

Outcome failure(std::string_view code, std::string_view message, json::Value details) {
  return {.status = Status::failed, .output = {}, .error = make_error(code, message, std::move(details))};
}

Outcome failure(const Error& error) { return failure(errc_row(error.code).name, error.to_string()); }

json::Value merge(json::Value below, const json::Value& over) {
  if (!over.is_object()) return over.is_null() ? below : over;
  if (!below.is_object()) return over;
  for (const auto& [name, value] : over.as_object()) below.set(name, value);
  return below;
}

Decider::Decider(const Program& program, State& state, Stamp stamp, int64_t clock_ms)
    : program_(program), state_(state), stamp_(stamp), clock_ms_(clock_ms) {
  records_.at_ms = stamp.at_ms;
}

Result<void> Decider::handle(const Event& event) {
  TRY(std::visit([&](const auto& alternative) { return on(alternative); }, event));
  settle();
  return {};
}

Result<void> Decider::on(const Started& event) {
  ASSERT(state_.status == Status::pending);
  const std::string first = event.first_task.empty() ? program_.workflow().tasks.front().id : event.first_task;
  emit(RunStarted{.run_id = event.run_id,
                  .workflow = program_.workflow().id,
                  .definition = program_.hash(),
                  .input = event.input,
                  .first_task = first,
                  .first_with = event.first_with,
                  .parent = event.parent,
                  .depth = event.depth});
  return {};
}

Result<void> Decider::on(const OpFinished& event) {
  const auto found = state_.ops.find(event.op);
  if (found == state_.ops.end()) return {};  // closed meanwhile: its answer comes too late
  const std::string path = found->second.path;
  emit(OpClosed{.op = event.op, .outcome = event.outcome, .usage = event.usage});
  ready_.push_back(path);
  return {};
}

Result<void> Decider::on(const TimerFired& event) { return on(OpFinished{.op = event.op, .outcome = {}, .usage = {}}); }

Result<void> Decider::on(const Signal& event) {
  if (is_terminal(state_.status)) {
    return fail(Errc::conflict, "run '" + state_.run_id + "' has ended: " + std::string(status_name(state_.status)));
  }
  if (static_cast<int64_t>(state_.signals.size()) >= kSignalsMax) {
    return fail(Errc::limit_exceeded,
                "run '" + state_.run_id + "' holds " + std::to_string(kSignalsMax) + " signals that no task has taken");
  }
  emit(SignalBuffered{.inbox = event.inbox, .name = event.name, .payload = event.payload, .received_ms = stamp_.at_ms});
  for (const auto& [path, frame] : state_.frames) {
    if (frame.type == project::TaskType::wait) ready_.push_back(path);
  }
  std::ranges::sort(ready_);
  return {};
}

Result<void> Decider::on(const Controlled& event) {
  if (is_terminal(state_.status)) {
    return fail(Errc::conflict, "run '" + state_.run_id + "' has ended: " + std::string(status_name(state_.status)));
  }
  switch (event.control) {
    case Control::pause:
      if (!state_.paused) emit(Paused{});
      break;
    case Control::resume: {
      if (!state_.paused) break;
      emit(Resumed{});
      std::vector<std::string> open = state_.open_paths_below("");
      ready_.assign(open.rbegin(), open.rend());
      break;
    }
    case Control::cancel: return cancel_run(event.reason.empty() ? "canceled on request" : event.reason);
  }
  return {};
}

// What is open is canceled at once. With an on_cancel task the run then does that, shielded: no further cancel reaches
// it, and the run ends CANCELED after it.
Result<void> Decider::cancel_run(const std::string& reason) {
  if (state_.canceling) {
    return fail(Errc::conflict,
                "run '" + state_.run_id + "' is being canceled already: its on_cancel task is under way");
  }
  const std::string& shield = program_.workflow().on_cancel;
  emit(CancelRequested{.reason = reason, .shield = shield});
  cancel_below("", shield);
  if (shield.empty()) {
    close_run({.status = Status::canceled, .output = {}, .error = make_error("canceled", reason)});
  } else if (state_.paused) {
    emit(Resumed{});
  }
  return {};
}

Result<void> Decider::on(const Drain&) {
  if (!is_terminal(state_.status) && !state_.draining) emit(Draining{});
  return {};
}

Result<void> Decider::on(const Continued&) {
  std::vector<std::string> open = state_.open_paths_below("");
  ready_.assign(open.rbegin(), open.rend());
  return {};
}

void Decider::emit(Record record) {
  evolve_one(state_, record, stamp_.at_ms);
  records_.items.push_back(std::move(record));
}

// Does what can be done now: open tasks first, then the transition to the next one, then the end of the run.
void Decider::settle() {
  while (!is_terminal(state_.status) && !state_.paused && !state_.draining) {
    if (!ready_.empty()) {
      const std::string path = std::move(ready_.front());
      ready_.pop_front();
      advance(path);
    } else if (!state_.frames.empty()) {
      return;
    } else if (state_.unhandled) {
      if (!state_.canceling) {
        close_run(*state_.unhandled);
      } else {
        Outcome outcome = *state_.canceling;
        outcome.error.set("details", json::Value::object({{"on_cancel", state_.unhandled->error}}));
        close_run(std::move(outcome));
      }
    } else if (!state_.next_task.empty()) {
      enter_next();
    } else if (state_.canceling) {
      close_run(*state_.canceling);
    } else {
      finish_run();
    }
  }
  if (!state_.draining || is_terminal(state_.status)) return;
  const bool under_way =
      std::ranges::any_of(state_.ops, [](const auto& op) { return op.second.kind != OpKind::timer; });
  if (!under_way) emit(checkpoint_of(state_));
}

Checkpoint checkpoint_of(const State& state) { return {.state = to_json(state)}; }

void Decider::advance(const std::string& path) {
  Frame* frame = state_.find_frame(path);
  if (frame == nullptr) return;
  const Task* task = program_.find_task(path);
  ASSERT(task != nullptr);
  if (!await_sleep_and_timeout(*task, *frame)) return;
  switch (task->type) {
    case project::TaskType::basic: return advance_basic(*task, *frame);
    case project::TaskType::memory: return advance_memory(*task, *frame);
    case project::TaskType::signal: return advance_signal(*task, *frame);
    case project::TaskType::router: return advance_router(*task, *frame);
    case project::TaskType::aggregate: return advance_aggregate(*task, *frame);
    case project::TaskType::parallel:
    case project::TaskType::collection:
    case project::TaskType::composite: return advance_container(*task, *frame);
    case project::TaskType::wait: return advance_wait(*task, *frame);
    case project::TaskType::workflow: return advance_child_run(*task, *frame);
    case project::TaskType::loop: return advance_loop(*task, *frame);
    case project::TaskType::approval: return advance_approval(*task, *frame);
  }
}

namespace {

Outcome timed_out(const project::Task& task) {
  json::Value details = json::Value::object({{"timeout_ms", task.timeout_ms}});
  std::string code = "TIMEOUT";
  std::string message = "the task did not end in time";
  if (task.type == project::TaskType::wait) {
    details.set("signal_name", task.wait_for).set("timeout", format_duration_ms(task.timeout_ms));
    code = "WAIT_TIMEOUT";
    message = "no signal '" + task.wait_for + "' came in time";
  } else if (task.type == project::TaskType::approval) {
    code = "APPROVAL_TIMEOUT";
    message = "not approved in time";
  }
  Outcome outcome = failure(code, message, std::move(details));
  // A wait without its signal has failed; others had their time.
  if (task.type != project::TaskType::wait) outcome.status = Status::timed_out;
  return outcome;
}

}  // namespace

bool Decider::await_sleep_and_timeout(const Task& task, Frame& frame) {
  if (frame.timed_out) {
    close(frame.path, timed_out(task));
    return false;
  }
  if (task.sleep_ms > 0 && !frame.slept) {
    if (frame.sleep_op == 0) open_op(frame, OpKind::timer, "sleep", {}, clock_ms_ + task.sleep_ms);
    return false;
  }
  const bool has_timer = task.type == project::TaskType::wait || task.type == project::TaskType::workflow ||
                         task.type == project::TaskType::approval || !task.tasks.empty();
  if (has_timer && task.timeout_ms > 0 && frame.timeout_op == 0) {
    open_op(frame, OpKind::timer, "timeout", {}, clock_ms_ + task.timeout_ms);
  }
  return true;
}

int64_t Decider::open_op(Frame& frame, OpKind kind, std::string role, json::Value spec, int64_t due_ms) {
  const int64_t op = state_.last_op + 1;
  emit(OpOpened{
      .op = op, .kind = kind, .path = frame.path, .role = std::move(role), .spec = std::move(spec), .due_ms = due_ms});
  return op;
}

void Decider::enter_next() {
  const std::string id = state_.next_task;
  const Task* task = program_.workflow().find_task(id);
  if (task == nullptr) return close_run(failure("unknown_task", "the workflow has no task '" + id + "'"));
  const int64_t visit = state_.visits[id] + 1;
  if (visit > kVisitsMax) {
    return close_run(failure("limit_exceeded", "task '" + id + "' was visited " + std::to_string(kVisitsMax) +
                                                   " times: the flow loops without end"));
  }
  const json::Value with = state_.next_with;
  json::Value vars;
  if (!state_.last_error.is_null()) vars = json::Value::object({{"error", state_.last_error}});
  enter(*task, child_path("", id, visit, std::nullopt), id, 0, std::move(vars), with);
}

void Decider::enter(const Task& task, const std::string& path, const std::string& id, int64_t index, json::Value vars,
                    const json::Value& over_with) {
  auto input = input_of(task, path, vars, over_with);
  emit(TaskEntered{.n = state_.last_n + 1,
                   .path = path,
                   .id = id,
                   .type = task.type,
                   .index = index,
                   .input = input ? std::move(*input) : json::Value(),
                   .vars = std::move(vars)});
  if (!input) return close(path, failure(std::move(input).error().with_context("input of task '" + id + "'")));
  if (const json::Schema* schema = program_.schema(task.input_schema)) {
    const json::Value& given = state_.find_frame(path)->input;
    if (auto fits = schema->check(given.is_null() ? json::Value::object() : given); !fits) {
      return close(path, failure(std::move(fits).error().with_context("input of task '" + id + "'")));
    }
  }
  if (!task.condition.empty() && !project::works_with_condition(task.type)) {
    auto wanted = says_yes(task.condition, context_of(task, *state_.find_frame(path)));
    if (!wanted) return close(path, failure(std::move(wanted).error().with_context("condition of task '" + id + "'")));
    if (!*wanted) return close(path, {.output = json::Value::object({{"skipped", true}})});
  }
  ready_.push_back(path);
}

// The context is gone before the records: `.tasks` is then changed in place.
Result<json::Value> Decider::input_of(const Task& task, const std::string& path, const json::Value& vars,
                                      const json::Value& over_with) {
  const std::string parent = parent_path(path);
  TRY(json::Value with, rendered_with(task, parent, task_context(task, parent, {}, vars)));
  json::Value input = merge(std::move(with), over_with);
  TRY(json::check_extent(input));
  return input;
}

// What `with` gives here. A child of a collection has its collection's `with` below its own, rendered with its item;
// for the collection itself, what only makes sense with an item is left out.
Result<json::Value> Decider::rendered_with(const Task& task, const std::string& parent, const json::Value& context) {
  if (task.type == project::TaskType::collection && task.with.is_object()) {
    json::Value input = json::Value::object();
    for (const auto& [name, value] : task.with.as_object()) {
      if (auto rendered = render(value, context)) input.set(name, std::move(*rendered));
    }
    return input;
  }
  const Frame* around = state_.find_frame(parent);
  if (around == nullptr || around->type != project::TaskType::collection) return render(task.with, context);
  const Task* collection = program_.find_task(parent);
  TRY(json::Value shared, render(collection->with, context));
  TRY(const json::Value own, render(task.with, context));
  return merge(std::move(shared), own);
}

void Decider::close(const std::string& path, Outcome outcome, std::string route) {
  cancel_below(path);
  const Frame frame = *state_.find_frame(path);
  close_ops(frame);
  if (auto fits = json::check_extent(outcome.output); !fits)
    outcome = failure(std::move(fits).error().with_context("output of task '" + frame.id + "'"));
  TaskClosed closed{.path = path, .outcome = std::move(outcome), .next = {}, .next_with = {}};
  if (closed.outcome.status == Status::success) closed.next = std::move(route);
  if (leads_on(frame)) choose_next(*program_.find_task(path), frame, closed);
  if (!frame.parent.empty()) ready_.push_back(frame.parent);
  emit(std::move(closed));
}

// At top level and in a composite tasks lead on; elsewhere the task around decides.
bool Decider::leads_on(const Frame& frame) {
  if (frame.parent.empty()) return true;
  const Frame* around = state_.find_frame(frame.parent);
  return around != nullptr && around->type == project::TaskType::composite;
}

void Decider::choose_next(const Task& task, const Frame& frame, TaskClosed& closed) {
  const bool ok = closed.outcome.status == Status::success;
  if (!ok && frame.timed_out && !task.on_timeout.empty()) {
    closed.handled = true;
    closed.next = task.on_timeout;
    return;
  }
  closed.ends = ok && task.is_final && !frame.parent.empty();
  const bool is_routed = !closed.next.empty();  // what `on_success` of a router hands on goes where its route leads
  const std::optional<project::Transition>& transition = ok ? task.on_success : task.on_error;
  if (!transition || (!is_routed && (transition->next.empty() || (ok && task.is_final)))) return;
  auto with = transition_with(task, frame, *transition, closed.outcome);
  if (!with) {
    closed.outcome = failure("bad_transition", "task '" + task.id + "': " + with.error().to_string());
    closed.next.clear();
    return;
  }
  closed.handled = !ok;
  if (!is_routed) closed.next = transition->next;
  closed.next_with = std::move(*with);
}

// What a transition hands on sees the task that has just ended, as what comes after it will.
Result<json::Value> Decider::transition_with(const Task& task, const Frame& frame,
                                             const project::Transition& transition, const Outcome& outcome) {
  if (transition.with.is_null()) return json::Value();
  json::Value context = context_of(task, frame);
  const json::Value children = frame.expanded ? children_view(frame) : json::Value();
  json::Value tasks = state_.tasks;
  tasks.set(frame.id, task_view(frame, outcome, children));
  context.set("tasks", std::move(tasks)).set("output", outcome.output).set("error", outcome.error);
  if (!children.is_null()) context.set("children", children);
  TRY(json::Value with, render(transition.with, context));
  TRY(json::check_extent(with));
  return with;
}

void Decider::cancel_below(const std::string& path, const std::string& shield) {
  for (const std::string& open : state_.open_paths_below(path)) {
    close_ops(*state_.find_frame(open));
    emit(TaskClosed{.path = open,
                    .outcome = {.status = Status::canceled,
                                .output = {},
                                .error = make_error("canceled", "canceled with its run or its siblings")},
                    .handled = !shield.empty(),
                    .next = parent_path(open).empty() ? shield : std::string(),
                    .next_with = {}});
  }
}

void Decider::close_ops(const Frame& frame) {
  for (const int64_t op : {frame.main_op, frame.sleep_op, frame.timeout_op}) {
    if (op != 0) emit(OpClosed{.op = op, .outcome = {.status = Status::canceled}, .usage = {}});
  }
}

void Decider::finish_run() {
  const project::Workflow& workflow = program_.workflow();
  if (workflow.outputs.is_null()) {
    json::Value all = json::Value::object();
    for (const std::string_view id : state_.tasks.as_object().sorted_names()) {
      all.set(id, json::Value::object({{"output", state_.tasks[id]["output"]}}));
    }
    return close_run({.status = Status::success, .output = std::move(all), .error = {}});
  }
  json::Value context = base_context(nullptr, {}, {});
  context.set("status", status_name(Status::success));
  context.set("workflow_id", state_.workflow);
  context.set("workflow_exec_id", state_.run_id);
  auto output = render(workflow.outputs, context);
  if (!output)
    return close_run(failure(std::move(output).error().with_context("outputs of workflow '" + workflow.id + "'")));
  close_run({.status = Status::success, .output = std::move(*output), .error = {}});
}

void Decider::close_run(Outcome outcome) {
  ready_.clear();
  if (auto fits = json::check_extent(outcome.output); !fits)
    outcome = failure(std::move(fits).error().with_context("outputs of workflow '" + state_.workflow + "'"));
  emit(RunClosed{.outcome = std::move(outcome)});
}

std::vector<Command> commands_of(const Records& records) {
  std::vector<Command> commands;
  for (const Record& record : records.items) {
    if (const auto* opened = std::get_if<OpOpened>(&record)) {
      if (opened->kind == OpKind::timer) {
        commands.emplace_back(StartTimer{.op = opened->op, .due_ms = opened->due_ms});
      } else if (opened->kind == OpKind::child) {
        commands.emplace_back(StartChild{.op = opened->op, .path = opened->path, .spec = opened->spec});
      } else {
        commands.emplace_back(StartActivity{.op = opened->op, .path = opened->path, .spec = opened->spec});
      }
    } else if (const auto* closed = std::get_if<OpClosed>(&record)) {
      if (closed->outcome.status == Status::canceled) commands.emplace_back(CancelOp{.op = closed->op});
    } else if (const auto* ended = std::get_if<RunClosed>(&record)) {
      commands.emplace_back(CloseRun{.outcome = ended->outcome});
    } else if (const auto* checkpoint = std::get_if<Checkpoint>(&record)) {
      commands.emplace_back(ContinueFrom{.checkpoint = checkpoint->state});
    }
  }
  return commands;
}

}  // namespace compozy::workflow
