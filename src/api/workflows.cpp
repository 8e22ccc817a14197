// SPDX-License-Identifier: Apache-2.0
//
// /api/v0/workflows: what can be run.
#include "api/respond.hpp"
#include "api/routes.hpp"

namespace compozy::api {

namespace {

json::Value summary(const workflow::Program& program) {
  const project::Workflow& workflow = program.workflow();
  json::Value view = json::Value::object({{"id", workflow.id}, {"definition", program.hash()}});
  if (!workflow.version.empty()) view.set("version", workflow.version);
  if (!workflow.description.empty()) view.set("description", workflow.description);
  view.set("tasks", static_cast<int64_t>(workflow.tasks.size()));
  if (!workflow.input_schema.is_null()) view.set("input", workflow.input_schema);
  return view;
}

}  // namespace

void add_workflow_routes(http::Router& router, const Context& context) {
  add_secured(router, context, "GET", "/api/v0/workflows", [&context](http::Request) -> io::Task<http::Response> {
    json::Value workflows = json::Value::array();
    for (const auto& program : context.programs.all()) workflows.push_back(summary(*program));
    co_return success(200, "workflows", json::Value::object({{"workflows", std::move(workflows)}}));
  });
  add_secured(router, context, "GET", "/api/v0/workflows/{workflow_id}",
              [&context](http::Request request) -> io::Task<http::Response> {
                const auto program = context.programs.latest(std::string(request.param("workflow_id")));
                if (!program) co_return problem(program.error());
                json::Value view = summary(**program);
                view.set("resolved", project::to_json((*program)->workflow()));
                co_return success(200, "workflow", std::move(view));
              });
}

}  // namespace compozy::api
