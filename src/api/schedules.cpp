// SPDX-License-Identifier: Apache-2.0
//
// /api/v0/schedules: what runs when, and changing that without touching the YAML.
#include "api/respond.hpp"
#include "api/routes.hpp"

namespace compozy::api {

namespace {

io::Task<http::Response> list(const Context& context, http::Request) {
  auto views = co_await context.scheduler.list();
  if (!views) co_return problem(views.error());
  json::Value schedules = json::Value::array();
  for (json::Value& view : *views) schedules.push_back(std::move(view));
  co_return success(200, "schedules", json::Value::object({{"schedules", std::move(schedules)}}));
}

http::Response answer(Result<json::Value> view) {
  return view ? success(200, "schedule", std::move(*view)) : problem(view.error());
}

io::Task<http::Response> get(const Context& context, http::Request request) {
  co_return answer(co_await context.scheduler.get(std::string(request.param("workflow_id"))));
}

io::Task<http::Response> change(const Context& context, http::Request request) {
  const auto body = read_object(request);
  if (!body) co_return problem(body.error());
  if (auto known = check_members(*body, {{"enabled", Member::flag}, {"cron", Member::text}}); !known)
    co_return problem(known.error());
  workflow::ScheduleChange wanted;
  if (const json::Value* enabled = body->find("enabled")) {
    if (!enabled->is_bool())
      co_return problem(Error{.code = Errc::invalid_argument, .message = "expected true or false", .field = "enabled"});
    wanted.enabled = enabled->as_bool();
  }
  if (const json::Value* cron = body->find("cron")) {
    if (!cron->is_string())
      co_return problem(Error{.code = Errc::invalid_argument, .message = "expected a text", .field = "cron"});
    wanted.cron = cron->as_string();
  }
  co_return answer(co_await context.scheduler.change(std::string(request.param("workflow_id")), std::move(wanted)));
}

io::Task<http::Response> reset(const Context& context, http::Request request) {
  co_return answer(co_await context.scheduler.reset(std::string(request.param("workflow_id"))));
}

}  // namespace

void add_schedule_routes(http::Router& router, const Context& context) {
  const auto add = [&](const char* method, const char* pattern, auto handler) {
    add_secured(router, context, method, pattern, with_context(context, handler));
  };
  add("GET", "/api/v0/schedules", list);
  add("GET", "/api/v0/schedules/{workflow_id}", get);
  const auto steer = [&](const char* method, const char* action, auto handler) {
    add_secured(router, context, method, "/api/v0/schedules/{workflow_id}",
                audited(context, action, with_context(context, handler)));
  };
  steer("PATCH", "schedule.change", change);
  steer("DELETE", "schedule.reset", reset);
}

}  // namespace compozy::api
