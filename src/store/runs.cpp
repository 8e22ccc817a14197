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

Result<std::vector<Attribute>> read_attributes(sql::Reader& reader, int64_t run_no) {
  TRY(auto rows, reader.query("SELECT name, text, number FROM attributes WHERE run_no = ?1 ORDER BY name", run_no));
  return sql::collect(std::move(rows), [](const sql::Rows& row) {
    return Attribute{.name = row.string(0),
                     .text = row.string(1),
                     .number = row.is_null(2) ? std::nullopt : std::optional(row.real(2))};
  });
}

Result<Run> read_run(sql::Reader& reader, const std::string& run_id) {
  TRY(auto rows,
      reader.query(
          "SELECT run_no, run_id, workflow, status, definition, input, output, error, started_ms, updated_ms, "
          "ended_ms, ifnull(usage, ''), "
          "(SELECT ifnull(max(n), 0) FROM events WHERE events.run_no = runs.run_no) FROM runs WHERE run_id = ?1",
          run_id));
  TRY(const bool found, rows.next());
  if (!found) return no_run(run_id);
  Run run{.run_no = rows.integer(0),
          .run_id = rows.string(1),
          .workflow = rows.string(2),
          .status = rows.string(3),
          .definition = rows.string(4),
          .input = rows.string(5),
          .output = rows.string(6),
          .error = rows.string(7),
          .usage = rows.string(11),
          .started_ms = rows.integer(8),
          .updated_ms = rows.integer(9),
          .ended_ms = rows.integer(10),
          .last_event = rows.integer(12)};
  TRY(make_whole(reader, {&run.input, &run.output, &run.error}));
  TRY(run.attributes, read_attributes(reader, run.run_no));
  return run;
}

// A query as text and binds that grow together. One text per combination of filters, so that each is prepared once and
// uses the index that fits it: the first attribute that has to equal something leads, else the workflow or the status.
class PageQuery {
 public:
  explicit PageQuery(const RunQuery& query) {
    const auto leading = std::ranges::find_if(query.attributes, [](const auto& filter) { return is_equality(filter); });
    const bool leads = leading != query.attributes.end();
    text_ = "SELECT runs.run_no, run_id, workflow, status, definition, error, started_ms, updated_ms, ended_ms FROM " +
            std::string(leads ? "attributes AS led CROSS JOIN runs ON runs.run_no = led.run_no" : "runs");
    const std::string key = leads ? "led.run_no" : "run_no";
    text_ += " WHERE " + key + " < " + bind(query.before == 0 ? INT64_MAX : query.before);
    if (leads) text_ += " AND led.name = " + bind(leading->name) + " AND led.text = " + bind(leading->equals);
    for (auto filter = query.attributes.begin(); filter != query.attributes.end(); ++filter) {
      if (filter != leading) add(*filter);
    }
    if (!query.workflow.empty()) text_ += " AND workflow = " + bind(query.workflow);
    if (!query.status.empty()) text_ += " AND status = " + bind(query.status);
    if (query.since_ms != 0) text_ += " AND started_ms >= " + bind(query.since_ms);
    if (query.until_ms != 0) text_ += " AND started_ms < " + bind(query.until_ms);
    text_ += " ORDER BY " + key + " DESC LIMIT " + bind(std::clamp<int64_t>(query.limit, 1, kPageMax));
  }
  Result<sql::Rows> run(sql::Reader& reader) const { return reader.query_with(text_, binds_); }

 private:
  static bool is_equality(const AttributeFilter& filter) { return !filter.at_least && !filter.at_most; }
  std::string bind(sql::Bind value) {
    binds_.push_back(value);
    return "?" + std::to_string(binds_.size());
  }
  void add(const AttributeFilter& filter) {
    text_ += " AND EXISTS (SELECT 1 FROM attributes a WHERE a.run_no = runs.run_no AND a.name = " + bind(filter.name);
    if (is_equality(filter)) text_ += " AND a.text = " + bind(filter.equals);
    if (filter.at_least) text_ += " AND a.number >= " + bind(*filter.at_least);
    if (filter.at_most) text_ += " AND a.number <= " + bind(*filter.at_most);
    text_ += ")";
  }

  std::string text_;
  std::vector<sql::Bind> binds_;
};

Result<std::vector<Run>> read_page(sql::Reader& reader, const RunQuery& query) {
  TRY(auto rows, PageQuery(query).run(reader));
  TRY(auto runs, sql::collect(std::move(rows), [](const sql::Rows& row) {
        return Run{.run_no = row.integer(0),
                   .run_id = row.string(1),
                   .workflow = row.string(2),
                   .status = row.string(3),
                   .definition = row.string(4),
                   .input = {},
                   .output = {},
                   .error = row.string(5),
                   .usage = {},
                   .started_ms = row.integer(6),
                   .updated_ms = row.integer(7),
                   .ended_ms = row.integer(8)};
      }));
  for (Run& run : runs) {
    TRY(make_whole(reader, {&run.error}));
    TRY(run.attributes, read_attributes(reader, run.run_no));
  }
  return runs;
}

Result<std::vector<TaskRow>> read_tasks(sql::Reader& reader, const std::string& run_id) {
  TRY(const int64_t run_no, number_of(reader, run_id));
  TRY(auto rows, reader.query("SELECT n, path, task_id, type, status, input, output, error, started_ms, ended_ms FROM "
                              "tasks WHERE run_no = ?1 ORDER BY n",
                              run_no));
  TRY(auto tasks, sql::collect(std::move(rows), [](const sql::Rows& row) {
        return TaskRow{.n = row.integer(0),
                       .path = row.string(1),
                       .task_id = row.string(2),
                       .type = row.string(3),
                       .status = row.string(4),
                       .input = row.string(5),
                       .output = row.string(6),
                       .error = row.string(7),
                       .started_ms = row.integer(8),
                       .ended_ms = row.integer(9)};
      }));
  for (TaskRow& task : tasks) TRY(make_whole(reader, {&task.input, &task.output, &task.error}));
  return tasks;
}

Result<std::vector<EventRow>> read_events(sql::Reader& reader, const std::string& run_id, int64_t after, int64_t limit,
                                          size_t bytes_max) {
  TRY(const int64_t run_no, number_of(reader, run_id));
  TRY(auto rows, reader.query("SELECT n, at, kind, body FROM events WHERE run_no = ?1 AND n > ?2 ORDER BY n LIMIT ?3",
                              run_no, after, std::clamp<int64_t>(limit, 1, kPageMax)));
  std::vector<EventRow> events;
  for (size_t bytes = 0; bytes < bytes_max || events.empty();) {
    TRY(const bool more, rows.next());
    if (!more) break;
    EventRow event{.n = rows.integer(0), .at_ms = rows.integer(1), .kind = rows.string(2), .body = rows.string(3)};
    TRY(make_whole(reader, {&event.body}));
    bytes += event.body.size();
    events.push_back(std::move(event));
  }
  return events;
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

io::Task<Result<std::vector<EventRow>>> Runs::events(std::string run_id, int64_t after, int64_t limit,
                                                     size_t bytes_max) {
  return database_.read([=, run_id = std::move(run_id)](sql::Reader& reader) {
    return read_events(reader, run_id, after, limit, bytes_max);
  });
}

}  // namespace compozy::store
