// SPDX-License-Identifier: Apache-2.0
//
// How runs come into memory and leave it: found by id or number, folded from their records, put to rest.
#include "json/parse.hpp"
#include "observe/log.hpp"
#include "workflow/journal/journal.hpp"

namespace compozy::workflow {

namespace {

struct Loaded {
  store::RunHead head;
  std::vector<std::string> records;
  std::vector<store::PendingOp> pending;
};

Result<Loaded> read_run(sql::Reader& reader, int64_t run_no) {
  TRY(auto head, store::find_run_by_number(reader, run_no));
  if (!head) return fail(Errc::not_found, "no run number " + std::to_string(run_no));
  Loaded loaded{.head = std::move(*head), .records = {}, .pending = {}};
  TRY(loaded.records, store::read_records(reader, run_no));
  TRY(loaded.pending, store::read_pending_of(reader, run_no));
  return loaded;
}

Result<State> fold(const std::vector<std::string>& records) {
  State state;
  for (const std::string& text : records) {
    TRY(const json::Value body, json::parse(text, json::kStoredDepthMax));
    TRY(const Records step, records_from_json(body));
    evolve(state, step);
  }
  return state;
}

}  // namespace

Result<void> Journal::open_blocking() {
  return options_.database.read_blocking([this](sql::Reader& reader) -> Result<void> {
    TRY(last_run_no_, store::last_run_no(reader));
    return {};
  });
}

io::Task<Result<void>> Journal::recover() {
  constexpr int64_t kPageRuns = 256;
  timers_.start();
  int64_t after = 0;
  while (true) {
    CO_TRY(const auto page, co_await options_.database.read([after](sql::Reader& reader) {
      return store::runs_with_pending(reader, after, kPageRuns);
    }));
    for (const int64_t run_no : page) {
      if (runs_.contains(run_no)) continue;
      auto run = std::make_shared<ActiveRun>();
      run->run_no = run_no;
      run->busy = true;
      runs_[run_no] = run;
      co_await load(run);  // one after the other: bounded memory, and serving goes on meanwhile
    }
    if (std::cmp_less(page.size(), kPageRuns)) co_return Result<void>();
    after = page.back();
  }
}

Journal::RunPtr Journal::run_by_number(int64_t run_no) {
  if (const auto found = runs_.find(run_no); found != runs_.end()) return found->second;
  auto run = std::make_shared<ActiveRun>();
  run->run_no = run_no;
  run->busy = true;
  runs_[run_no] = run;
  scope_.spawn(load(run));
  return run;
}

io::Task<Result<Journal::RunPtr>> Journal::run_by_id(std::string run_id) {
  if (const auto found = numbers_.find(run_id); found != numbers_.end()) co_return runs_.at(found->second);
  CO_TRY(const auto head,
         co_await options_.database.read([run_id](sql::Reader& reader) { return store::find_run(reader, run_id); }));
  if (!head) co_return fail(Errc::not_found, "no run '" + run_id + "'");
  co_return run_by_number(head->run_no);
}

// Folds the run as it is stored and takes up its activities. The run is busy before and free afterwards.
io::Task<void> Journal::load(RunPtr run) {
  auto loaded =
      co_await options_.database.read([run_no = run->run_no](sql::Reader& reader) { return read_run(reader, run_no); });
  Result<State> state = loaded ? fold(loaded->records) : Result<State>(fail(loaded.error()));
  auto program = loaded ? co_await program_of(loaded->head.definition)
                        : Result<std::shared_ptr<const Program>>(fail(loaded.error()));
  if (!state || !program) {
    const Error error = !state ? state.error() : program.error();
    log::error("a run cannot be loaded; it is left as it is", {{"run_no", run->run_no}, {"error", error.to_string()}});
    for (QueuedEvent& event : run->queue) {
      if (event.done) event.done(fail(error));
    }
    run->queue.clear();
    forget(run);
    co_return;
  }
  run->run_id = loaded->head.run_id;
  run->program = *program;
  run->state = std::move(*state);
  run->historian.restore(run->state);
  run->head = run->decided = loaded->head.head;
  run->last_inbox = loaded->head.last_inbox;
  run->parent_run = loaded->head.parent_run;
  run->parent_op = loaded->head.parent_op;
  run->timers.clear();
  run->children.clear();
  for (const auto& [op, open] : run->state.ops) {
    if (open.kind == OpKind::timer) run->timers[op] = open.due_ms;
  }
  numbers_[run->run_id] = run->run_no;
  run->busy = false;
  for (store::PendingOp& pending : loaded->pending) {
    if (pending.kind == store::PendingKind::activity) {
      if (!attempts_.knows(run->run_no, pending.op)) attempts_.restore(run, std::move(pending));
    } else {
      restore_pending(run, pending);
    }
  }
  pump(run);
}

io::Task<Result<std::shared_ptr<const Program>>> Journal::program_of(std::string hash) {
  if (const auto found = programs_.find(hash); found != programs_.end()) co_return found->second;
  Result<std::string> definition;
  if (options_.read_definition) {
    definition = co_await options_.read_definition(hash);
  } else {
    definition =
        co_await options_.database.read([hash](sql::Reader& reader) { return store::read_definition(reader, hash); });
  }
  if (!definition) co_return fail(definition.error());
  CO_TRY(const json::Value body, json::parse(*definition, json::kStoredDepthMax));
  CO_TRY(project::Workflow workflow, project::workflow_from_json(body));
  CO_TRY(auto program, options_.programs.make(std::move(workflow)));
  programs_[hash] = program;
  co_return program;
}

void Journal::rest(const RunPtr& run) {
  if (run->live_ops > 0 || run->idle || !runs_.contains(run->run_no)) return;
  if (is_terminal(run->state.status)) return forget(run);
  run->idle = idle_.insert(idle_.end(), run->run_no);
  if (idle_.size() <= options_.idle_runs_max) return;
  const RunPtr oldest = runs_.at(idle_.front());
  forget(oldest);
}

void Journal::forget(const RunPtr& run) {
  if (run->idle) {
    idle_.erase(*run->idle);
    run->idle.reset();
  }
  numbers_.erase(run->run_id);
  runs_.erase(run->run_no);
}

io::Task<void> Journal::stop() {
  stopping_ = true;
  timers_.stop();
  scope_.stop();
  attempts_.stop();
  // What still waits for its turn is refused, so that nobody waits for an answer that cannot come.
  for (const auto& [run_no, run] : runs_) {
    for (QueuedEvent& event : run->queue) {
      if (event.done) event.done(fail(Errc::closed, "the server is stopping"));
    }
    run->queue.clear();
  }
  co_await scope_.join();
  // The writer answers in order: once this has come back, so has everything that was under way.
  (void)co_await options_.database.write([](sql::Transaction&) -> Result<void> { return {}; });
}

}  // namespace compozy::workflow
