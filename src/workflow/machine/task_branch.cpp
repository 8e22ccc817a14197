// SPDX-License-Identifier: Apache-2.0
//
// router and aggregate: decided here and now, without an activity.
//
//   router     condition -> text -> routes[text] | default_route -> next task
//   aggregate  outputs rendered -> closed
#include <algorithm>

#include "base/text.hpp"
#include "expression/template/template.hpp"
#include "json/print.hpp"
#include "workflow/machine/decider.hpp"

namespace compozy::workflow {

namespace {

std::string route_text(const json::Value& value) {
  if (value.is_string()) return std::string(trim(value.as_string()));
  if (value.kind() == json::Kind::number) return format_double(value.as_double());
  return value.is_null() ? std::string() : json::print(value);
}

}  // namespace

void Decider::advance_router(const Task& task, Frame& frame) {
  const auto find_route = [&](const std::string& text) {
    return std::ranges::find(task.routes, text, [](const auto& route) { return route.first; });
  };
  const json::Value context = context_of(task, frame);
  auto value = render_text(task.condition, context);
  // A template that gives a route's name is the answer; anything else that is a text is CEL. What a template gave and
  // CEL does not take is a word without a route.
  if (value && value->is_string() && find_route(route_text(*value)) == task.routes.end()) {
    auto evaluated = cel(value->as_string(), context);
    if (evaluated || !expression::is_template(task.condition)) value = std::move(evaluated);
  }
  if (!value)
    return close(frame.path, failure(std::move(value).error().with_context("condition of router '" + frame.id + "'")));
  const std::string text = route_text(*value);
  const auto route = find_route(text);
  std::string target = route != task.routes.end() ? route->second : task.default_route;
  if (const auto otherwise = find_route("default"); target.empty() && otherwise != task.routes.end())
    target = otherwise->second;
  if (target.empty()) {
    std::vector<std::string> names;
    for (const auto& [name, id] : task.routes) names.push_back(name);
    std::ranges::sort(names);
    std::string list;
    for (const std::string& name : names) list += (list.empty() ? "" : ", ") + name;
    return close(frame.path, failure("no_route", "router '" + frame.id + "': no route for '" + shorten(text, 80) +
                                                     "'; the routes are " + list + ", and there is no default_route"));
  }
  emit(RouteTaken{.path = frame.path, .condition = text, .route = target});
  const json::Value output =
      json::Value::object({{"condition", text}, {"route_taken", target}, {"router_type", "conditional"}});
  close_with_outputs(task, frame, output, {}, std::move(target));
}

void Decider::advance_aggregate(const Task& task, Frame& frame) {
  auto output = render(task.outputs, context_of(task, frame));
  if (!output)
    return close(frame.path, failure(std::move(output).error().with_context("outputs of task '" + frame.id + "'")));
  if (const json::Schema* schema = program_.schema(task.output_schema)) {
    if (auto fits = schema->check(*output); !fits) {
      return close(frame.path, failure(std::move(fits).error().with_context("output of task '" + frame.id + "'")));
    }
  }
  close(frame.path, {.status = Status::success, .output = std::move(*output), .error = {}});
}

}  // namespace compozy::workflow
