// SPDX-License-Identifier: Apache-2.0
//
// /api/v0/workflows: what can be run, and its parts.
//
//   GET /api/v0/workflows[/{workflow_id}]
//   GET /api/v0/workflows/{workflow_id}/tasks | agents | tools [/{id}]      as they were resolved
//   GET /api/v0/tools[/{id}]                                                those that workflows use
#include <algorithm>
#include <array>

#include "project/direct.hpp"

#include "api/respond.hpp"
#include "api/routes.hpp"
#include "base/text.hpp"

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

constexpr std::array<std::string_view, 3> kParts{"tasks", "agents", "tools"};

Result<json::Value> part_of(const json::Value& parts, std::string_view id, const std::string& kind) {
  std::vector<std::string> ids;
  for (const json::Value& part : parts.as_array()) {
    ids.push_back(part["id"].string_or(""));
    if (ids.back() == id) return part;
  }
  return fail(Errc::not_found, "no " + kind + " '" + std::string(id) + "'" + did_you_mean(id, ids));
}

json::Value list_or_empty(json::Value list) { return list.is_array() ? list : json::Value::array(); }

// Every tool that a workflow has, each with the workflows that have it so.
json::Value all_tools(const Context& context) {
  json::Value tools = json::Value::array();
  for (const auto& program : context.programs.all()) {
    const std::string& workflow = program->workflow().id;
    for (const json::Value& tool : list_or_empty(shown_definition(program->workflow())["tools"]).as_array()) {
      json::Array& known = tools.mutable_array();
      const auto same = std::ranges::find_if(known, [&](json::Value other) {
        other.mutable_object().erase("workflows");
        return other == tool;
      });
      json::Value users = same == known.end() ? json::Value::array() : (*same)["workflows"];
      users.push_back(workflow);
      if (same == known.end()) {
        known.push_back(json::Value(tool).set("workflows", std::move(users)));
      } else {
        same->set("workflows", std::move(users));
      }
    }
  }
  return tools;
}

Result<json::Value> part_view(const Context& context, const http::Request& request, const std::string& parts) {
  TRY(const auto program, context.programs.latest(std::string(request.param("workflow_id"))));
  json::Value list = list_or_empty(shown_definition(program->workflow())[parts]);
  const std::string id(request.param("id"));
  if (id.empty()) return json::Value::object({{parts, std::move(list)}});
  auto part = part_of(list, id, parts.substr(0, parts.size() - 1));
  if (part) return part;
  return fail(std::move(part).error().with_context("workflow '" + program->workflow().id + "'"));
}

void add_part_routes(http::Router& router, const Context& context) {
  for (const std::string_view kind : kParts) {
    const std::string parts(kind);
    const auto show = [&context, parts](http::Request request) -> io::Task<http::Response> {
      const auto view = part_view(context, request, parts);
      if (!view) co_return problem(view.error());
      co_return success(200, parts, *view);
    };
    for (const char* id : {"", "/{id}"})
      add_secured(router, context, "GET", "/api/v0/workflows/{workflow_id}/" + parts + id, show);
  }
  add_secured(router, context, "GET", "/api/v0/tools", [&context](http::Request) -> io::Task<http::Response> {
    co_return success(200, "tools", json::Value::object({{"tools", all_tools(context)}}));
  });
  add_secured(router, context, "GET", "/api/v0/tools/{id}",
              [&context](http::Request request) -> io::Task<http::Response> {
                const auto tool = part_of(all_tools(context), request.param("id"), "tool");
                if (!tool) co_return problem(tool.error());
                co_return success(200, "tool", *tool);
              });
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
                view.set("resolved", project::shown_definition((*program)->workflow()));
                co_return success(200, "workflow", std::move(view));
              });
  add_part_routes(router, context);
}

}  // namespace compozy::api
