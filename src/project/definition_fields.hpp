// SPDX-License-Identifier: Apache-2.0
//
// The fields of each struct of a definition, once: reading and writing JSON both derive from this list.
// Private to definition*.cpp. A name here is part of a stored format: never rename one.
#pragma once

#include <array>
#include <optional>
#include <string_view>
#include <type_traits>

#include "project/definition.hpp"
#include "project/enum_names.hpp"
#include "project/policy_fields.hpp"

namespace compozy::project {

template <class V, Is<Transition> T>
void fields(V& v, T& x) {
  v("next", x.next);
  v("with", x.with);
}

template <class V, Is<ModelConfig> T>
void fields(V& v, T& x) {
  v("id", x.id);
  v("provider", x.provider);
  v("model", x.model);
  v("api_key", x.api_key);
  v("api_url", x.api_url);
  v("organization", x.organization);
  v("max_tool_iterations", x.max_tool_iterations);
  v("context_window", x.context_window);
  v("rate_limit", x.rate_limit);
  v("params", x.params);
}

template <class V, Is<Action> T>
void fields(V& v, T& x) {
  v("id", x.id);
  v("prompt", x.prompt);
  v("input_schema", x.input_schema);
  v("output_schema", x.output_schema);
  v("with", x.with);
  v("json_mode", x.json_mode);
}

template <class V, Is<MemoryRef> T>
void fields(V& v, T& x) {
  v("id", x.id);
  v("key", x.key);
  v("read_only", x.read_only);
}

template <class V, Is<Agent> T>
void fields(V& v, T& x) {
  v("id", x.id);
  v("instructions", x.instructions);
  v("model", x.model);
  v("actions", x.actions);
  v("with", x.with);
  v("env", x.env);
  v("tools", x.tools);
  v("memory", x.memory);
  v("max_iterations", x.max_iterations);
}

template <class V, Is<Tool> T>
void fields(V& v, T& x) {
  v("id", x.id);
  v("runtime", x.runtime);
  v("source", x.source);
  v("args", x.args);
  v("description", x.description);
  v("input_schema", x.input_schema);
  v("output_schema", x.output_schema);
  v("with", x.with);
  v("config", x.config);
  v("env", x.env);
  v("timeout_ms", x.timeout_ms);
}

template <class V, Is<Memory> T>
void fields(V& v, T& x) {
  v("id", x.id);
  v("type", x.type);
  v("description", x.description);
  v("default_key_template", x.default_key_template);
  v("max_tokens", x.max_tokens);
  v("max_messages", x.max_messages);
  v("ttl_ms", x.ttl_ms);
  v("config", x.config);
}

template <class V, Is<WebhookEvent> T>
void fields(V& v, T& x) {
  v("name", x.name);
  v("filter", x.filter);
  v("input", x.input);
  v("schema", x.schema);
}

template <class V, Is<Webhook> T>
void fields(V& v, T& x) {
  v("slug", x.slug);
  v("method", x.method);
  v("verification", x.verification);
  v("secret", x.secret);
  v("header", x.header);
  v("skew_ms", x.skew_ms);
  v("dedupe", x.dedupe);
  v("dedupe_ttl_ms", x.dedupe_ttl_ms);
  v("dedupe_key", x.dedupe_key);
  v("events", x.events);
}

template <class V, Is<Trigger> T>
void fields(V& v, T& x) {
  v("name", x.name);
  v("schema", x.schema);
  v("webhook", x.webhook);
}

template <class V, Is<Task> T>
void fields(V& v, T& x) {
  v("id", x.id);
  v("type", x.type);
  v("with", x.with);
  v("input_schema", x.input_schema);
  v("output_schema", x.output_schema);
  v("outputs", x.outputs);
  v("env", x.env);
  v("on_success", x.on_success);
  v("on_error", x.on_error);
  v("final", x.is_final);
  v("sleep_ms", x.sleep_ms);
  v("timeout_ms", x.timeout_ms);
  v("policy", x.policy);
  v("agent", x.agent);
  v("action", x.action);
  v("prompt", x.prompt);
  v("tool", x.tool);
  v("condition", x.condition);
  v("routes", x.routes);
  v("default_route", x.default_route);
  v("tasks", x.tasks);
  v("strategy", x.strategy);
  v("max_workers", x.max_workers);
  v("items", x.items);
  v("filter", x.filter);
  v("item_var", x.item_var);
  v("index_var", x.index_var);
  v("mode", x.mode);
  v("batch", x.batch);
  v("wait_for", x.wait_for);
  v("on_timeout", x.on_timeout);
  v("signal_id", x.signal_id);
  v("payload", x.payload);
  v("operation", x.operation);
  v("memory_ref", x.memory_ref);
  v("key_template", x.key_template);
  v("operation_config", x.operation_config);
  v("child_workflow", x.child_workflow);
  v("detached", x.detached);
  v("while", x.loop_while);
  v("until", x.loop_until);
  v("max_iterations", x.max_iterations);
  v("message", x.message);
  v("form", x.form);
  v("approvals_required", x.approvals_required);
  v("approvers", x.approvers);
}

template <class V, Is<Schedule> T>
void fields(V& v, T& x) {
  v("cron", x.cron);
  v("timezone", x.timezone);
  v("enabled", x.enabled);
  v("jitter_ms", x.jitter_ms);
  v("overlap", x.overlap);
  v("start_ms", x.start_ms);
  v("end_ms", x.end_ms);
  v("catch_up_ms", x.catch_up_ms);
  v("input", x.input);
}

template <class V, Is<RunRetention> T>
void fields(V& v, T& x) {
  v("succeeded_ms", x.succeeded_ms);
  v("failed_ms", x.failed_ms);
}

template <class V, Is<Workflow> T>
void fields(V& v, T& x) {
  v("id", x.id);
  v("version", x.version);
  v("description", x.description);
  v("project", x.project);
  v("input_schema", x.input_schema);
  v("env", x.env);
  v("tasks", x.tasks);
  v("outputs", x.outputs);
  v("agents", x.agents);
  v("tools", x.tools);
  v("memories", x.memories);
  v("triggers", x.triggers);
  v("schedule", x.schedule);
  v("on_cancel", x.on_cancel);
  v("attributes", x.attributes);
  v("retention", x.retention);
}

struct AnyVisitor {
  template <class T>
  void operator()(std::string_view, T&) {}
};

template <class T>
concept HasFields = requires(AnyVisitor& visitor, T& value) { fields(visitor, value); };

}  // namespace compozy::project
