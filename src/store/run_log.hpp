// SPDX-License-Identifier: Apache-2.0
//
// The run log: how runs are written down (docs/durability.md section 3). One Step is what one decision gave; all its
// rows stand or fall together. Everything here runs inside a database work, on the database's own thread.
//
// JSON arrives and leaves as text: what it means belongs to the workflow driver. Texts that are written may have large
// values taken out (large_values.hpp), which come along in `large`; texts that are read are whole.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "sql/statement.hpp"
#include "store/large_values.hpp"

namespace compozy::store {

struct Attribute {
  std::string name;
  std::string text;              // the value as it is written
  std::optional<double> number;  // where it is one
};

struct NewRun {
  std::string run_id;
  std::string workflow;
  std::string idem_key;
  std::string idem_hash;
  std::string definition;       // content hash
  std::string definition_json;  // stored once per hash
  int64_t semantics = 1;
  std::string input;
  int64_t parent_run = 0;  // run_no of the run whose op started this one; 0 = none
  int64_t parent_op = 0;
  std::string actor = {};  // who started it, for the audit trail; empty = no entry
  std::vector<Attribute> attributes = {};
  std::vector<LargeValue> large = {};
};
enum class PendingKind : uint8_t { activity = 0, child = 1, cancel_child = 2 };
struct PendingOp {
  int64_t op = 0;
  PendingKind kind = PendingKind::activity;
  int64_t attempt = 0;  // attempts that have begun
  int64_t lost = 0;     // how many in a row ended with the process while the run stood still
  int64_t head = 0;     // the run's head when the latest attempt began
  int64_t ready_ms = 0;
  std::string body;         // {path, at, spec}
  std::string stored = {};  // `body` without its large values; empty = the same
};
struct TimerRow {
  int64_t due_ms = 0;
  int64_t op = 0;
};
struct TaskRow {
  int64_t n = 0;
  std::string path, task_id, type, status, input, output, error;
  int64_t started_ms = 0;
  int64_t ended_ms = 0;  // 0 = open
};
struct EventRow {
  int64_t n = 0;
  int64_t at_ms = 0;
  std::string kind, body;
  std::string stored = {};  // `body` without its large values; empty = the same
};
struct SignalKey {
  int64_t inbox = 0;
  std::string dedupe;  // empty = none
};

struct Step {
  int64_t run_no = 0;
  int64_t seq = 0;  // of this record row; the run's head afterwards
  int64_t kind = 0;
  int64_t at_ms = 0;
  std::string body;
  bool checkpoint = false;  // the body holds the whole state: the records before it go
  std::optional<NewRun> start;
  std::string status;  // the run's, when this step changes it
  std::string output, error;
  std::string usage;  // once it has ended
  int64_t ended_ms = 0;
  std::vector<PendingOp> opened;
  std::vector<int64_t> closed;  // ops of activities
  std::vector<TimerRow> timers_set, timers_cleared;
  std::vector<TaskRow> tasks;
  std::vector<EventRow> events;
  std::optional<SignalKey> signal;
  std::vector<LargeValue> large;
};

// Numbers the step's events as it writes them. Errc::conflict: the idempotency key, or the signal's dedupe key, is
// there already; or another writer took this seq.
Result<void> write_step(sql::Transaction& transaction, Step& step);

// An attempt has begun, has been lost, or is to be repeated later. Unknown ops are ignored: they closed meanwhile, and
// `events` comes back empty.
Result<void> update_pending(sql::Transaction& transaction, int64_t run_no, const PendingOp& pending,
                            std::vector<EventRow>& events);

// What was pending is done, without a step of its run.
Result<void> remove_pending(sql::Transaction& transaction, int64_t run_no, int64_t op);

struct TurnRow {
  std::string kind, body;
  std::vector<LargeValue> large = {};  // of the turn and of its event
};
// Errc::cancelled when the op is no longer pending.
Result<void> append_turn(sql::Transaction& transaction, int64_t run_no, int64_t op, int64_t n, const TurnRow& turn,
                         EventRow& event);
Result<std::vector<TurnRow>> read_turns(sql::Reader& reader, int64_t run_no, int64_t op);

// --- recovery
// ---------------------------------------------------------------------------------------------------------

struct RunHead {
  int64_t run_no = 0;
  std::string run_id, workflow, status, definition, idem_hash;
  int64_t head = 0;
  int64_t last_inbox = 0;
  int64_t parent_run = 0;
  int64_t parent_op = 0;
  std::string output, error;  // JSON; empty = none
};
Result<std::optional<RunHead>> find_run(sql::Reader& reader, std::string_view run_id);
Result<std::optional<RunHead>> find_run_by_number(sql::Reader& reader, int64_t run_no);
Result<std::optional<RunHead>> find_run_by_key(sql::Reader& reader, std::string_view workflow,
                                               std::string_view idem_key);
Result<std::optional<RunHead>> find_run_by_parent(sql::Reader& reader, int64_t parent_run, int64_t parent_op);
Result<std::vector<std::string>> read_records(sql::Reader& reader, int64_t run_no);
Result<std::string> read_definition(sql::Reader& reader, std::string_view hash);
Result<int64_t> last_run_no(sql::Reader& reader);

struct DueTimer {
  int64_t run_no = 0;
  int64_t op = 0;
  int64_t due_ms = 0;
};
Result<std::vector<PendingOp>> read_pending_of(sql::Reader& reader, int64_t run_no);

// The runs that have something pending, by number, above `after`.
Result<std::vector<int64_t>> runs_with_pending(sql::Reader& reader, int64_t after, int64_t limit);
Result<std::vector<DueTimer>> read_timers(sql::Reader& reader, int64_t due_before_ms, int64_t limit);

}  // namespace compozy::store
