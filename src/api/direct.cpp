// SPDX-License-Identifier: Apache-2.0
//
// Agents and tasks started by themselves, each as a durable run of its own (project/direct.hpp).
//
//   GET  /api/v0/agents | tasks                          what there is
//   GET  /api/v0/agents/{id} | tasks/{id}                one, as it was resolved; ?workflow= where several have the id
//   POST /api/v0/agents/{id}/executions[/sync]           {action?, prompt?, with?, workflow?, timeout?}; one of the
//                                                        first two at least
//   POST /api/v0/tasks/{id}/executions[/sync]            {with?, workflow?, timeout?}
//   GET  /api/v0/executions/agents|tasks/{exec_id}       and /stream, as of workflows
//
// 202 {exec_id, exec_url}; sync: 200 {exec_id, output, state}, 408 when `timeout` seconds pass and the run goes on.
#include "project/direct.hpp"

#include "api/respond.hpp"
#include "api/routes.hpp"
#include "project/project.hpp"

namespace compozy::api {

namespace {

struct Kind {
  std::string_view name;    // "agent"
  std::string_view prefix;  // of the id of its workflow
  std::string_view runs;    // the URL that a run's id follows
  Result<project::Workflow> (*make)(const project::Project&, const project::DirectRun&);
  Result<json::Value> (*describe)(const project::Project&, const project::DirectRun&);
};
constexpr Kind kAgent{"agent", project::kDirectAgent, "/api/v0/executions/agents/", project::direct_agent,
                      project::describe_agent};
constexpr Kind kTask{"task", project::kDirectTask, "/api/v0/executions/tasks/", project::direct_task,
                     project::describe_task};

const Kind& kind_of(const store::Run& run) { return run.workflow.starts_with(kAgent.prefix) ? kAgent : kTask; }

json::Value direct_view(const store::Run& run) {
  const Kind& kind = kind_of(run);
  const std::string id = run.workflow.substr(kind.prefix.size());
  json::Value view = run_view(run);
  view.set("component", kind.name).set(std::string(kind.name) + "_id", id).set("task_id", id);
  return view.set("workflow_exec_id", run.run_id);
}

json::Value direct_end(const store::Run& run) {
  json::Value state = direct_view(run);
  json::Value output = state["output"];
  return json::Value::object({{"exec_id", run.run_id}, {"output", std::move(output)}, {"state", std::move(state)}});
}

Result<workflow::StartRequest> read_direct(const Context& context, const Kind& kind, const http::Request& request,
                                           const json::Value& body) {
  const bool is_agent = &kind == &kAgent;
  constexpr Member::Type kText = Member::text;
  TRY(is_agent
          ? check_members(
                body, {{"action", kText}, {"prompt", kText}, "with", {"workflow", kText}, {"timeout", Member::integer}})
          : check_members(body, {"with", {"workflow", kText}, {"timeout", Member::integer}}));
  if (!body["with"].is_null() && !body["with"].is_object())
    return fail(Error{.code = Errc::invalid_argument, .message = "expected an object", .field = "with"});
  TRY(project::Workflow definition, kind.make(context.project, {.id = std::string(request.param("id")),
                                                                .workflow = body["workflow"].string_or(""),
                                                                .action = body["action"].string_or(""),
                                                                .prompt = body["prompt"].string_or("")}));
  workflow::StartRequest start{.workflow = definition.id,
                               .input = body["with"],
                               .first_task = {},
                               .first_with = body["with"],
                               .idempotency_key = {},
                               .idempotency_hash = {}};
  TRY(start.program, context.programs.make(std::move(definition)));
  start.actor = actor_of(request);
  TRY(set_idempotency(start, request, body));
  return start;
}

io::Task<http::Response> start_direct(const Context& context, http::Request request, const Kind& kind, bool waits) {
  const auto body = read_object(request);
  if (!body) co_return problem(body.error());
  auto start = read_direct(context, kind, request, *body);
  if (!start) co_return problem(start.error());
  if (!waits) co_return co_await answer_started(context, std::move(*start), kind.runs);
  const project::RuntimeConfig& runtime = context.project.runtime;
  const auto timeout_s = read_timeout(*body, {.usual_s = runtime.task_timeout_ms / 1000,
                                              .max_s = std::max<int64_t>(1, runtime.task_timeout_max_ms / 1000)});
  if (!timeout_s) co_return problem(timeout_s.error());
  co_return co_await answer_ended(context, std::move(*start), {kind.runs, *timeout_s, request.stop}, direct_end);
}

io::Task<http::Response> show_direct(const Context& context, http::Request request, const Kind& kind) {
  const auto run = co_await context.runs.get(std::string(request.param("exec_id")));
  if (!run) co_return problem(run.error());
  if (!run->workflow.starts_with(kind.prefix)) {
    co_return problem(Error{Errc::not_found, "run '" + run->run_id + "' is of the workflow '" + run->workflow +
                                                 "', not of a " + std::string(kind.name)});
  }
  co_return success(200, "execution", direct_view(*run));
}

io::Task<http::Response> describe(const Context& context, http::Request request, const Kind& kind) {
  const auto view = kind.describe(context.project, {.id = std::string(request.param("id")),
                                                    .workflow = request.query_value("workflow").value_or(""),
                                                    .action = {},
                                                    .prompt = {}});
  if (!view) co_return problem(view.error());
  co_return success(200, kind.name, *view);
}

json::Value listed(const std::vector<project::DirectPart>& parts, bool are_agents) {
  json::Value list = json::Value::array();
  for (const project::DirectPart& part : parts) {
    json::Value row = json::Value::object({{"id", part.id}});
    if (!part.workflow.empty()) row.set("workflow_id", part.workflow);
    if (!are_agents) row.set("type", project::task_type_name(part.type));
    json::Value actions = json::Value::array();
    for (const std::string& action : part.actions) actions.push_back(action);
    if (are_agents) row.set("actions", std::move(actions));
    list.push_back(std::move(row));
  }
  return list;
}

}  // namespace

void add_direct_routes(http::Router& router, const Context& context) {
  const http::RouteOptions options{.body_bytes_max = context.body_bytes_max};
  const http::RouteOptions waiting{.body_bytes_max = context.body_bytes_max, .watch_client = true};
  for (const Kind* kind : {&kAgent, &kTask}) {
    const std::string name(kind->name);
    const std::string start = "/api/v0/" + name + "s/{id}/executions";
    const auto starter = [&, kind](bool waits) {
      return with_context(context, [kind, waits](const Context& c, http::Request request) {
        return start_direct(c, std::move(request), *kind, waits);
      });
    };
    add_secured(router, context, "POST", start, starter(false), options);
    add_secured(router, context, "POST", start + "/sync", starter(true), waiting);
    add_secured(router, context, "GET", "/api/v0/" + name + "s/{id}",
                with_context(context, [kind](const Context& c,
                                             http::Request request) { return describe(c, std::move(request), *kind); }),
                options);
    add_secured(
        router, context, "GET", std::string(kind->runs) + "{exec_id}",
        with_context(context, [kind](const Context& c,
                                     http::Request request) { return show_direct(c, std::move(request), *kind); }),
        options);
  }
  add_secured(router, context, "GET", "/api/v0/agents", [&context](const http::Request&) -> io::Task<http::Response> {
    co_return success(200, "agents", json::Value::object({{"agents", listed(direct_agents(context.project), true)}}));
  });
  add_secured(router, context, "GET", "/api/v0/tasks", [&context](const http::Request&) -> io::Task<http::Response> {
    co_return success(200, "tasks", json::Value::object({{"tasks", listed(direct_tasks(context.project), false)}}));
  });
}

}  // namespace compozy::api
