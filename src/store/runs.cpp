// SPDX-License-Identifier: Apache-2.0
#include "store/runs.hpp"

#include <algorithm>

namespace compozy::store {

namespace {

Failure no_run(const std::string& run_id) { return fail(Errc::not_found, "no run '" + run_id + "'"); }

Result<int64_t> number_of(sql::Reader& reader, const std::string& run_id) {
  TRY(const auto run_no, reader.query_integer("SELECT run_no FROM runs WHERE run_id = ?1", run_id));
  if (!run_no) return no_run(run_id);
  return *run_no;
}

Result<Run> read_run(sql::Reader& reader, const std::string& run_id) {
  TRY(auto rows,
      reader.query(
          "SELECT run_no, run_id, workflow, status, definition, input, output, error, started_ms, updated_ms, "
          "ended_ms, "
          "(SELECT ifnull(max(n), 0) FROM events WHERE events.run_no = runs.run_no) FROM runs WHERE run_id = ?1",
          run_id));
  TRY(const bool found, rows.next());
  if (!found) return no_run(run_id);
  return Run{.run_no = rows.integer(0),
             .run_id = rows.string(1),
             .workflow = rows.string(2),
             .status = rows.string(3),
             .definition = rows.string(4),
             .input = rows.string(5),
             .output = rows.string(6),
             .error = rows.string(7),
             .started_ms = rows.integer(8),
             .updated_ms = rows.integer(9),
             .ended_ms = rows.integer(10),
             .last_event = rows.integer(11)};
}

Result<std::vector<Run>> read_page(sql::Reader& reader, const RunQuery& query) {
  const int64_t before = query.before == 0 ? INT64_MAX : query.before;
  const int64_t limit = std::clamp<int64_t>(query.limit, 1, kPageMax);
  // One statement per combination, so that each uses the index that fits it.
  std::string text =
      "SELECT run_no, run_id, workflow, status, definition, error, started_ms, updated_ms, ended_ms FROM runs WHERE "
      "run_no < ?1";
  if (!query.workflow.empty()) text += " AND workflow = ?3";
  if (!query.status.empty()) text += " AND status = ?4";
  text += " ORDER BY run_no DESC LIMIT ?2";
  std::vector<sql::Bind> binds{before, limit, query.workflow, query.status};
  binds.resize(!query.status.empty() ? 4 : !query.workflow.empty() ? 3 : 2, nullptr);
  TRY(auto rows, reader.query_with(text, binds));
  std::vector<Run> runs;
  while (true) {
    TRY(const bool more, rows.next());
    if (!more) return runs;
    runs.push_back({.run_no = rows.integer(0),
                    .run_id = rows.string(1),
                    .workflow = rows.string(2),
                    .status = rows.string(3),
                    .definition = rows.string(4),
                    .input = {},
                    .output = {},
                    .error = rows.string(5),
                    .started_ms = rows.integer(6),
                    .updated_ms = rows.integer(7),
                    .ended_ms = rows.integer(8)});
  }
}

Result<std::vector<TaskRow>> read_tasks(sql::Reader& reader, const std::string& run_id) {
  TRY(const int64_t run_no, number_of(reader, run_id));
  TRY(auto rows, reader.query("SELECT n, path, task_id, type, status, input, output, error, started_ms, ended_ms FROM "
                              "tasks WHERE run_no = ?1 ORDER BY n",
                              run_no));
  std::vector<TaskRow> tasks;
  while (true) {
    TRY(const bool more, rows.next());
    if (!more) return tasks;
    tasks.push_back({.n = rows.integer(0),
                     .path = rows.string(1),
                     .task_id = rows.string(2),
                     .type = rows.string(3),
                     .status = rows.string(4),
                     .input = rows.string(5),
                     .output = rows.string(6),
                     .error = rows.string(7),
                     .started_ms = rows.integer(8),
                     .ended_ms = rows.integer(9)});
  }
}

Result<std::vector<EventRow>> read_events(sql::Reader& reader, const std::string& run_id, int64_t after,
                                          int64_t limit) {
  TRY(const int64_t run_no, number_of(reader, run_id));
  TRY(auto rows, reader.query("SELECT n, at, kind, body FROM events WHERE run_no = ?1 AND n > ?2 ORDER BY n LIMIT ?3",
                              run_no, after, std::clamp<int64_t>(limit, 1, kPageMax)));
  std::vector<EventRow> events;
  while (true) {
    TRY(const bool more, rows.next());
    if (!more) return events;
    events.push_back({.n = rows.integer(0), .at_ms = rows.integer(1), .kind = rows.string(2), .body = rows.string(3)});
  }
}

}  // namespace

io::Task<Result<Run>> Runs::get(std::string run_id) {
  co_return co_await database_.read(
      [run_id = std::move(run_id)](sql::Reader& reader) { return read_run(reader, run_id); });
}

io::Task<Result<std::vector<Run>>> Runs::list(RunQuery query) {
  co_return co_await database_.read(
      [query = std::move(query)](sql::Reader& reader) { return read_page(reader, query); });
}

io::Task<Result<std::vector<TaskRow>>> Runs::tasks(std::string run_id) {
  co_return co_await database_.read(
      [run_id = std::move(run_id)](sql::Reader& reader) { return read_tasks(reader, run_id); });
}

io::Task<Result<std::vector<EventRow>>> Runs::events(std::string run_id, int64_t after, int64_t limit) {
  co_return co_await database_.read(
      [=, run_id = std::move(run_id)](sql::Reader& reader) { return read_events(reader, run_id, after, limit); });
}

}  // namespace compozy::store
