// SPDX-License-Identifier: Apache-2.0
//
// Executions: starting, listing, looking at and steering runs.
//
//   POST /api/v0/workflows/{id}/executions        202 {exec_id, exec_url}; Idempotency-Key gives the same run again
//   POST /api/v0/workflows/{id}/executions/sync   200 with the output, 408 with the id when `timeout` seconds pass
//   GET  /api/v0/executions/workflows[/{exec_id}] and /api/v0/workflows/{id}/executions
//        ?status=&workflow=&since=&until=&attribute.NAME[.min|.max]=&limit=&before=
//   POST /api/v0/executions/workflows/{exec_id}/pause | resume | cancel | signals
//   POST /api/v0/executions/purge                 deletes what `retention` no longer keeps, or counts it (dry_run)
//   POST /api/v0/events                           a signal that starts every workflow with a trigger of its name
#include <algorithm>
#include <array>
#include <cmath>

#include "api/respond.hpp"
#include "api/routes.hpp"
#include "base/hash.hpp"
#include "base/text.hpp"
#include "io/timer.hpp"
#include "json/print.hpp"

namespace compozy::api {

namespace {

constexpr int64_t kSyncDefaultS = 60;
constexpr int64_t kSyncMaxS = 300;
constexpr size_t kKeyMax = 255;

Result<workflow::StartRequest> read_start(const http::Request& request, const json::Value& body) {
  TRY(check_members(body, {"input", {"task_id", Member::text}, {"timeout", Member::integer}}));
  workflow::StartRequest start{.workflow = std::string(request.param("workflow_id")),
                               .input = body["input"],
                               .first_task = body["task_id"].string_or(""),
                               .idempotency_key = {},
                               .idempotency_hash = {}};
  start.actor = actor_of(request);
  TRY(set_idempotency(start, request, body));
  return start;
}

io::Task<http::Response> start_async(const Context& context, http::Request request) {
  const auto body = read_object(request);
  if (!body) co_return problem(body.error());
  auto start = read_start(request, *body);
  if (!start) co_return problem(start.error());
  co_return co_await answer_started(context, std::move(*start), kWorkflowRuns);
}

// Waits until the run has ended, or the token fires.
io::Task<Result<store::Run>> wait_for_end(const Context& context, std::string run_id, std::stop_token stop) {
  while (true) {
    const auto feed = context.driver.subscribe(run_id);
    CO_TRY(store::Run run, co_await context.runs.get(run_id));
    if (run.ended_ms != 0 || stop.stop_requested()) co_return run;
    while (co_await feed->pop(stop)) {
    }
  }
}

io::Task<http::Response> start_sync(const Context& context, http::Request request) {
  const auto body = read_object(request);
  if (!body) co_return problem(body.error());
  auto start = read_start(request, *body);
  if (!start) co_return problem(start.error());
  const auto timeout_s = read_timeout(*body, {.usual_s = kSyncDefaultS, .max_s = kSyncMaxS});
  if (!timeout_s) co_return problem(timeout_s.error());
  co_return co_await answer_ended(context, std::move(*start), {kWorkflowRuns, *timeout_s, request.stop}, run_view);
}

// `attribute.NAME=VALUE`, `attribute.NAME.min=N`, `attribute.NAME.max=N`; several are joined by "and".
Result<std::vector<store::AttributeFilter>> read_filters(const http::Request& request) {
  constexpr std::string_view kPrefix = "attribute.";
  std::vector<store::AttributeFilter> filters;
  for (const auto& [key, value] : request.query_values()) {
    if (!key.starts_with(kPrefix)) continue;
    std::string name = key.substr(kPrefix.size());
    if (name.empty()) return fail(Errc::invalid_argument, "'" + key + "' names no attribute");
    const bool is_min = name.ends_with(".min");
    const bool is_max = name.ends_with(".max");
    if (!is_min && !is_max) {
      filters.push_back({.name = std::move(name), .equals = value, .at_least = {}, .at_most = {}});
      continue;
    }
    name.resize(name.size() - 4);
    double bound = 0;
    if (!parse_double(value, bound) || !std::isfinite(bound)) {
      return fail(
          Error{.code = Errc::invalid_argument, .message = "expected a number, found '" + value + "'", .field = key});
    }
    auto filter = std::ranges::find_if(
        filters, [&](const auto& known) { return known.name == name && (known.at_least || known.at_most); });
    if (filter == filters.end())
      filter = filters.insert(filters.end(), {.name = std::move(name), .equals = {}, .at_least = {}, .at_most = {}});
    (is_min ? filter->at_least : filter->at_most) = bound;
  }
  if (filters.size() > store::kFiltersMax) {
    return fail(Errc::invalid_argument, "a query has at most " + std::to_string(store::kFiltersMax) +
                                            " attributes, found " + std::to_string(filters.size()));
  }
  return filters;
}

io::Task<http::Response> list_runs(const Context& context, http::Request request, std::string workflow) {
  const auto page = query_page(request);
  if (!page) co_return problem(page.error());
  std::string status = to_upper(request.query_value("status").value_or(""));
  if (!status.empty()) {
    if (auto known = workflow::parse_status(status); !known)
      co_return problem(std::move(known).error().in_field("status"));
  }
  if (workflow.empty()) workflow = request.query_value("workflow").value_or("");
  const int64_t now_ms = context.clock.wall_ms();
  const auto since = query_time(request, "since", now_ms);
  const auto until = query_time(request, "until", now_ms);
  auto filters = read_filters(request);
  if (!since || !until) co_return problem(!since ? since.error() : until.error());
  if (!filters) co_return problem(filters.error());
  const auto runs = co_await context.runs.list({.workflow = std::move(workflow),
                                                .status = std::move(status),
                                                .since_ms = *since,
                                                .until_ms = *until,
                                                .attributes = std::move(*filters),
                                                .before = page->before,
                                                .limit = page->limit});
  if (!runs) co_return problem(runs.error());
  json::Value list = json::Value::array();
  for (const store::Run& run : *runs) list.push_back(run_view(run));
  json::Value data = json::Value::object({{"executions", std::move(list)}});
  // Pages go by key: the next one starts before the last run of this one.
  if (std::cmp_equal(runs->size(), page->limit)) data.set("next_before", runs->back().run_no);
  co_return success(200, "executions", std::move(data));
}

io::Task<http::Response> show_run(const Context& context, http::Request request) {
  const std::string id(request.param("exec_id"));
  const auto run = co_await context.runs.get(id);
  if (!run) co_return problem(run.error());
  json::Value view = run_view(*run);
  const std::string shown = request.query_value("tasks").value_or("true");
  if (shown != "true" && shown != "false") {
    co_return problem(Error{
        .code = Errc::invalid_argument, .message = "expected true or false, found '" + shown + "'", .field = "tasks"});
  }
  if (shown == "false") co_return success(200, "execution", std::move(view));
  const auto tasks = co_await context.runs.tasks(id);
  if (!tasks) co_return problem(tasks.error());
  json::Value list = json::Value::array();
  for (const store::TaskRow& task : *tasks) list.push_back(task_view(task));
  view.set("tasks", std::move(list));
  co_return success(200, "execution", std::move(view));
}

io::Task<http::Response> control_run(const Context& context, http::Request request, workflow::Control control) {
  const auto body = read_object(request);
  if (!body) co_return problem(body.error());
  if (auto known = check_members(*body, {{"reason", Member::text}}); !known) co_return problem(known.error());
  const std::string id(request.param("exec_id"));
  const auto done = co_await context.driver.control(id, control, (*body)["reason"].string_or(""));
  if (!done) co_return problem(done.error());
  co_return success(202, "accepted", json::Value::object({{"exec_id", id}}));
}

io::Task<http::Response> signal_run(const Context& context, http::Request request) {
  const auto body = read_object(request);
  if (!body) co_return problem(body.error());
  if (auto known = check_members(*body, {{"signal_name", Member::text}, "payload", {"dedupe", Member::text}}); !known)
    co_return problem(known.error());
  const std::string name = (*body)["signal_name"].string_or("");
  if (name.empty())
    co_return problem(
        Error{.code = Errc::invalid_argument, .message = "the name of the signal is missing", .field = "signal_name"});
  const std::string id(request.param("exec_id"));
  const auto sent = co_await context.driver.signal(id, name, (*body)["payload"], (*body)["dedupe"].string_or(""));
  if (!sent) co_return problem(sent.error());
  co_return success(202, "accepted", json::Value::object({{"exec_id", id}, {"signal_name", name}}));
}

// Who votes is whoever the key belongs to; only a server without keys takes the voter's word for it.
io::Task<http::Response> vote_on(const Context& context, http::Request request) {
  const auto body = read_object(request);
  if (!body) co_return problem(body.error());
  if (auto known =
          check_members(*body, {{"decision", Member::text}, "values", {"comment", Member::text}, {"by", Member::text}});
      !known)
    co_return problem(known.error());
  const std::string decision = (*body)["decision"].string_or("");
  if (decision != "approve" && decision != "reject") {
    co_return problem(Error{.code = Errc::invalid_argument,
                            .message = "expected 'approve' or 'reject', found '" + decision + "'" +
                                       did_you_mean(decision, std::array<std::string_view, 2>{"approve", "reject"}),
                            .field = "decision"});
  }
  const std::string by = (*body)["by"].string_or("");
  if (!request.user.empty() && !by.empty() && by != request.user) {
    co_return problem(Error{.code = Errc::permission_denied,
                            .message = "this key votes as '" + request.user + "', not as '" + by + "'",
                            .field = "by"});
  }
  const std::string id(request.param("exec_id"));
  workflow::Vote vote{.task = std::string(request.param("task")),
                      .by = !request.user.empty() ? request.user
                            : by.empty()          ? "anonymous"
                                                  : by,
                      .approve = decision == "approve",
                      .values = (*body)["values"],
                      .comment = (*body)["comment"].string_or("")};
  const std::string task = vote.task;
  const auto done = co_await context.driver.vote(id, std::move(vote));
  if (!done) co_return problem(done.error());
  co_return success(202, "accepted", json::Value::object({{"exec_id", id}, {"task", task}, {"decision", decision}}));
}

io::Task<http::Response> purge_runs(const Context& context, http::Request request) {
  const auto body = read_object(request);
  if (!body) co_return problem(body.error());
  if (auto known = check_members(*body, {{"workflow_id", Member::text}, {"dry_run", Member::flag}}); !known)
    co_return problem(known.error());
  auto purged = co_await context.purge_runs((*body)["workflow_id"].string_or(""), (*body)["dry_run"].bool_or(false));
  if (!purged) co_return problem(purged.error());
  co_return success(200, "purged", std::move(*purged));
}

io::Task<http::Response> send_event(const Context& context, http::Request request) {
  const auto body = read_object(request);
  if (!body) co_return problem(body.error());
  if (auto known = check_members(*body, {{"name", Member::text}, "payload", {"correlation_id", Member::text}}); !known)
    co_return problem(known.error());
  const std::string name = (*body)["name"].string_or("");
  if (name.empty())
    co_return problem(
        Error{.code = Errc::invalid_argument, .message = "the name of the event is missing", .field = "name"});
  const auto started = co_await context.driver.trigger(name, (*body)["payload"],
                                                       (*body)["correlation_id"].string_or(""), actor_of(request));
  if (!started) co_return problem(started.error());
  json::Value ids = json::Value::array();
  for (const std::string& id : *started) ids.push_back(id);
  co_return success(202, "accepted", json::Value::object({{"exec_ids", std::move(ids)}}));
}

}  // namespace

Result<void> set_idempotency(workflow::StartRequest& start, const http::Request& request, const json::Value& body) {
  for (const char* name : {"X-Idempotency-Key", "Idempotency-Key"}) {
    if (const auto key = request.headers.get(name)) start.idempotency_key = std::string(*key);
  }
  if (start.idempotency_key.size() > kKeyMax)
    return fail(Errc::invalid_argument, "an idempotency key has at most " + std::to_string(kKeyMax) + " bytes");
  start.idempotency_hash = sha256_hex(start.workflow + "\n" + json::print_canonical(body));
  return {};
}

Result<int64_t> read_timeout(const json::Value& body, SyncLimits limits) {
  const int64_t timeout_s = body["timeout"].integer_or(limits.usual_s);
  if (timeout_s >= 1 && timeout_s <= limits.max_s) return timeout_s;
  return fail(Error{.code = Errc::invalid_argument,
                    .message = "expected 1 to " + std::to_string(limits.max_s) + " seconds",
                    .field = "timeout"});
}

io::Task<http::Response> answer_started(const Context& context, workflow::StartRequest start, std::string_view runs) {
  const auto started = co_await context.driver.start(std::move(start));
  if (!started) co_return problem(started.error());
  const std::string url = std::string(runs) + started->run_id;
  http::Response response = success(202, started->existed ? "the run that this key started" : "started",
                                    json::Value::object({{"exec_id", started->run_id}, {"exec_url", url}}));
  response.headers.set("Location", url);
  co_return response;
}

io::Task<http::Response> answer_ended(const Context& context, workflow::StartRequest start, Waiting waiting,
                                      json::Value (*view)(const store::Run&)) {
  const auto started = co_await context.driver.start(std::move(start));
  if (!started) co_return problem(started.error());
  io::Deadline deadline(context.loop, waiting.timeout_s * 1000, waiting.stop);
  const auto run = co_await wait_for_end(context, started->run_id, deadline.token());
  if (!run) co_return problem(run.error());
  if (run->ended_ms == 0) {
    const std::string url = std::string(waiting.runs) + started->run_id;
    http::Response late = problem(Error{.code = Errc::timeout,
                                        .message = "run '" + started->run_id + "' is still " + run->status + " after " +
                                                   std::to_string(waiting.timeout_s) + " s; it goes on: GET " + url});
    late.headers.set("Location", url);
    co_return late;
  }
  co_return success(200, run->status == "SUCCESS" ? "finished" : "ended", view(*run));
}

json::Value run_view(const store::Run& run) {
  json::Value view = json::Value::object({{"exec_id", run.run_id},
                                          {"workflow_id", run.workflow},
                                          {"status", run.status},
                                          {"definition", run.definition},
                                          {"created_at", format_rfc3339(run.started_ms)},
                                          {"updated_at", format_rfc3339(run.updated_ms)}});
  if (run.ended_ms != 0)
    view.set("ended_at", format_rfc3339(run.ended_ms)).set("duration_ms", run.ended_ms - run.started_ms);
  for (const auto& [name, text] : {std::pair("input", &run.input), std::pair("output", &run.output),
                                   std::pair("error", &run.error), std::pair("usage", &run.usage)}) {
    if (!text->empty()) view.set(name, stored_json(*text));
  }
  json::Value attributes = json::Value::object();
  for (const store::Attribute& attribute : run.attributes) {
    attributes.set(attribute.name, attribute.number ? stored_json(attribute.text) : json::Value(attribute.text));
  }
  if (attributes.size() != 0) view.set("attributes", std::move(attributes));
  return view;
}

json::Value task_view(const store::TaskRow& task) {
  json::Value view = json::Value::object({{"n", task.n},
                                          {"path", task.path},
                                          {"task_id", task.task_id},
                                          {"type", task.type},
                                          {"status", task.status},
                                          {"started_at", format_rfc3339(task.started_ms)}});
  if (task.ended_ms != 0)
    view.set("ended_at", format_rfc3339(task.ended_ms)).set("duration_ms", task.ended_ms - task.started_ms);
  for (const auto& [name, text] :
       {std::pair("input", &task.input), std::pair("output", &task.output), std::pair("error", &task.error)}) {
    if (!text->empty()) view.set(name, stored_json(*text));
  }
  return view;
}

void add_execution_routes(http::Router& router, const Context& context) {
  const http::RouteOptions body{.body_bytes_max = context.body_bytes_max};
  const http::RouteOptions waiting{.body_bytes_max = context.body_bytes_max, .watch_client = true};
  const auto add = [&](const char* method, const char* pattern, auto handler, const http::RouteOptions& options) {
    add_secured(router, context, method, pattern, with_context(context, handler), options);
  };
  add("POST", "/api/v0/workflows/{workflow_id}/executions", start_async, body);
  add("POST", "/api/v0/workflows/{workflow_id}/executions/sync", start_sync, waiting);
  add(
      "GET", "/api/v0/workflows/{workflow_id}/executions",
      [](const Context& c, http::Request request) {
        std::string workflow(request.param("workflow_id"));
        return list_runs(c, std::move(request), std::move(workflow));
      },
      body);
  add(
      "GET", "/api/v0/executions/workflows",
      [](const Context& c, http::Request request) { return list_runs(c, std::move(request), {}); }, body);
  add("GET", "/api/v0/executions/workflows/{exec_id}", show_run, body);
  // What people do to a run is written down.
  const auto steer = [&](const char* pattern, const char* action, auto handler) {
    add_secured(router, context, "POST", pattern, audited(context, action, with_context(context, handler)), body);
  };
  const auto control = [&](const char* pattern, const char* action, workflow::Control what) {
    steer(pattern, action,
          [what](const Context& c, http::Request request) { return control_run(c, std::move(request), what); });
  };
  control("/api/v0/executions/workflows/{exec_id}/pause", "execution.pause", workflow::Control::pause);
  control("/api/v0/executions/workflows/{exec_id}/resume", "execution.resume", workflow::Control::resume);
  control("/api/v0/executions/workflows/{exec_id}/cancel", "execution.cancel", workflow::Control::cancel);
  steer("/api/v0/executions/workflows/{exec_id}/approvals/{task}", "execution.vote", vote_on);
  steer("/api/v0/executions/purge", "execution.purge", purge_runs);
  steer("/api/v0/executions/workflows/{exec_id}/signals", "execution.signal", signal_run);
  add("POST", "/api/v0/events", send_event, body);
}

}  // namespace compozy::api
