// SPDX-License-Identifier: Apache-2.0
#include "workflow/journal/journal.hpp"

#include <algorithm>
#include <ranges>
#include <unordered_set>

#include "base/ids.hpp"
#include "expression/secret.hpp"
#include "json/parse.hpp"
#include "json/print.hpp"
#include "observe/log.hpp"
#include "observe/metrics.hpp"

namespace compozy::workflow {

namespace {

constexpr int64_t kRetryCommitMs = 1'000;
// A checkpoint is due after so many steps, once what they wrote outweighs it: so its cost stays a fraction of theirs.
constexpr int64_t kCheckpointSteps = 256;
constexpr size_t kCheckpointBytes = 262'144;
// What one transaction of a run takes at most, so that none holds up the commit that it shares with others.
constexpr size_t kBatchEvents = 64;
constexpr size_t kBatchBytes = 1'048'576;

metrics::Counter& steps_total() {
  static metrics::Counter& counter = metrics::counter("compozy_journal_steps_total", "Steps committed by the journal.");
  return counter;
}

std::vector<store::Attribute> rows_of(const json::Value& attributes) {
  std::vector<store::Attribute> rows;
  for (const auto& [name, value] : attributes.as_object()) {
    rows.push_back({.name = name,
                    .text = value.is_string() ? value.as_string() : json::print(value),
                    .number = value.is_number() ? std::optional(value.as_double()) : std::nullopt});
  }
  return rows;
}

// What one step of a batch opened and a later one closed is never begun.
void drop_closed_again(std::vector<Decision>& batch) {
  std::unordered_set<int64_t> closed;
  for (Decision& decision : std::views::reverse(batch)) {
    std::erase_if(decision.step.opened, [&](const store::PendingOp& pending) {
      return pending.kind != store::PendingKind::cancel_child && closed.contains(pending.op);
    });
    closed.insert(decision.step.closed.begin(), decision.step.closed.end());
  }
}

}  // namespace

Journal::Journal(JournalOptions options)
    : options_(std::move(options)),
      scope_(options_.loop),
      attempts_(options_.database, scope_, options_.clock, options_.random, options_.activities, *this,
                options_.concurrent_activities_max),
      timers_(options_.database, scope_, options_.clock,
              [this](int64_t run_no, int64_t op) { deliver(run_by_number(run_no), {.event = TimerFired{.op = op}}); }) {
}

Journal::~Journal() = default;

// --- starting and steering
// --------------------------------------------------------------------------------------------

io::Task<Result<StartedRun>> Journal::start(StartRequest request) {
  co_return co_await start_run(std::move(request), {});
}

io::Task<Result<StartedRun>> Journal::start_run(StartRequest request, Parent parent) {
  using Found = Result<std::shared_ptr<const Program>>;
  CO_TRY(const auto program, request.program ? Found(request.program) : options_.programs.latest(request.workflow));
  CO_TRY(json::Value input, program->check_input(expression::without_secret_marks(request.input)));
  if (!request.first_task.empty() && program->workflow().find_task(request.first_task) == nullptr) {
    std::vector<std::string> ids;
    for (const project::Task& task : program->workflow().tasks) ids.push_back(task.id);
    co_return fail(Errc::not_found, "workflow '" + request.workflow + "' has no task '" + request.first_task + "'" +
                                        did_you_mean(request.first_task, ids));
  }
  const auto same_key = [&]() -> io::Task<Result<StartedRun>> {
    CO_TRY(const auto found, co_await options_.database.read(
                                 [workflow = request.workflow, key = request.idempotency_key](sql::Reader& reader) {
                                   return store::find_run_by_key(reader, workflow, key);
                                 }));
    if (!found) co_return StartedRun{};
    if (found->idem_hash != request.idempotency_hash) {
      co_return fail(Errc::validation_failed,
                     "the idempotency key '" + request.idempotency_key + "' was used for another request");
    }
    co_return StartedRun{.run_id = found->run_id, .existed = true};
  };
  if (!request.idempotency_key.empty()) {
    CO_TRY(StartedRun earlier, co_await same_key());
    if (earlier.existed) co_return earlier;
  }
  const std::string run_id = make_ulid(options_.clock.wall_ms(), options_.random);
  CO_TRY(
      const json::Value attributes,
      attributes_of(*program, run_id, input, {.at_ms = options_.clock.wall_ms(), .entropy = options_.random.next()}));
  auto run = std::make_shared<ActiveRun>();
  run->run_no = ++last_run_no_;
  run->run_id = run_id;
  run->program = program;
  runs_[run->run_no] = run;
  numbers_[run->run_id] = run->run_no;
  programs_[program->hash()] = program;
  if (parent.run) {
    run->parent_run = parent.run->run_no;
    run->parent_op = parent.op;
  }
  std::vector<store::LargeValue> large;
  std::string stored_input = store::print_lifting(input, large);
  io::Completion<Result<void>> durable;
  deliver(run, {.event = Started{.run_id = run->run_id,
                                 .input = input,
                                 .first_task = request.first_task,
                                 .first_with = expression::without_secret_marks(request.first_with),
                                 .parent = parent.run ? parent.run->run_id : std::string(),
                                 .depth = parent.depth},
                .start = store::NewRun{.run_id = run->run_id,
                                       .workflow = request.workflow,
                                       .idem_key = request.idempotency_key,
                                       .idem_hash = request.idempotency_hash,
                                       .definition = program->hash(),
                                       .definition_json = program->text(),
                                       .input = std::move(stored_input),
                                       .parent_run = run->parent_run,
                                       .parent_op = run->parent_op,
                                       .actor = request.actor,
                                       .attributes = rows_of(attributes),
                                       .large = std::move(large)},
                .done = [durable](Result<void> result) { durable.set(std::move(result)); }});
  const Result<void> result = co_await durable.wait();
  if (!result && result.error().code == Errc::conflict && !request.idempotency_key.empty())
    co_return co_await same_key();
  if (!result) co_return fail(result.error());
  co_return StartedRun{.run_id = run->run_id};
}

io::Task<Result<void>> Journal::signal(std::string run_id, std::string name, json::Value payload, std::string dedupe) {
  Signal signal{.inbox = 0, .name = std::move(name), .payload = expression::without_secret_marks(payload)};
  co_return co_await ask(std::move(run_id), std::move(signal), std::move(dedupe));
}

io::Task<Result<void>> Journal::vote(std::string run_id, Vote vote) {
  vote.values = expression::without_secret_marks(vote.values);
  co_return co_await ask(std::move(run_id), std::move(vote), {});
}

io::Task<Result<void>> Journal::control(std::string run_id, Control control, std::string reason) {
  co_return co_await ask(std::move(run_id), Controlled{.control = control, .reason = std::move(reason)}, {});
}

io::Task<Result<void>> Journal::ask(std::string run_id, Event event, std::string dedupe) {
  CO_TRY(const RunPtr run, co_await run_by_id(std::move(run_id)));
  io::Completion<Result<void>> durable;
  deliver(run, {.event = std::move(event), .dedupe = std::move(dedupe), .done = [durable](Result<void> result) {
                  durable.set(std::move(result));
                }});
  co_return co_await durable.wait();
}

io::Task<Result<std::vector<std::string>>> Journal::trigger(std::string name, json::Value payload, std::string key,
                                                            std::string actor) {
  const auto programs = options_.programs.triggered_by(name);
  if (programs.empty()) co_return fail(Errc::not_found, "no workflow has a trigger for the signal '" + name + "'");
  std::vector<std::string> started;
  for (const auto& program : programs) {
    for (const project::Trigger& trigger : program->workflow().triggers) {
      if (trigger.name != name || trigger.schema.is_null()) continue;
      CO_TRY(const json::Schema schema, json::Schema::compile(trigger.schema));
      CO_TRY(schema.check(payload));
    }
    CO_TRY(StartedRun run, co_await start({.workflow = program->workflow().id,
                                           .input = payload,
                                           .first_task = {},
                                           .idempotency_key = key,
                                           .idempotency_hash = name,
                                           .actor = actor}));
    started.push_back(std::move(run.run_id));
  }
  co_return started;
}

// --- one step after the other
// -----------------------------------------------------------------------------------------

void Journal::deliver(const RunPtr& run, QueuedEvent event) {
  if (stopping_) {
    if (event.done) event.done(fail(Errc::closed, "the server is stopping"));
    return;
  }
  run->queue.push_back(std::move(event));
  pump(run);
}

void Journal::pump(const RunPtr& run) {
  while (!stopping_ && !run->busy && !run->queue.empty()) {
    Batch batch = decide_queued(run);
    if (std::ranges::any_of(batch, &Decision::writes)) return commit(run, std::move(batch));
    for (const Decision& decision : batch) {
      if (decision.event.done) decision.event.done(decision.answer);
    }
  }
  if (!run->busy) rest(run);
}

Journal::Batch Journal::decide_queued(const RunPtr& run) {
  if (run->idle) {
    idle_.erase(*run->idle);
    run->idle.reset();
  }
  Batch batch;
  size_t bytes = 0;
  bool alone = run->singly > 0;
  do {
    QueuedEvent event = std::move(run->queue.front());
    run->queue.pop_front();
    if (run->singly > 0) --run->singly;
    alone |= event.start.has_value();
    batch.push_back(decide_one(run, std::move(event)));
    bytes += batch.back().step.body.size();
  } while (!alone && !run->queue.empty() && batch.size() < kBatchEvents && bytes < kBatchBytes);
  return batch;
}

Decision Journal::decide_one(const RunPtr& run, QueuedEvent event) {
  if (auto* signal = std::get_if<Signal>(&event.event)) signal->inbox = run->last_inbox + 1;
  auto records = decide(*run->program, run->state, event.event,
                        {.at_ms = options_.clock.wall_ms(), .entropy = options_.random.next()});
  Decision decision{.event = std::move(event), .records = {}, .step = {}, .answer = {}};
  if (!records) {
    if (!decision.event.done)
      log::error("an event of a run was refused", {{"run", run->run_id}, {"error", records.error().to_string()}});
    decision.answer = fail(records.error());
  } else if (!records->empty()) {
    add_checkpoint_when_due(*run, *records);
    decision.step = make_step(*run, decision.event, *records);
    decision.records = std::move(*records);
  }
  return decision;
}

void Journal::commit(const RunPtr& run, Batch batch) {
  run->busy = true;
  auto shared = std::make_shared<Batch>(std::move(batch));
  options_.database.write(
      [shared](sql::Transaction& transaction) -> Result<void> {
        for (Decision& decision : *shared) {
          if (decision.writes()) TRY(store::write_step(transaction, decision.step));
        }
        return {};
      },
      [this, run, shared](Result<void> result) {
        options_.loop.post(
            [this, run, shared, result = std::move(result)]() mutable { committed(run, *shared, std::move(result)); });
      });
}

void Journal::committed(const RunPtr& run, Batch& batch, Result<void> result) {
  if (!result) return commit_failed(run, batch, result.error());
  for (const Decision& decision : batch) {
    if (decision.writes()) {
      steps_total().add();
      run->head = decision.step.seq;
      for (const store::EventRow& row : decision.step.events) publish(run->run_id, row);
    }
    if (decision.event.done) decision.event.done(decision.answer);
  }
  if (stopping_) return;  // what the steps opened is found again as pending
  drop_closed_again(batch);
  for (const Decision& decision : batch) perform(run, decision);
  run->busy = false;
  pump(run);
}

void Journal::commit_failed(const RunPtr& run, Batch& batch, const Error& error) {
  const auto refuse = [](const QueuedEvent& event, const Error& why) {
    if (event.done) event.done(fail(why));
  };
  if (stopping_) {
    for (const Decision& decision : batch) refuse(decision.event, error);
    return;
  }
  QueuedEvent& first = batch.front().event;
  if (first.start) {  // nothing of this run exists
    run->busy = false;
    for (const QueuedEvent& event : run->queue) refuse(event, error);
    run->queue.clear();
    refuse(first, error);
    return forget(run);
  }
  const bool repeated_signal = error.code == Errc::conflict && !first.dedupe.empty();
  bool wait = false;
  if (batch.size() > 1) {  // which of them it was is not known
    run->singly = batch.size();
    for (Decision& decision : std::views::reverse(batch)) run->queue.push_front(std::move(decision.event));
  } else if (first.done) {
    first.done(repeated_signal ? Result<void>() : Result<void>(fail(error)));
    wait = !repeated_signal;
  } else {
    log::error("a step could not be stored; trying again", {{"run", run->run_id}, {"error", error.to_string()}});
    run->singly = 1;
    run->queue.push_front(std::move(first));
    wait = true;
  }
  // The state holds what was not stored: fold what was.
  scope_.spawn([](Journal& self, RunPtr again, bool later) -> io::Task<void> {
    if (later) (void)co_await io::sleep(self.options_.loop, kRetryCommitMs, self.scope_.token());
    co_await self.load(std::move(again));
  }(*this, run, wait));
}

void Journal::perform(const RunPtr& run, const Decision& decision) {
  for (const store::PendingOp& pending : decision.step.opened) {
    if (pending.kind == store::PendingKind::activity) {
      attempts_.open(run, pending);
    } else {
      restore_pending(run, pending);
    }
  }
  for (const Command& command : commands_of(decision.records)) {
    if (const auto* timer = std::get_if<StartTimer>(&command)) {
      timers_.add(timer->due_ms, run->run_no, timer->op);
    } else if (const auto* cancelled = std::get_if<CancelOp>(&command)) {
      attempts_.cancel(run->run_no, cancelled->op);
      feeds_.text_ended(run->run_id, cancelled->op);
    } else if (std::holds_alternative<CloseRun>(command)) {
      feeds_.close(run->run_id);
      tell_parent(run);
    }
  }
  for (const Record& record : decision.records.items) {
    const auto* closed = std::get_if<OpClosed>(&record);
    if (closed != nullptr) options_.activities.effects_closed(run->run_id, closed->op);
  }
}

void Journal::add_checkpoint_when_due(ActiveRun& run, Records& records) {
  if (run.steps_since_checkpoint < kCheckpointSteps || is_terminal(run.state.status)) return;
  if (run.bytes_since_checkpoint < std::max(kCheckpointBytes, 2 * run.checkpoint_bytes)) return;
  Checkpoint checkpoint = checkpoint_of(run.state);
  run.checkpoint_bytes = json::print(checkpoint.state).size();
  run.steps_since_checkpoint = 0;
  run.bytes_since_checkpoint = 0;
  records.items.emplace_back(std::move(checkpoint));
}

void Journal::note_opened(ActiveRun& run, store::Step& step, const OpOpened& opened) {
  if (opened.kind == OpKind::timer) return step.timers_set.push_back({.due_ms = opened.due_ms, .op = opened.op});
  const bool is_child = opened.kind == OpKind::child;
  if (is_child) run.children[opened.op] = opened.spec["detached"].bool_or(false);
  const json::Value body = json::Value::object({{"path", opened.path}, {"at", step.at_ms}, {"spec", opened.spec}});
  step.opened.push_back({.op = opened.op,
                         .kind = is_child ? store::PendingKind::child : store::PendingKind::activity,
                         .attempt = !is_child && attempts_.has_room(opened.spec) ? 1 : 0,
                         .head = step.seq,
                         .body = json::print(body)});
  step.opened.back().stored = store::lift_printed(step.opened.back().body, body, step.large);
}

void Journal::note_closed(ActiveRun& run, store::Step& step, const OpClosed& closed) {
  if (const auto timer = run.timers.find(closed.op); timer != run.timers.end())
    return step.timers_cleared.push_back({.due_ms = timer->second, .op = closed.op});
  const auto opened_here = [&](const store::PendingOp& op) { return op.op == closed.op; };
  const bool is_new = std::erase_if(step.opened, opened_here) > 0;
  if (!is_new) step.closed.push_back(closed.op);
  const auto child = run.children.find(closed.op);
  if (child == run.children.end()) return;
  const bool must_end = !is_new && !child->second && closed.outcome.status == Status::canceled;
  run.children.erase(child);
  if (must_end)
    step.opened.push_back({.op = closed.op, .kind = store::PendingKind::cancel_child, .head = step.seq, .body = "{}"});
}

store::Step Journal::make_step(ActiveRun& run, const QueuedEvent& event, const Records& records) {
  store::Step step{.run_no = run.run_no,
                   .seq = ++run.decided,
                   .kind = record_kind(records.items.front()),
                   .at_ms = records.at_ms,
                   .body = {},
                   .checkpoint = std::holds_alternative<Checkpoint>(records.items.back()),
                   .start = event.start,
                   .status = {},
                   .output = {},
                   .error = {},
                   .usage = {}};
  const auto text = [&](const json::Value& value) {
    return value.is_null() ? std::string() : store::print_lifting(value, step.large);
  };
  step.body = text(to_json(records));
  if (const auto* signal = std::get_if<Signal>(&event.event)) {
    run.last_inbox = signal->inbox;
    step.signal = {.inbox = signal->inbox, .dedupe = event.dedupe};
  }
  for (const Record& record : records.items) {
    if (const auto* opened = std::get_if<OpOpened>(&record)) {
      note_opened(run, step, *opened);
    } else if (const auto* closed = std::get_if<OpClosed>(&record)) {
      note_closed(run, step, *closed);
    } else if (std::holds_alternative<Paused>(record)) {
      step.status = status_name(Status::paused);
    } else if (std::holds_alternative<Resumed>(record)) {
      step.status = status_name(Status::running);
    } else if (const auto* ended = std::get_if<RunClosed>(&record)) {
      step.status = status_name(ended->outcome.status);
      step.output = text(ended->outcome.output);
      step.error = text(ended->outcome.error);
      step.usage = run.state.usage.is_null() ? "" : json::print(run.state.usage);
      step.ended_ms = records.at_ms;
    }
  }
  ++run.steps_since_checkpoint;
  run.bytes_since_checkpoint += step.body.size();
  for (const store::TimerRow& timer : step.timers_set) run.timers[timer.op] = timer.due_ms;
  for (const store::TimerRow& timer : step.timers_cleared) run.timers.erase(timer.op);
  const History history = run.historian.write(records);
  for (const TaskRow& task : history.tasks) {
    step.tasks.push_back({.n = task.n,
                          .path = task.path,
                          .task_id = task.id,
                          .type = std::string(project::task_type_name(task.type)),
                          .status = std::string(status_name(task.status)),
                          .input = text(task.input),
                          .output = text(task.output),
                          .error = text(task.error),
                          .started_ms = task.started_ms,
                          .ended_ms = task.ended_ms});
  }
  for (const RunEvent& shown : history.events) {
    store::EventRow& row = step.events.emplace_back();
    row = {.n = 0, .at_ms = records.at_ms, .kind = shown.kind, .body = json::print(shown.body)};
    row.stored = store::lift_printed(row.body, shown.body, step.large);
  }
  return step;
}

// --- attempts
// ---------------------------------------------------------------------------------------------------------

void Journal::attempt_ended(const RunPtr& run, int64_t op, ActivityResult result) {
  feeds_.text_ended(run->run_id, op);
  deliver(run, {.event = OpFinished{.op = op, .outcome = std::move(result.outcome), .usage = std::move(result.usage)}});
}

void Journal::publish(const std::string& run_id, const store::EventRow& event) {
  const FeedEvent shown{.n = event.n, .at_ms = event.at_ms, .kind = event.kind, .body = event.body};
  feeds_.publish(run_id, shown);
  if (options_.publish) options_.publish(run_id, shown);
}

void Journal::publish_delta(const std::string& run_id, const TextSource& source, std::string_view text) {
  feeds_.delta(run_id, source, text, options_.clock.wall_ms());
}

}  // namespace compozy::workflow
