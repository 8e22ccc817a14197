// SPDX-License-Identifier: Apache-2.0
#include "project/direct.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "expression/template/template.hpp"

namespace compozy::project {

namespace {

std::string_view agent_of(const DirectBase& base) { return base.definition.tasks.front().agent; }

// A task with the workflow that it stands in.
struct FoundTask {
  const Workflow* workflow = nullptr;
  const Task* task = nullptr;
  std::string of;  // the workflow's id; empty = the project's own
};

// A router only leads to others.
bool runs_alone(const Task& task) { return task.type != TaskType::router; }

std::vector<FoundTask> tasks_of(const Project& project) {
  std::vector<FoundTask> out;
  for (const DirectBase& base : project.tasks)
    out.push_back({.workflow = &base.definition, .task = &base.definition.tasks.front(), .of = base.workflow});
  for (const Workflow& workflow : project.workflows) {
    for (const Task& task : workflow.tasks) {
      if (runs_alone(task)) out.push_back({.workflow = &workflow, .task = &task, .of = workflow.id});
    }
  }
  return out;
}

// The one that is meant. Each of `all` has an id and the workflow that it is of.
struct Named {
  std::string_view id;
  std::string_view of;
};
Result<size_t> choose(const std::vector<Named>& all, std::string_view kind, const DirectRun& run) {
  std::vector<std::string_view> ids;
  std::vector<size_t> fitting;
  for (size_t i = 0; i < all.size(); ++i) {
    ids.push_back(all[i].id);
    if (all[i].id == run.id && (run.workflow.empty() || all[i].of == run.workflow)) fitting.push_back(i);
  }
  const std::string name = std::string(kind) + " '" + run.id + "'";
  if (fitting.empty() && std::ranges::find(ids, run.id) != ids.end())
    return fail(Errc::not_found, "workflow '" + run.workflow + "' has no " + name + " of its own");
  if (fitting.empty()) return fail(Errc::not_found, "no " + name + did_you_mean(run.id, ids));
  if (fitting.size() == 1 || all[fitting.front()].of.empty()) return fitting.front();
  std::string workflows;
  for (const size_t i : fitting) workflows += (workflows.empty() ? "" : ", ") + std::string(all[i].of);
  return fail(Error{.code = Errc::conflict,
                    .message = name + " is in several workflows, say which 'workflow' is meant: " + workflows,
                    .field = "workflow"});
}

// The text as it stands, where templates are rendered.
std::string literal(const std::string& text) { return replace_all(text, "{{", R"({{ "{{" }})"); }

// All that a part may need, without what makes its workflow start, end or clean up by itself.
Workflow around(const Workflow& workflow, std::string id, Task task) {
  Workflow out = workflow;
  out.id = std::move(id);
  out.input_schema = {};
  out.attributes = {};
  out.triggers.clear();
  out.schedule.reset();
  out.on_cancel.clear();
  task.on_success.reset();
  task.on_error.reset();
  task.on_timeout.clear();
  out.outputs = "{{ (index .tasks \"" + task.id + "\").output }}";
  out.tasks.clear();
  out.tasks.push_back(std::move(task));
  return out;
}

void mask(json::Value& holder, std::string_view name) {
  const json::Value* found = holder.is_object() ? holder.find(name) : nullptr;
  if (found != nullptr && found->is_string() && !expression::is_template(found->as_string())) holder.set(name, "***");
}

Result<json::Value> described(const Workflow& definition, std::string_view list, std::string_view id,
                              const std::string& of) {
  const json::Value whole = shown_definition(definition);
  for (const json::Value& part : whole[list].as_array()) {
    if (part["id"].string_or("") != id) continue;
    json::Value view = json::Value::object({{"id", id}});
    if (!of.empty()) view.set("workflow_id", of);
    for (const auto& [name, value] : part.as_object()) view.set(name, value);
    return view;
  }
  return fail(Errc::internal, "the definition has no '" + std::string(id) + "'");
}

}  // namespace

json::Value shown_definition(const Workflow& workflow) {
  json::Value shown = to_json(workflow);
  json::Value agents = shown["agents"];
  if (agents.is_array()) {
    for (json::Value& agent : agents.mutable_array()) {
      json::Value model = agent["model"];
      mask(model, "api_key");
      if (model.is_object()) agent.set("model", std::move(model));
    }
    shown.set("agents", std::move(agents));
  }
  json::Value triggers = shown["triggers"];
  if (triggers.is_array()) {
    for (json::Value& trigger : triggers.mutable_array()) {
      json::Value webhook = trigger["webhook"];
      mask(webhook, "secret");
      if (webhook.is_object()) trigger.set("webhook", std::move(webhook));
    }
    shown.set("triggers", std::move(triggers));
  }
  return shown;
}

Result<json::Value> describe_agent(const Project& project, const DirectRun& run) {
  std::vector<Named> all;
  for (const DirectBase& base : project.agents) all.push_back({.id = agent_of(base), .of = base.workflow});
  TRY(const size_t chosen, choose(all, "agent", run));
  const DirectBase& base = project.agents[chosen];
  return described(base.definition, "agents", run.id, base.workflow);
}

Result<json::Value> describe_task(const Project& project, const DirectRun& run) {
  const std::vector<FoundTask> tasks = tasks_of(project);
  std::vector<Named> all;
  for (const FoundTask& found : tasks) all.push_back({.id = found.task->id, .of = found.of});
  TRY(const size_t chosen, choose(all, "task", run));
  return described(*tasks[chosen].workflow, "tasks", run.id, tasks[chosen].of);
}

std::vector<DirectPart> direct_agents(const Project& project) {
  std::vector<DirectPart> out;
  for (const DirectBase& base : project.agents) {
    DirectPart& part = out.emplace_back();
    part.id = agent_of(base);
    part.workflow = base.workflow;
    for (const Action& action : base.definition.find_agent(part.id)->actions) part.actions.push_back(action.id);
  }
  return out;
}

std::vector<DirectPart> direct_tasks(const Project& project) {
  std::vector<DirectPart> out;
  for (const FoundTask& found : tasks_of(project))
    out.push_back({.id = found.task->id, .workflow = found.of, .actions = {}, .type = found.task->type});
  return out;
}

Result<Workflow> direct_agent(const Project& project, const DirectRun& run) {
  std::vector<Named> all;
  for (const DirectBase& base : project.agents) all.push_back({.id = agent_of(base), .of = base.workflow});
  TRY(const size_t chosen, choose(all, "agent", run));
  const Workflow& base = project.agents[chosen].definition;
  if (run.action.empty() && run.prompt.empty()) {
    return fail(Error{.code = Errc::invalid_argument,
                      .message = "agent '" + run.id + "' needs an 'action', a 'prompt' or both",
                      .field = "action"});
  }
  const Agent& agent = *base.find_agent(run.id);
  if (!run.action.empty() && agent.find_action(run.action) == nullptr) {
    std::vector<std::string> actions;
    for (const Action& action : agent.actions) actions.push_back(action.id);
    return fail(Error{
        .code = Errc::not_found,
        .message = "agent '" + run.id + "' has no action '" + run.action + "'" + did_you_mean(run.action, actions),
        .field = "action"});
  }
  Task task = base.tasks.front();
  task.action = run.action;
  task.prompt = literal(run.prompt);
  return around(base, std::string(kDirectAgent) + run.id, std::move(task));
}

Result<Workflow> direct_task(const Project& project, const DirectRun& run) {
  const std::vector<FoundTask> tasks = tasks_of(project);
  std::vector<Named> all;
  for (const FoundTask& found : tasks) all.push_back({.id = found.task->id, .of = found.of});
  TRY(const size_t chosen, choose(all, "task", run));
  return around(*tasks[chosen].workflow, std::string(kDirectTask) + run.id, *tasks[chosen].task);
}

}  // namespace compozy::project
