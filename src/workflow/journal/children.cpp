// SPDX-License-Identifier: Apache-2.0
//
// Runs that are tasks of other runs.
//
//   op opened ──> child started (its key is parent/op, so twice is once) ──child closed──> the parent's op finished
//       └ op canceled ──> the child is canceled; the row in `pending` stays until that is durable
//
// After a crash the row in `pending` tells what is left to do: start again, which finds the child, and take its outcome
// when it has ended meanwhile; or end it. A child tells its parent by the link in its own row, so neither need be in
// memory while the other works.
#include "io/timer.hpp"
#include "json/parse.hpp"
#include "observe/log.hpp"
#include "workflow/journal/journal.hpp"

namespace compozy::workflow {

namespace {

constexpr int64_t kRetryMs = 1'000;

std::string child_key(const ActiveRun& run, int64_t op) { return "child:" + run.run_id + "/" + std::to_string(op); }

bool can_pass(const Error& error) {
  return error.code != Errc::not_found && error.code != Errc::validation_failed && error.code != Errc::too_large;
}

// A canceled child is a failure of its parent's task: `canceled` there means that the parent itself gave it up.
Outcome as_outcome(Status status, json::Value output, json::Value error) {
  if (status != Status::canceled) return {.status = status, .output = std::move(output), .error = std::move(error)};
  return {.status = Status::failed,
          .output = std::move(output),
          .error = make_error("child_canceled", "the run of the other workflow was canceled", std::move(error))};
}

Result<json::Value> parse_or_null(const std::string& text) {
  return text.empty() ? Result<json::Value>(json::Value()) : json::parse(text, json::kStoredDepthMax);
}

}  // namespace

void Journal::restore_pending(const RunPtr& run, const store::PendingOp& pending) {
  if (pending.kind == store::PendingKind::cancel_child) {
    const auto starting = children_.find({run->run_no, pending.op});
    if (starting != children_.end()) {
      starting->second = true;  // whoever starts it ends it
    } else {
      scope_.spawn(end_child(run, pending.op));
    }
    return;
  }
  const auto body = json::parse(pending.body, json::kStoredDepthMax);
  json::Value spec = body ? (*body)["spec"] : json::Value();
  run->children[pending.op] = spec["detached"].bool_or(false);
  if (!children_.emplace(std::pair(run->run_no, pending.op), false).second) return;
  scope_.spawn(start_child(run, pending.op, std::move(spec)));
}

io::Task<void> Journal::start_child(RunPtr run, int64_t op, json::Value spec) {
  const StartRequest request{.workflow = spec["workflow"].string_or(""),
                             .input = spec["input"],
                             .first_task = {},
                             .idempotency_key = child_key(*run, op),
                             .idempotency_hash = "child"};
  const Parent parent{.run = run, .op = op, .depth = spec["depth"].integer_or(1)};
  Result<StartedRun> started;
  while (true) {
    started = co_await start_run(request, parent);
    if (started || !can_pass(started.error())) break;
    if (scope_.token().stop_requested()) co_return;
    log::warn("a child run cannot be started yet", {{"run", run->run_id}, {"error", started.error().to_string()}});
    if (!co_await io::sleep(options_.loop, kRetryMs, scope_.token())) co_return;
  }
  const bool must_end = children_[{run->run_no, op}];
  children_.erase({run->run_no, op});
  if (must_end) co_return co_await end_child(run, op);
  if (!started) {
    const std::string code(errc_row(started.error().code).name);
    co_return deliver(run_by_number(run->run_no),
                      {.event = OpFinished{.op = op,
                                           .outcome = {.status = Status::failed,
                                                       .output = {},
                                                       .error = make_error(code, started.error().to_string())},
                                           .usage = {}}});
  }
  if (spec["detached"].bool_or(false)) {
    json::Value output = json::Value::object({{"exec_id", started->run_id}, {"workflow_id", request.workflow}});
    co_return deliver(run_by_number(run->run_no),
                      {.event = OpFinished{.op = op, .outcome = {.output = std::move(output)}, .usage = {}}});
  }
  if (!started->existed) co_return;  // its end will tell
  const auto head = co_await options_.database.read(
      [id = started->run_id](sql::Reader& reader) { return store::find_run(reader, id); });
  if (!head || !*head) co_return;
  const auto status = parse_status((*head)->status);
  if (!status || !is_terminal(*status)) co_return;
  auto output = parse_or_null((*head)->output);
  auto error = parse_or_null((*head)->error);
  deliver(run_by_number(run->run_no),
          {.event =
               OpFinished{.op = op,
                          .outcome = as_outcome(*status, output.value_or(json::Value()), error.value_or(json::Value())),
                          .usage = {}}});
}

// Cancels the child of an op that the parent has given up, and forgets the op once that is durable.
io::Task<void> Journal::end_child(RunPtr run, int64_t op) {
  while (true) {
    const auto child = co_await options_.database.read(
        [parent = run->run_no, op](sql::Reader& reader) { return store::find_run_by_parent(reader, parent, op); });
    Result<void> ended = child ? Result<void>() : Result<void>(fail(child.error()));
    if (child && *child) {
      ended = co_await control((*child)->run_id, Control::cancel, "its parent run gave it up");
      if (!ended && ended.error().code == Errc::conflict) ended = {};  // it had ended by itself
    }
    if (ended) {
      ended = co_await options_.database.write([run_no = run->run_no, op](sql::Transaction& transaction) {
        return store::remove_pending(transaction, run_no, op);
      });
    }
    if (ended) co_return;
    log::warn("a child run cannot be canceled yet", {{"run", run->run_id}, {"error", ended.error().to_string()}});
    if (!co_await io::sleep(options_.loop, kRetryMs, scope_.token())) co_return;
  }
}

void Journal::tell_parent(const RunPtr& child) {
  if (child->parent_run == 0) return;
  const Outcome& outcome = child->state.outcome;
  deliver(run_by_number(child->parent_run),
          {.event = OpFinished{.op = child->parent_op,
                               .outcome = as_outcome(outcome.status, outcome.output, outcome.error),
                               .usage = child->state.usage}});
}

}  // namespace compozy::workflow
