// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <set>

#include "base/duration.hpp"
#include "base/text.hpp"
#include "expression/template/template.hpp"
#include "json/schema.hpp"
#include "project/builder.hpp"

namespace compozy::project {

const Node* Shelf::find(std::string_view kind, std::string_view id) const {
  auto shelf = by_kind.find(kind);
  if (shelf == by_kind.end()) return nullptr;
  auto found = shelf->second.find(id);
  return found == shelf->second.end() ? nullptr : &found->second;
}

std::vector<std::string> Shelf::ids(std::string_view kind) const {
  std::vector<std::string> out;
  if (auto shelf = by_kind.find(kind); shelf != by_kind.end()) {
    for (const auto& [id, node] : shelf->second) out.push_back(id);
  }
  return out;
}

int64_t duration_of(const Node& node, std::string_view name) {
  auto parsed = parse_duration_ms(node.text(name));
  return parsed ? *parsed : 0;
}

int64_t integer_of(const Node& node, std::string_view name, int64_t fallback) {
  return node.json(name).integer_or(fallback);
}

bool is_plain_name(std::string_view name, std::string_view further) {
  return std::ranges::all_of(name, [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           further.contains(c);
  });
}

void check_templates(const Node& node, const std::string& path, Diagnostics& diagnostics, std::vector<TaskUse>& uses) {
  for (const Node::Member& member : node.members) {
    check_templates(member.value, path + '.' + member.name, diagnostics, uses);
  }
  for (size_t i = 0; i < node.items.size(); ++i) {
    check_templates(node.items[i], path + '[' + std::to_string(i) + ']', diagnostics, uses);
  }
  if (!node.is_text() || !expression::is_template(node.scalar.as_string())) return;
  auto parsed = expression::Template::parse(node.scalar.as_string());
  if (!parsed) return diagnostics.add_inside(node, path, std::move(parsed).error());
  for (const expression::Reference& reference : parsed->references())
    uses.push_back({.reference = reference, .mark = node.mark, .field = path});
}

std::optional<Transition> build_transition(const Node& node, const std::string& path, Diagnostics& diagnostics) {
  if (!check_fields(node, kTransitionFields, path, diagnostics)) return std::nullopt;
  if (expression::is_template(node.text("next"))) {
    diagnostics.add(*node.find("next"), path + ".next",
                    "must be the id of a task; use a router task to choose one at run time", Errc::unsupported);
    return std::nullopt;
  }
  return Transition{.next = node.text("next"), .with = node.json("with")};
}

void apply_options(const Node& config, Policy& policy, bool& total_is_set, std::optional<Transition>& on_error,
                   const std::string& path, Diagnostics& diagnostics) {
  const auto take = [&](std::string_view name, int64_t& field) {
    if (config.find(name) != nullptr) field = duration_of(config, name);
  };
  take("schedule_to_start_timeout", policy.schedule_to_start_ms);
  take("start_to_close_timeout", policy.start_to_close_ms);
  take("heartbeat_timeout", policy.heartbeat_ms);
  if (config.find("schedule_to_close_timeout") != nullptr) {
    policy.schedule_to_close_ms = duration_of(config, "schedule_to_close_timeout");
    total_is_set = true;
  }
  if (const Node* next = config.find("on_error")) on_error = build_transition(*next, path + ".on_error", diagnostics);
  const Node* retry = config.find("retry_policy");
  if (retry == nullptr || !check_fields(*retry, kRetryFields, path + ".retry_policy", diagnostics)) return;
  if (retry->find("initial_interval") != nullptr) policy.retry.initial_ms = duration_of(*retry, "initial_interval");
  if (retry->find("maximum_interval") != nullptr) policy.retry.maximum_ms = duration_of(*retry, "maximum_interval");
  if (retry->find("backoff_coefficient") != nullptr) {
    policy.retry.backoff = retry->json("backoff_coefficient").double_or(2.0);
    if (policy.retry.backoff < 1)
      diagnostics.add(*retry->find("backoff_coefficient"), path + ".retry_policy", "must be at least 1");
  }
  policy.retry.attempts = integer_of(*retry, "maximum_attempts", policy.retry.attempts);
  if (policy.retry.attempts < 1)
    diagnostics.add(*retry->find("maximum_attempts"), path + ".retry_policy", "must be at least 1");
  if (const Node* types = retry->find("non_retryable_error_types")) {
    policy.retry.non_retryable.clear();
    for (const Node& type : types->items) policy.retry.non_retryable.push_back(scalar_text(type));
  }
}

void check_author(const Node& owner, Diagnostics& diagnostics) {
  const Node* author = owner.find("author");
  if (author == nullptr || !check_fields(*author, kAuthorFields, "author", diagnostics)) return;
  const Node* contributors = author->find("contributors");
  if (contributors == nullptr || !contributors->is_list()) return;
  for (size_t i = 0; i < contributors->items.size(); ++i) {
    check_fields(contributors->items[i], kContributorFields, "author.contributors[" + std::to_string(i) + ']',
                 diagnostics);
  }
}

void check_source_of_truth(const Node& config, const std::string& path, Diagnostics& diagnostics) {
  const Node* source = config.find("source_of_truth");
  if (source == nullptr || scalar_text(*source) == "repo") return;
  diagnostics.add(*source, path + ".source_of_truth",
                  "only 'repo' is supported: the files of the project are what counts", Errc::unsupported);
}

void Builder::check_alone(std::string_view kind, const Node& node) {
  if (kind == "agent") {
    build_agent(node, "");
  } else if (kind == "tool") {
    build_tool(node, "");
  } else if (kind == "schema" && node.is_map()) {
    json::Value document = node.json();
    document.mutable_object().erase("id");
    document.mutable_object().erase("resource");
    if (auto compiled = json::Schema::compile(document); !compiled)
      diagnostics_.add_inside(node, "", std::move(compiled).error());
  }
}

void Builder::check_schemas() {
  const Node* schemas = file_.find("schemas");
  if (schemas == nullptr || !schemas->is_list()) return;
  std::set<std::string> ids;
  for (size_t i = 0; i < schemas->items.size(); ++i) {
    const Node& node = schemas->items[i];
    const std::string path = "schemas[" + std::to_string(i) + ']';
    const std::string id = node.text("id");
    if (id.empty()) diagnostics_.add(node, path, "a schema needs 'id'");
    if (!id.empty() && !ids.insert(id).second) diagnostics_.add(node, path, "schema '" + id + "' is defined twice");
    check_alone("schema", node);
  }
}

json::Value Builder::schema_by_id(const Node& id, const std::string& path) {
  const std::string& wanted = id.scalar.as_string();
  const Node* found = own("schemas", wanted);
  if (found == nullptr) found = shelf_.find("schema", wanted);
  if (found != nullptr) return found->json();
  diagnostics_.add(id, path, "unknown schema '" + wanted + "'" + did_you_mean(wanted, known_ids("schemas", "schema")));
  return {};
}

json::Value Builder::schema_of(const Node& owner, std::string_view field, const std::string& path) {
  const Node* node = owner.find(field);
  if (node == nullptr || (!node->is_map() && !node->is_text())) return {};
  const std::string where = path.empty() ? std::string(field) : path + '.' + std::string(field);
  json::Value document = node->is_text() ? schema_by_id(*node, where) : node->json();
  if (!document.is_object()) return {};
  for (const char* name : {"id", "resource"}) {
    if (document[name].is_string()) document.mutable_object().erase(name);
  }
  auto compiled = json::Schema::compile(document);
  if (!compiled) diagnostics_.add_inside(*node, where, std::move(compiled).error());
  return document;
}

void Builder::build_config(const Node& config) {
  if (!check_fields(config, kWorkflowConfigFields, "config", diagnostics_)) return;
  apply_options(config, policy_, total_is_set_, on_error_, "config", diagnostics_);
  workflow_.input_schema = schema_of(config, "input", "config");
  if (const Node* env = config.find("env")) {
    check_templates(*env, "config.env", diagnostics_, uses_);
    json::Value merged = shelf_.env.is_object() ? shelf_.env : json::Value::object();
    for (const Node::Member& member : env->members) merged.set(member.name, member.value.json());
    workflow_.env = std::move(merged);
  }
}

void Builder::build_attributes(const Node& attributes) {
  check_templates(attributes, "attributes", diagnostics_, uses_);
  if (attributes.members.size() > kAttributesMax)
    diagnostics_.add(attributes, "attributes", "a workflow has at most " + std::to_string(kAttributesMax));
  for (const Node::Member& member : attributes.members) {
    const std::string where = "attributes." + member.name;
    if (!is_plain_name(member.name, "")) diagnostics_.add(member.value, where, "a name has letters, digits and '_'");
    if (member.value.shape != Node::Shape::scalar || member.value.is_null())
      diagnostics_.add(member.value, where, "expected a template, a text, a number or true or false");
  }
  workflow_.attributes = attributes.json();
}

void Builder::build_retention(const Node& retention) {
  if (!check_fields(retention, kRetentionFields, "retention", diagnostics_)) return;
  if (retention.find("succeeded") != nullptr) workflow_.retention.succeeded_ms = duration_of(retention, "succeeded");
  if (retention.find("failed") != nullptr) workflow_.retention.failed_ms = duration_of(retention, "failed");
}

Workflow Builder::build() {
  policy_ = shelf_.policy;
  total_is_set_ = shelf_.policy.schedule_to_close_ms != 0;
  on_error_ = shelf_.on_error;
  workflow_.env = shelf_.env;
  if (!check_fields(file_, kWorkflowFields, "", diagnostics_)) return {};
  workflow_.id = file_.text("id");
  workflow_.version = file_.find("version") != nullptr ? scalar_text(*file_.find("version")) : "";
  workflow_.description = file_.text("description");
  workflow_.project = shelf_.project;
  check_author(file_, diagnostics_);
  if (!is_plain_name(workflow_.id, "-.")) {
    diagnostics_.add(*file_.find("id"), "id",
                     "'" + workflow_.id + "' is no id; expected letters, digits, '_', '-' and '.'");
  }
  check_schemas();
  if (const Node* config = file_.find("config")) build_config(*config);
  if (const Node* triggers = file_.find("triggers")) build_triggers(*triggers);
  if (const Node* schedule = file_.find("schedule")) build_schedule(*schedule);
  workflow_.on_cancel = file_.text("on_cancel");
  if (const Node* attributes = file_.find("attributes"); attributes != nullptr && attributes->is_map())
    build_attributes(*attributes);
  if (const Node* retention = file_.find("retention")) build_retention(*retention);
  for (const char* list : {"agents", "tools"}) {
    const Node* nodes = file_.find(list);
    if (nodes == nullptr) continue;
    for (size_t i = 0; i < nodes->items.size(); ++i) {
      const std::string path = std::string(list) + '[' + std::to_string(i) + ']';
      std::string_view(list) == "agents" ? use_agent(nodes->items[i], path, "") : use_tool(nodes->items[i], path, "");
    }
  }
  if (const Node* tasks = file_.find("tasks"); tasks != nullptr && tasks->is_list()) {
    if (tasks->items.empty()) diagnostics_.add(*tasks, "tasks", "a workflow needs at least one task");
    workflow_.tasks = build_tasks(*tasks, "tasks", "", true);
    std::ranges::move(hoisted_, std::back_inserter(workflow_.tasks));
  }
  if (const Node* outputs = file_.find("outputs")) {
    check_templates(*outputs, "outputs", diagnostics_, uses_);
    if (outputs->is_map() && outputs->members.empty())
      diagnostics_.add(*outputs, "outputs", "must not be empty; leave it out");
    workflow_.outputs = outputs->json();
  }
  check_graph();
  return std::move(workflow_);
}

}  // namespace compozy::project
