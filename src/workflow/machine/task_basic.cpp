// SPDX-License-Identifier: Apache-2.0
//
// basic, memory and signal: one activity each.
//
//   entered ──[sleep]──> activity opened ──outcome──> outputs rendered ──> closed
#include <ranges>

#include "expression/template/template.hpp"
#include "json/print.hpp"
#include "workflow/machine/decider.hpp"

namespace compozy::workflow {

namespace {

// A tool or agent may say in its output that it failed: a non-empty `error`, or `success` that is false.
std::string reported_error(const json::Value& output) {
  if (!output.is_object()) return {};
  if (const json::Value* error = output.find("error"); error != nullptr && !error->is_null()) {
    if (error->is_string()) {
      if (!error->as_string().empty()) return error->as_string();
    } else if (error->is_object() && (*error)["message"].is_string()) {
      return (*error)["message"].as_string();
    } else if (!(*error == json::Value(false))) {
      return json::print(*error);
    }
  }
  const json::Value& success = output["success"];
  if (success == json::Value(false) || success == json::Value("false")) return "the output says success: false";
  return {};
}

}  // namespace

void Decider::advance_basic(const Task& task, Frame& frame) {
  if (frame.outcome) {
    if (frame.outcome->status != Status::success) return close(frame.path, *frame.outcome);
    const json::Value output = frame.outcome->output;
    if (const std::string reported = reported_error(output); !reported.empty()) {
      return close(frame.path, failure("task_output_error", "task output error: " + reported, output));
    }
    return close_with_outputs(task, frame, output, {});
  }
  if (frame.main_op != 0) return;
  if (!task.agent.empty()) return start_activity(task, frame, &Decider::agent_spec);
  if (!task.tool.empty()) return start_activity(task, frame, &Decider::tool_spec);
  close_with_outputs(task, frame, frame.input.is_null() ? json::Value::object() : frame.input, {});  // a marker
}

void Decider::start_activity(const Task& task, Frame& frame, SpecOf spec_of) {
  const auto whole = [&]() -> Result<json::Value> {  // the context is gone before the records
    const json::Value context = context_of(task, frame);
    TRY(json::Value spec, (this->*spec_of)(task, frame, context));
    TRY(json::Value limits, admission(task.policy, context));
    if (!limits.is_null()) spec.set("admission", std::move(limits));
    return spec;
  };
  auto spec = whole();
  if (!spec) return close(frame.path, failure(std::move(spec).error().with_context("task '" + frame.id + "'")));
  open_op(frame, OpKind::activity, "main", std::move(*spec), 0);
}

// What the driver asks its limits for before it begins: {concurrency: [{key, limit}], rate: {key, limit, period_ms,
// burst}, priority}. Null where the task has no limit of its own.
Result<json::Value> Decider::admission(const project::Policy& policy, const json::Value& context) {
  if (policy.concurrency.empty() && !policy.rate_limit && policy.priority == 0) return json::Value();
  json::Value out = json::Value::object();
  if (policy.priority != 0) out.set("priority", policy.priority);
  json::Value slots = json::Value::array();
  for (const project::ConcurrencyLimit& limit : policy.concurrency) {
    TRY(std::string key, limit_key(limit.scope, limit.key, context));
    slots.push_back(json::Value::object({{"key", std::move(key)}, {"limit", limit.limit}}));
  }
  if (slots.size() != 0) out.set("concurrency", std::move(slots));
  if (const auto& rate = policy.rate_limit) {
    TRY(std::string key, limit_key(rate->scope, rate->key, context));
    out.set(
        "rate",
        json::Value::object(
            {{"key", std::move(key)}, {"limit", rate->limit}, {"period_ms", rate->period_ms}, {"burst", rate->burst}}));
  }
  return out;
}

Result<std::string> Decider::limit_key(const std::string& scope, const std::string& key, const json::Value& context) {
  if (key.empty()) return scope;
  if (expression::is_template(key)) {
    TRY(const std::string text, render_to_text(key, context));
    return scope + ':' + text;
  }
  TRY(const json::Value value, cel(key, context));
  return scope + ':' + (value.is_string() ? value.as_string() : json::print(value));
}

Result<json::Value> Decider::agent_spec(const Task& task, const Frame& frame, const json::Value& around) {
  const project::Agent* agent = program_.workflow().find_agent(task.agent);
  if (agent == nullptr) return fail(Errc::not_found, "the definition has no agent '" + task.agent + "'");
  const project::Action* action = agent->find_action(task.action);
  json::Value context = around;
  TRY(json::Value defaults, render(agent->with, context));
  if (action != nullptr) {
    TRY(const json::Value action_with, render(action->with, context));
    defaults = merge(std::move(defaults), action_with);
  }
  const json::Value input = merge(std::move(defaults), frame.input);
  if (action != nullptr) {
    if (const json::Schema* schema = program_.schema(action->input_schema))
      TRY(schema->check(input.is_null() ? json::Value::object() : input));
  }
  const json::Value seen = merge(frame.vars.is_null() ? json::Value::object() : frame.vars, input);
  context.set("input", seen);
  context.set("with", seen);
  TRY(const json::Value env, render(agent->env, context));
  if (!env.is_null()) context.set("env", merge(context["env"], env));
  TRY(std::string instructions, render_to_text(agent->instructions, context));
  TRY(std::string prompt, render_to_text(action == nullptr ? std::string() : action->prompt, context));
  TRY(const std::string added, render_to_text(task.prompt, context));
  if (!added.empty()) prompt += (prompt.empty() ? "" : "\n\n") + added;
  json::Value memory = json::Value::array();
  for (const project::MemoryRef& reference : agent->memory) {
    TRY(std::string key, render_to_text(reference.key, context));
    memory.push_back(
        json::Value::object({{"id", reference.id}, {"key", std::move(key)}, {"read_only", reference.read_only}}));
  }
  json::Value spec = json::Value::object({{"kind", "agent"},
                                          {"agent", task.agent},
                                          {"action", task.action},
                                          {"instructions", std::move(instructions)},
                                          {"prompt", std::move(prompt)},
                                          {"input", input}});
  if (memory.size() != 0) spec.set("memory", std::move(memory));
  if (!env.is_null()) spec.set("env", env);
  return spec;
}

// The host's own environment is not the tool's: only what the workflow, the task, those around it and the tool declare.
json::Value Decider::declared_env(const Task& task, const Frame& frame, const json::Value& env) {
  std::vector<const json::Value*> sources{&task.env};
  for (std::string around = frame.parent; !around.empty(); around = parent_path(around)) {
    if (const Task* outer = program_.find_task(around)) sources.push_back(&outer->env);
  }
  sources.push_back(&program_.workflow().env);
  json::Value declared = json::Value::object();
  for (const json::Value* source : sources | std::views::reverse) {
    if (!source->is_object()) continue;
    for (const auto& [name, value] : source->as_object()) declared.set(name, env[name]);
  }
  return declared;
}

Result<json::Value> Decider::tool_spec(const Task& task, const Frame& frame, const json::Value& context) {
  json::Value input = frame.input.is_null() ? json::Value::object() : frame.input;
  json::Value env = context["env"];
  if (const project::Tool* tool = program_.workflow().find_tool(task.tool)) {
    TRY(const json::Value defaults, render(tool->with, context));
    input = merge(defaults.is_null() ? json::Value::object() : defaults, input);
    TRY(const json::Value tool_env, render(tool->env, context));
    env = merge(task.env.is_null() ? json::Value::object() : env, tool_env);
  }
  json::Value spec = json::Value::object({{"kind", "tool"}, {"tool", task.tool}, {"input", std::move(input)}});
  json::Value declared = declared_env(task, frame, context["env"]);
  if (const project::Tool* tool = program_.workflow().find_tool(task.tool); tool != nullptr && tool->env.is_object()) {
    for (const auto& [name, value] : tool->env.as_object()) declared.set(name, env[name]);
  }
  if (declared.size() != 0) spec.set("env", std::move(declared));
  return spec;
}

void Decider::advance_memory(const Task& task, Frame& frame) {
  if (frame.outcome) {
    if (frame.outcome->status != Status::success) return close(frame.path, *frame.outcome);
    return close_with_outputs(task, frame, frame.outcome->output, {});
  }
  if (frame.main_op == 0) start_activity(task, frame, &Decider::memory_spec);
}

Result<json::Value> Decider::memory_spec(const Task& task, const Frame&, const json::Value& context) {
  TRY(std::string key, render_to_text(task.key_template, context));
  TRY(json::Value payload, render(task.payload, context));
  TRY(json::Value config, render(task.operation_config, context));
  json::Value spec = json::Value::object({{"kind", "memory"},
                                          {"operation", project::memory_operation_name(task.operation)},
                                          {"memory", task.memory_ref},
                                          {"key", std::move(key)}});
  if (!payload.is_null()) spec.set("payload", std::move(payload));
  if (!config.is_null()) spec.set("config", std::move(config));
  return spec;
}

void Decider::advance_signal(const Task& task, Frame& frame) {
  if (frame.outcome) {
    if (frame.outcome->status != Status::success) return close(frame.path, *frame.outcome);
    return close_with_outputs(task, frame,
                              json::Value::object({{"signal_dispatched", true}, {"signal_id", task.signal_id}}), {});
  }
  if (frame.main_op == 0) start_activity(task, frame, &Decider::signal_spec);
}

Result<json::Value> Decider::signal_spec(const Task& task, const Frame&, const json::Value& context) {
  TRY(json::Value payload, render(task.payload, context));
  if (payload.is_null()) payload = json::Value::object();
  return json::Value::object({{"kind", "signal"}, {"name", task.signal_id}, {"payload", std::move(payload)}});
}

// The end of every task that succeeded: its schema, then its `outputs`.
void Decider::close_with_outputs(const Task& task, const Frame& frame, json::Value output, const json::Value& children,
                                 std::string route) {
  if (const json::Schema* schema = program_.schema(task.output_schema)) {
    if (auto fits = schema->check(output); !fits) {
      return close(frame.path, failure(std::move(fits).error().with_context("output of task '" + frame.id + "'")));
    }
  }
  if (task.outputs.is_null())
    return close(frame.path, {.status = Status::success, .output = std::move(output), .error = {}}, std::move(route));
  const auto shape = [&] {  // the context is gone before the task closes: `.tasks` is then changed in place
    json::Value context = context_of(task, frame);
    context.set("output", children.is_null() ? output : output["outputs"]);
    if (!children.is_null()) {
      context.set("children", children).set("results", output["results"]);
      context.set("progress_info", output["progress_info"]);
    }
    return render(task.outputs, context);
  };
  auto shaped = shape();
  if (!shaped)
    return close(frame.path, failure(std::move(shaped).error().with_context("outputs of task '" + frame.id + "'")));
  close(frame.path, {.status = Status::success, .output = std::move(*shaped), .error = {}}, std::move(route));
}

}  // namespace compozy::workflow
