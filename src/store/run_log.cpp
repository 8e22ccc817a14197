// SPDX-License-Identifier: Apache-2.0
#include "store/run_log.hpp"

#include <span>

#include "json/print.hpp"
#include "store/audit.hpp"

namespace compozy::store {

namespace {

constexpr int64_t kShard = 0;  // one process owns every run; shards come with several instances

// Empty texts are NULL: nothing to say is not an empty answer.
sql::Bind text_or_null(const std::string& text) { return text.empty() ? sql::Bind(nullptr) : sql::Bind(text); }

sql::Bind number_or_null(int64_t number) { return number == 0 ? sql::Bind(nullptr) : sql::Bind(number); }

Result<void> write_start(sql::Transaction& transaction, const Step& step) {
  const NewRun& run = *step.start;
  TRY(transaction.execute(
      "INSERT OR IGNORE INTO definitions (hash, workflow, resolved_json, created_ms) VALUES (?1, ?2, ?3, ?4)",
      run.definition, run.workflow, run.definition_json, step.at_ms));
  TRY(transaction.execute(
      "INSERT INTO runs (run_no, run_id, workflow, idem_key, idem_hash, status, head, definition, semantics, input, "
      "parent_run, parent_op, started_ms, updated_ms) "
      "VALUES (?1, ?2, ?3, ?4, ?5, 'RUNNING', 0, ?6, ?7, ?8, ?10, ?11, ?9, ?9)",
      step.run_no, run.run_id, run.workflow, text_or_null(run.idem_key), text_or_null(run.idem_hash), run.definition,
      run.semantics, text_or_null(run.input), step.at_ms, number_or_null(run.parent_run),
      number_or_null(run.parent_op)));
  TRY(write_large(transaction, step.run_no, run.large, step.at_ms));
  for (const Attribute& attribute : run.attributes) {
    TRY(transaction.execute("INSERT INTO attributes (run_no, name, text, number) VALUES (?1, ?2, ?3, ?4)", step.run_no,
                            attribute.name, attribute.text, attribute.number));
  }
  if (run.actor.empty()) return {};
  return append_audit(
      transaction,
      {.at_ms = step.at_ms,
       .actor = run.actor,
       .action = "execution.start",
       .subject = run.run_id,
       .detail = json::print(json::Value::object({{"workflow_id", run.workflow}, {"definition", run.definition}})),
       .hash = {}});
}

Result<void> write_run(sql::Transaction& transaction, const Step& step) {
  int64_t changed = 0;
  if (step.status.empty()) {  // the status index is left alone
    TRY(changed, transaction.execute("UPDATE runs SET head = ?2, updated_ms = ?3 WHERE run_no = ?1 AND head = ?2 - 1",
                                     step.run_no, step.seq, step.at_ms));
  } else {
    TRY(changed, transaction.execute(
                     "UPDATE runs SET head = ?2, updated_ms = ?3, status = ?4, output = ?5, error = ?6, ended_ms = ?7, "
                     "usage = ?8 WHERE run_no = ?1 AND head = ?2 - 1",
                     step.run_no, step.seq, step.at_ms, step.status, text_or_null(step.output),
                     text_or_null(step.error), number_or_null(step.ended_ms), text_or_null(step.usage)));
  }
  if (changed != 1)
    return fail(Errc::conflict,
                "run " + std::to_string(step.run_no) + " is not at record " + std::to_string(step.seq - 1));
  return {};
}

Result<void> write_ops(sql::Transaction& transaction, const Step& step) {
  for (const int64_t op : step.closed) TRY(remove_pending(transaction, step.run_no, op));
  for (const PendingOp& op : step.opened) {
    TRY(
        transaction.execute("INSERT INTO pending (run_no, op, kind, attempt, lost, ready_ms, body, head) "
                            "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
                            step.run_no, op.op, static_cast<int64_t>(op.kind), op.attempt, op.lost, op.ready_ms,
                            op.stored.empty() ? op.body : op.stored, op.head));
  }
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

// Numbers the events after the run's latest and writes them. The database is the truth about the numbers, so that they
// stay dense whatever was rolled back.
Result<void> write_events(sql::Transaction& transaction, int64_t run_no, std::span<EventRow> events) {
  if (events.empty()) return {};
  TRY(const auto last, transaction.query_integer("SELECT max(n) FROM events WHERE run_no = ?1", run_no));
  int64_t n = last.value_or(0);
  for (EventRow& event : events) {
    event.n = ++n;
    TRY(transaction.execute("INSERT INTO events (run_no, n, at, kind, body) VALUES (?1, ?2, ?3, ?4, ?5)", run_no,
                            event.n, event.at_ms, event.kind, event.stored.empty() ? event.body : event.stored));
  }
  return {};
}

Result<void> write_history(sql::Transaction& transaction, Step& step) {
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
  return write_events(transaction, step.run_no, step.events);
}

Result<std::optional<RunHead>> read_head(sql::Reader& reader, sql::Rows rows) {
  TRY(const bool found, rows.next());
  if (!found) return std::optional<RunHead>();
  RunHead head{.run_no = rows.integer(0),
               .run_id = rows.string(1),
               .workflow = rows.string(2),
               .status = rows.string(3),
               .definition = rows.string(4),
               .idem_hash = rows.string(5),
               .head = rows.integer(6),
               .last_inbox = rows.integer(7),
               .parent_run = rows.integer(8),
               .parent_op = rows.integer(9),
               .output = rows.string(10),
               .error = rows.string(11)};
  TRY(make_whole(reader, {&head.output, &head.error}));
  return head;
}

constexpr std::string_view kHeads =
    "SELECT run_no, run_id, workflow, status, definition, ifnull(idem_hash, ''), head, "
    "(SELECT ifnull(max(n), 0) FROM inbox WHERE inbox.run_no = runs.run_no), ifnull(parent_run, 0), "
    "ifnull(parent_op, 0), ifnull(output, ''), ifnull(error, '') FROM runs WHERE ";

}  // namespace

Result<void> write_step(sql::Transaction& transaction, Step& step) {
  if (step.start) TRY(write_start(transaction, step));
  TRY(write_run(transaction, step));
  TRY(write_large(transaction, step.run_no, step.large, step.at_ms));
  TRY(transaction.execute(
      "INSERT INTO records (run_no, seq, kind, v, at, epoch, body) VALUES (?1, ?2, ?3, 1, ?4, 0, ?5)", step.run_no,
      step.seq, step.kind, step.at_ms, step.body));
  if (step.checkpoint) {
    TRY(transaction.execute("DELETE FROM records WHERE run_no = ?1 AND seq < ?2", step.run_no, step.seq));
  }
  if (step.signal) {
    TRY(transaction.execute(
        "INSERT INTO inbox (run_no, n, at, kind, dedupe, body) VALUES (?1, ?2, ?3, 'signal', ?4, '')", step.run_no,
        step.signal->inbox, step.at_ms, text_or_null(step.signal->dedupe)));
  }
  TRY(write_ops(transaction, step));
  return write_history(transaction, step);
}

Result<void> update_pending(sql::Transaction& transaction, int64_t run_no, const PendingOp& pending,
                            std::vector<EventRow>& events) {
  TRY(const int64_t changed,
      transaction.execute(
          "UPDATE pending SET attempt = ?3, lost = ?4, ready_ms = ?5, head = ?6 WHERE run_no = ?1 AND op = ?2", run_no,
          pending.op, pending.attempt, pending.lost, pending.ready_ms, pending.head));
  if (changed == 0) events.clear();
  return write_events(transaction, run_no, events);
}

Result<void> remove_pending(sql::Transaction& transaction, int64_t run_no, int64_t op) {
  TRY(transaction.execute("DELETE FROM pending WHERE run_no = ?1 AND op = ?2", run_no, op));
  return {};
}

Result<void> append_turn(sql::Transaction& transaction, int64_t run_no, int64_t op, int64_t n, const TurnRow& turn,
                         EventRow& event) {
  TRY(const auto open, transaction.query_integer("SELECT op FROM pending WHERE run_no = ?1 AND op = ?2", run_no, op));
  if (!open) return fail(Errc::cancelled, "the activity was closed meanwhile");
  TRY(write_large(transaction, run_no, turn.large, event.at_ms));
  TRY(transaction.execute("INSERT INTO turns (run_no, op, n, kind, body) VALUES (?1, ?2, ?3, ?4, ?5)", run_no, op, n,
                          turn.kind, turn.body));
  return write_events(transaction, run_no, std::span(&event, 1));
}

Result<std::vector<TurnRow>> read_turns(sql::Reader& reader, int64_t run_no, int64_t op) {
  TRY(auto rows, reader.query("SELECT kind, body FROM turns WHERE run_no = ?1 AND op = ?2 ORDER BY n", run_no, op));
  TRY(auto turns, sql::collect(std::move(rows), [](const sql::Rows& row) {
        return TurnRow{.kind = row.string(0), .body = row.string(1)};
      }));
  for (TurnRow& turn : turns) TRY(make_whole(reader, {&turn.body}));
  return turns;
}

Result<std::optional<RunHead>> find_run(sql::Reader& reader, std::string_view run_id) {
  TRY(auto rows, reader.query(std::string(kHeads) + "run_id = ?1", run_id));
  return read_head(reader, std::move(rows));
}

Result<std::optional<RunHead>> find_run_by_number(sql::Reader& reader, int64_t run_no) {
  TRY(auto rows, reader.query(std::string(kHeads) + "run_no = ?1", run_no));
  return read_head(reader, std::move(rows));
}

Result<std::optional<RunHead>> find_run_by_key(sql::Reader& reader, std::string_view workflow,
                                               std::string_view idem_key) {
  TRY(auto rows, reader.query(std::string(kHeads) + "workflow = ?1 AND idem_key = ?2", workflow, idem_key));
  return read_head(reader, std::move(rows));
}

Result<std::optional<RunHead>> find_run_by_parent(sql::Reader& reader, int64_t parent_run, int64_t parent_op) {
  TRY(auto rows, reader.query(std::string(kHeads) + "parent_run = ?1 AND parent_op = ?2", parent_run, parent_op));
  return read_head(reader, std::move(rows));
}

Result<std::vector<std::string>> read_records(sql::Reader& reader, int64_t run_no) {
  TRY(auto rows, reader.query("SELECT body FROM records WHERE run_no = ?1 ORDER BY seq", run_no));
  TRY(auto bodies, sql::collect(std::move(rows), [](const sql::Rows& row) { return row.string(0); }));
  for (std::string& body : bodies) TRY(make_whole(reader, {&body}));
  return bodies;
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

Result<std::vector<PendingOp>> read_pending_of(sql::Reader& reader, int64_t run_no) {
  TRY(auto rows,
      reader.query("SELECT op, attempt, lost, ready_ms, body, head, kind FROM pending WHERE run_no = ?1 ORDER BY op",
                   run_no));
  TRY(auto pending, sql::collect(std::move(rows), [](const sql::Rows& row) {
        return PendingOp{.op = row.integer(0),
                         .kind = static_cast<PendingKind>(row.integer(6)),
                         .attempt = row.integer(1),
                         .lost = row.integer(2),
                         .head = row.integer(5),
                         .ready_ms = row.integer(3),
                         .body = row.string(4)};
      }));
  for (PendingOp& op : pending) TRY(make_whole(reader, {&op.body}));
  return pending;
}

Result<std::vector<int64_t>> runs_with_pending(sql::Reader& reader, int64_t after, int64_t limit) {
  TRY(auto rows,
      reader.query("SELECT DISTINCT run_no FROM pending WHERE run_no > ?1 ORDER BY run_no LIMIT ?2", after, limit));
  return sql::collect(std::move(rows), [](const sql::Rows& row) { return row.integer(0); });
}

Result<std::vector<DueTimer>> read_timers(sql::Reader& reader, int64_t due_before_ms, int64_t limit) {
  TRY(auto rows,
      reader.query("SELECT run_no, op, due_ms FROM timers WHERE shard = ?1 AND due_ms < ?2 ORDER BY due_ms LIMIT ?3",
                   kShard, due_before_ms, limit));
  return sql::collect(std::move(rows), [](const sql::Rows& row) {
    return DueTimer{.run_no = row.integer(0), .op = row.integer(1), .due_ms = row.integer(2)};
  });
}

}  // namespace compozy::store
