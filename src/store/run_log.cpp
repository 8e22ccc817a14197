// SPDX-License-Identifier: Apache-2.0
#include "store/run_log.hpp"

namespace compozy::store {

namespace {

constexpr int64_t kShard = 0;  // one process owns every run; shards come with several instances

// Empty texts are NULL: nothing to say is not an empty answer.
sql::Bind text_or_null(const std::string& text) { return text.empty() ? sql::Bind(nullptr) : sql::Bind(text); }

Result<void> write_start(sql::Transaction& transaction, const Step& step) {
  const NewRun& run = *step.start;
  TRY(transaction.execute(
      "INSERT OR IGNORE INTO definitions (hash, workflow, resolved_json, created_ms) VALUES (?1, ?2, ?3, ?4)",
      run.definition, run.workflow, run.definition_json, step.at_ms));
  TRY(transaction.execute(
      "INSERT INTO runs (run_no, run_id, workflow, idem_key, idem_hash, status, head, definition, semantics, input, "
      "started_ms, updated_ms) VALUES (?1, ?2, ?3, ?4, ?5, 'RUNNING', 0, ?6, ?7, ?8, ?9, ?9)",
      step.run_no, run.run_id, run.workflow, text_or_null(run.idem_key), text_or_null(run.idem_hash), run.definition,
      run.semantics, text_or_null(run.input), step.at_ms));
  return {};
}

Result<void> write_run(sql::Transaction& transaction, const Step& step) {
  int64_t changed = 0;
  if (step.status.empty()) {  // the status index is left alone
    TRY(changed, transaction.execute("UPDATE runs SET head = ?2, updated_ms = ?3 WHERE run_no = ?1 AND head = ?2 - 1",
                                     step.run_no, step.seq, step.at_ms));
  } else {
    TRY(changed, transaction.execute(
                     "UPDATE runs SET head = ?2, updated_ms = ?3, status = ?4, output = ?5, error = ?6, ended_ms = ?7 "
                     "WHERE run_no = ?1 AND head = ?2 - 1",
                     step.run_no, step.seq, step.at_ms, step.status, text_or_null(step.output),
                     text_or_null(step.error), step.ended_ms == 0 ? sql::Bind(nullptr) : sql::Bind(step.ended_ms)));
  }
  if (changed != 1)
    return fail(Errc::conflict,
                "run " + std::to_string(step.run_no) + " is not at record " + std::to_string(step.seq - 1));
  return {};
}

Result<void> write_ops(sql::Transaction& transaction, const Step& step) {
  for (const PendingOp& op : step.opened) {
    TRY(transaction.execute(
        "INSERT INTO pending (run_no, op, attempt, lost, ready_ms, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6)", step.run_no,
        op.op, op.attempt, op.lost, op.ready_ms, op.body));
  }
  for (const int64_t op : step.closed)
    TRY(transaction.execute("DELETE FROM pending WHERE run_no = ?1 AND op = ?2", step.run_no, op));
  for (const TimerRow& timer : step.timers_set) {
    TRY(transaction.execute("INSERT INTO timers (shard, due_ms, run_no, op) VALUES (?1, ?2, ?3, ?4)", kShard,
                            timer.due_ms, step.run_no, timer.op));
  }
  for (const TimerRow& timer : step.timers_cleared) {
    TRY(transaction.execute("DELETE FROM timers WHERE shard = ?1 AND due_ms = ?2 AND run_no = ?3 AND op = ?4", kShard,
                            timer.due_ms, step.run_no, timer.op));
  }
  return {};
}

Result<void> write_event(sql::Transaction& transaction, int64_t run_no, const EventRow& event) {
  TRY(transaction.execute("INSERT INTO events (run_no, n, at, kind, body) VALUES (?1, ?2, ?3, ?4, ?5)", run_no, event.n,
                          event.at_ms, event.kind, event.body));
  return {};
}

Result<void> write_history(sql::Transaction& transaction, const Step& step) {
  for (const TaskRow& task : step.tasks) {
    if (task.ended_ms == 0) {
      TRY(
          transaction.execute("INSERT INTO tasks (run_no, n, path, task_id, type, status, input, started_ms) VALUES "
                              "(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
                              step.run_no, task.n, task.path, task.task_id, task.type, task.status,
                              text_or_null(task.input), task.started_ms));
    } else {
      TRY(transaction.execute(
          "UPDATE tasks SET status = ?3, output = ?4, error = ?5, ended_ms = ?6 WHERE run_no = ?1 AND n = ?2",
          step.run_no, task.n, task.status, text_or_null(task.output), text_or_null(task.error), task.ended_ms));
    }
  }
  for (const EventRow& event : step.events) TRY(write_event(transaction, step.run_no, event));
  return {};
}

Result<std::optional<RunHead>> read_head(sql::Rows rows) {
  TRY(const bool found, rows.next());
  if (!found) return std::optional<RunHead>();
  return RunHead{.run_no = rows.integer(0),
                 .run_id = rows.string(1),
                 .workflow = rows.string(2),
                 .status = rows.string(3),
                 .definition = rows.string(4),
                 .idem_hash = rows.string(5),
                 .head = rows.integer(6),
                 .last_event = rows.integer(7),
                 .last_inbox = rows.integer(8)};
}

#define COMPOZY_HEAD_COLUMNS                                                           \
  "SELECT run_no, run_id, workflow, status, definition, ifnull(idem_hash, ''), head, " \
  "(SELECT ifnull(max(n), 0) FROM events WHERE events.run_no = runs.run_no), "         \
  "(SELECT ifnull(max(n), 0) FROM inbox WHERE inbox.run_no = runs.run_no) FROM runs WHERE "

}  // namespace

Result<void> write_step(sql::Transaction& transaction, const Step& step) {
  if (step.start) TRY(write_start(transaction, step));
  TRY(write_run(transaction, step));
  TRY(transaction.execute(
      "INSERT INTO records (run_no, seq, kind, v, at, epoch, body) VALUES (?1, ?2, ?3, 1, ?4, 0, ?5)", step.run_no,
      step.seq, step.kind, step.at_ms, step.body));
  if (step.signal) {
    TRY(transaction.execute(
        "INSERT INTO inbox (run_no, n, at, kind, dedupe, body) VALUES (?1, ?2, ?3, 'signal', ?4, '')", step.run_no,
        step.signal->inbox, step.at_ms, text_or_null(step.signal->dedupe)));
  }
  TRY(write_ops(transaction, step));
  return write_history(transaction, step);
}

Result<void> update_pending(sql::Transaction& transaction, int64_t run_no, const PendingOp& pending,
                            const std::vector<EventRow>& events) {
  TRY(const int64_t changed,
      transaction.execute("UPDATE pending SET attempt = ?3, lost = ?4, ready_ms = ?5 WHERE run_no = ?1 AND op = ?2",
                          run_no, pending.op, pending.attempt, pending.lost, pending.ready_ms));
  if (changed == 0) return {};
  for (const EventRow& event : events) TRY(write_event(transaction, run_no, event));
  return {};
}

Result<void> append_turn(sql::Transaction& transaction, int64_t run_no, int64_t op, int64_t n, const TurnRow& turn,
                         const EventRow& event) {
  TRY(transaction.execute("INSERT INTO turns (run_no, op, n, kind, body) VALUES (?1, ?2, ?3, ?4, ?5)", run_no, op, n,
                          turn.kind, turn.body));
  return write_event(transaction, run_no, event);
}

Result<std::vector<TurnRow>> read_turns(sql::Reader& reader, int64_t run_no, int64_t op) {
  std::vector<TurnRow> turns;
  TRY(auto rows, reader.query("SELECT kind, body FROM turns WHERE run_no = ?1 AND op = ?2 ORDER BY n", run_no, op));
  while (true) {
    TRY(const bool more, rows.next());
    if (!more) return turns;
    turns.push_back({.kind = rows.string(0), .body = rows.string(1)});
  }
}

Result<std::optional<RunHead>> find_run(sql::Reader& reader, std::string_view run_id) {
  TRY(auto rows, reader.query(COMPOZY_HEAD_COLUMNS "run_id = ?1", run_id));
  return read_head(std::move(rows));
}

Result<std::optional<RunHead>> find_run_by_number(sql::Reader& reader, int64_t run_no) {
  TRY(auto rows, reader.query(COMPOZY_HEAD_COLUMNS "run_no = ?1", run_no));
  return read_head(std::move(rows));
}

Result<std::optional<RunHead>> find_run_by_key(sql::Reader& reader, std::string_view workflow,
                                               std::string_view idem_key) {
  TRY(auto rows, reader.query(COMPOZY_HEAD_COLUMNS "workflow = ?1 AND idem_key = ?2", workflow, idem_key));
  return read_head(std::move(rows));
}

Result<std::vector<std::string>> read_records(sql::Reader& reader, int64_t run_no) {
  std::vector<std::string> bodies;
  TRY(auto rows, reader.query("SELECT body FROM records WHERE run_no = ?1 ORDER BY seq", run_no));
  while (true) {
    TRY(const bool more, rows.next());
    if (!more) return bodies;
    bodies.push_back(rows.string(0));
  }
}

Result<std::string> read_definition(sql::Reader& reader, std::string_view hash) {
  TRY(auto rows, reader.query("SELECT resolved_json FROM definitions WHERE hash = ?1", hash));
  TRY(const bool found, rows.next());
  if (!found) return fail(Errc::corrupt_data, "definition " + std::string(hash) + " is not in the database");
  return rows.string(0);
}

Result<int64_t> last_run_no(sql::Reader& reader) {
  TRY(const auto last, reader.query_integer("SELECT max(run_no) FROM runs"));
  return last.value_or(0);
}

Result<std::vector<PendingRow>> read_pending(sql::Reader& reader, int64_t after_run_no, int64_t after_op,
                                             int64_t limit) {
  std::vector<PendingRow> pending;
  TRY(auto rows,
      reader.query("SELECT run_no, op, attempt, lost, ready_ms, body FROM pending WHERE (run_no, op) > (?1, ?2) "
                   "ORDER BY run_no, op LIMIT ?3",
                   after_run_no, after_op, limit));
  while (true) {
    TRY(const bool more, rows.next());
    if (!more) return pending;
    pending.push_back({.run_no = rows.integer(0),
                       .pending = {.op = rows.integer(1),
                                   .attempt = rows.integer(2),
                                   .lost = rows.integer(3),
                                   .ready_ms = rows.integer(4),
                                   .body = rows.string(5)}});
  }
}

Result<std::vector<DueTimer>> read_timers(sql::Reader& reader, int64_t due_before_ms, int64_t limit) {
  std::vector<DueTimer> timers;
  TRY(auto rows,
      reader.query("SELECT run_no, op, due_ms FROM timers WHERE shard = ?1 AND due_ms < ?2 ORDER BY due_ms LIMIT ?3",
                   kShard, due_before_ms, limit));
  while (true) {
    TRY(const bool more, rows.next());
    if (!more) return timers;
    timers.push_back({.run_no = rows.integer(0), .op = rows.integer(1), .due_ms = rows.integer(2)});
  }
}

}  // namespace compozy::store
