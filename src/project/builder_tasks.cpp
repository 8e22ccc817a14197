// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include "base/text.hpp"
#include "expression/cel/cel.hpp"
#include "expression/template/template.hpp"
#include "project/builder.hpp"
#include "project/condition.hpp"
#include "project/definition_fields.hpp"

namespace compozy::project {
namespace {

bool is_identifier(std::string_view id) { return !id.empty() && is_plain_name(id, "-."); }

bool is_variable_name(std::string_view name) {
  return !name.empty() && is_plain_name(name, "") && !(name[0] >= '0' && name[0] <= '9');
}

// Reads an enum's member by its name; an unknown one is reported with the nearest.
template <class E>
E enum_of(const Node& node, std::string_view field, E fallback, const std::string& path, Diagnostics& diagnostics) {
  const Node* found = node.find(field);
  if (found == nullptr || !found->is_text()) return fallback;
  const std::string& name = found->scalar.as_string();
  if (auto parsed = enum_from_name<E>(name)) return *parsed;
  diagnostics.add(*found, path + '.' + std::string(field),
                  "unknown " + std::string(field) + " '" + name + "'" + did_you_mean(name, EnumNames<E>::kNames));
  return fallback;
}

const ObjectKind& memory_config_fields(std::string_view section) {
  if (section == "flush") return kFlushConfigFields;
  if (section == "health") return kHealthConfigFields;
  return section == "clear" ? kClearConfigFields : kStatsConfigFields;
}

}  // namespace

void Builder::check_task_id(const Node& node, const std::string& id, const std::string& path) {
  const Node* at = node.find("id");
  if (at == nullptr) return;
  if (expression::is_template(id)) {
    check_templates(*at, path + ".id", diagnostics_, uses_);
    if (collections_ == 0) diagnostics_.add(*at, path + ".id", "only inside a collection may an id be a template");
  } else if (!is_identifier(id)) {
    diagnostics_.add(*at, path + ".id", "'" + id + "' is no id; expected letters, digits, '_', '-' and '.'");
  }
}

std::vector<Task> Builder::build_tasks(const Node& list, const std::string& path, const std::string& parent,
                                       bool is_top_level) {
  std::vector<Task> out;
  std::set<std::string> ids;
  for (size_t i = 0; i < list.items.size(); ++i) {
    const Node& node = list.items[i];
    const std::string where = path + '[' + std::to_string(i) + ']';
    Task task = build_task(node, where, parent, is_top_level);
    if (!task.id.empty() && !ids.insert(task.id).second)
      diagnostics_.add(node, where + ".id", "task '" + task.id + "' is defined twice here");
    const size_t at_router = out.size();
    out.push_back(std::move(task));
    for (Task& route : std::exchange(hoisted_siblings_, {})) {
      if (!ids.insert(route.id).second)
        diagnostics_.add(node, where, "task '" + route.id + "' is defined twice here, once as a route");
      // One of several ways, all of which meet again after the router.
      if (!route.on_success && route.type != TaskType::router) {
        const Node* next = i + 1 < list.items.size() ? list.items[i + 1].find("id") : nullptr;
        const std::string meeting = next == nullptr ? std::string() : scalar_text(*next);
        const Task& router = out[at_router];
        const bool is_a_way =
            meeting == router.default_route ||
            std::ranges::any_of(router.routes, [&](const auto& way) { return way.second == meeting; });
        route.is_final |= next == nullptr;
        if (next != nullptr && !is_a_way) route.on_success = Transition{.next = meeting, .with = {}};
      }
      out.push_back(std::move(route));
    }
  }
  return out;
}

Task Builder::build_task(const Node& node, const std::string& path, const std::string& parent, bool is_top_level) {
  Task task;
  task.type = enum_of(node, "type", TaskType::basic, path, diagnostics_);
  if (!check_task_fields(node, task.type, path, diagnostics_)) return task;
  task.id = node.find("id") != nullptr ? scalar_text(*node.find("id")) : "";
  const std::string qualified = parent.empty() ? task.id : parent + '/' + task.id;
  if (is_top_level) top_level_.emplace(task.id, node);
  if (in_sequence_) siblings_.emplace(task.id, node);
  if (depth_ >= kTaskDepthMax) {
    diagnostics_.add(node, path, "tasks nest deeper than " + std::to_string(kTaskDepthMax) + " levels");
    return task;
  }
  ++depth_;
  const bool in_sequence = std::exchange(in_sequence_, false);
  const size_t first_use = uses_.size();
  const Policy outer_policy = policy_;
  const bool outer_total_is_set = total_is_set_;
  check_task_id(node, task.id, path);
  const int64_t outer_place = place_;
  const int64_t place = open_place(task, path, is_top_level);
  build_common(node, task, path, is_top_level);
  if (!is_top_level && !in_sequence) check_no_links(node, path);
  build_limits(node, task, path, qualified);
  switch (task.type) {
    case TaskType::basic: build_basic(node, task, path, qualified); break;
    case TaskType::router:
      if (!is_top_level && !in_sequence)
        diagnostics_.add(node, path, "a router chooses what comes next; it stands at top level or in a composite");
      in_sequence_ = in_sequence;
      build_router(node, task, path, parent);
      break;
    case TaskType::parallel:
    case TaskType::composite: build_children(node, task, path, qualified); break;
    case TaskType::collection: build_collection(node, task, path, qualified); break;
    case TaskType::aggregate:
      if (task.outputs.size() == 0)
        diagnostics_.add(node, path, "an aggregate task needs 'outputs', and not empty ones");
      break;
    case TaskType::wait: build_wait(node, task, path, qualified); break;
    case TaskType::signal: build_signal(node, task, path); break;
    case TaskType::memory: build_memory_task(node, task, path); break;
    case TaskType::workflow: build_child_run(node, task, path); break;
    case TaskType::loop: build_loop(node, task, path, qualified); break;
    case TaskType::approval: build_approval(node, task, path); break;
  }
  policy_ = outer_policy;
  total_is_set_ = outer_total_is_set;
  close_place(place, first_use, task);
  place_ = outer_place;
  in_sequence_ = in_sequence;
  --depth_;
  return task;
}

void Builder::build_common(const Node& node, Task& task, const std::string& path, bool is_top_level) {
  for (const char* field : {"with", "outputs", "env"}) {
    if (const Node* tree = node.find(field)) check_templates(*tree, path + '.' + field, diagnostics_, uses_);
  }
  task.with = node.json("with");
  task.outputs = node.json("outputs");
  task.env = node.json("env");
  task.input_schema = schema_of(node, "input", path);
  task.output_schema = schema_of(node, "output", path);
  task.is_final = node.json("final").bool_or(false);
  if (const Node* condition = node.find("condition"); condition != nullptr && !works_with_condition(task.type)) {
    task.condition = scalar_text(*condition);
    check_condition(*condition, path + ".condition", {});
  }
  task.sleep_ms = duration_of(node, "sleep");
  task.timeout_ms = duration_of(node, "timeout");
  for (const char* field : {"on_success", "on_error"}) {
    const Node* transition = node.find(field);
    if (transition == nullptr) continue;
    const std::string where = path + '.' + field;
    if (const Node* with = transition->find("with")) check_templates(*with, where + ".with", diagnostics_, uses_);
    (std::string_view(field) == "on_success" ? task.on_success : task.on_error) =
        build_transition(*transition, where, diagnostics_);
  }
  build_policy(node, task, path);
  if (is_top_level && !task.on_error && on_error_ && on_error_->next != task.id) task.on_error = on_error_;
}

// Where the task around decides how it goes on.
void Builder::check_no_links(const Node& node, const std::string& path) {
  const Node* config = node.find("config");
  for (const auto& [field, link] : {std::pair{".on_success", node.find("on_success")},
                                    {".on_error", node.find("on_error")},
                                    {".on_timeout", node.find("on_timeout")},
                                    {".config.on_error", config == nullptr ? nullptr : config->find("on_error")}}) {
    if (link == nullptr) continue;
    diagnostics_.add(
        *link, path + field,
        "only at top level and in a composite does a task lead on; the one around it decides how it goes on");
  }
}

void Builder::build_policy(const Node& node, Task& task, const std::string& path) {
  task.policy = policy_;
  bool total_is_set = total_is_set_;
  const Node* config = node.find("config");
  if (config != nullptr && check_fields(*config, kOptionsFields, path + ".config", diagnostics_)) {
    apply_options(*config, task.policy, total_is_set, task.on_error, path + ".config", diagnostics_);
    check_source_of_truth(*config, path + ".config", diagnostics_);
  }
  const Node* retries = node.find("retries");
  const bool decides = task.type == TaskType::router || task.type == TaskType::aggregate ||
                       task.type == TaskType::approval || task.type == TaskType::workflow;
  if (retries != nullptr && decides) {
    diagnostics_.add(*retries, path + ".retries", "nothing of this task is tried again; 'on_error' can lead back to it",
                     Errc::unsupported);
  } else if (retries != nullptr) {
    if (retries->scalar.integer_or(0) > kRetriesMax) {
      diagnostics_.add(*retries, path + ".retries", "at most " + std::to_string(kRetriesMax));
    } else {
      task.policy.retry.attempts = retries->scalar.integer_or(2) + 1;
    }
  }
  const bool is_container = task.type == TaskType::parallel || task.type == TaskType::collection ||
                            task.type == TaskType::composite || task.type == TaskType::wait ||
                            task.type == TaskType::workflow || task.type == TaskType::loop ||
                            task.type == TaskType::approval;
  if (is_container) {  // what its tasks begin with, as they do with the workflow's
    policy_ = task.policy;
    total_is_set_ = total_is_set;
  }
  if (task.timeout_ms > 0 && !is_container) {
    // A limit for the task as a whole: one attempt can last no longer either.
    task.policy.schedule_to_close_ms = task.timeout_ms;
    task.policy.start_to_close_ms =
        task.policy.start_to_close_ms == 0 ? task.timeout_ms : std::min(task.policy.start_to_close_ms, task.timeout_ms);
  } else if (!total_is_set) {
    task.policy.schedule_to_close_ms = task.policy.all_attempts_ms();
  }
}

void Builder::build_basic(const Node& node, Task& task, const std::string& path, const std::string& qualified) {
  const Node* agent = node.find("agent");
  const Node* tool = node.find("tool");
  if (const Node* prompt = node.find("prompt")) {
    task.prompt = scalar_text(*prompt);
    check_templates(*prompt, path + ".prompt", diagnostics_, uses_);
  }
  task.action = node.text("action");
  if (agent != nullptr && tool != nullptr)
    return diagnostics_.add(*tool, path, "a task has an 'agent' or a 'tool', not both");
  if (tool != nullptr) {
    if (!task.action.empty()) diagnostics_.add(node, path + ".action", "'action' belongs to an agent, not to a tool");
    if (!task.prompt.empty()) diagnostics_.add(node, path + ".prompt", "'prompt' belongs to an agent, not to a tool");
    task.tool = use_tool(*tool, path + ".tool", "task:" + qualified);
    return;
  }
  if (agent == nullptr && !task.action.empty())
    return diagnostics_.add(*node.find("action"), path + ".action", "'action' needs an 'agent'");
  if (agent == nullptr && task.prompt.empty()) return;
  if (agent == nullptr) {  // a prompt alone: an agent of its own
    Agent own_agent;
    own_agent.id = "task:" + qualified;
    own_agent.model = model_of(node, "model_config", path);
    own_agent.tools = use_tools(node, path);
    own_agent.memory = use_memories(node, path);
    own_agent.max_iterations = integer_of(node, "max_iterations", 0);
    task.agent = own_agent.id;
    workflow_.agents.push_back(std::move(own_agent));
    return;
  }
  for (const char* field : {"model_config", "tools", "max_iterations", "memory"}) {
    if (const Node* at = node.find(field))
      diagnostics_.add(*at, path + '.' + field, "belongs to the agent; here it is for a task with only a 'prompt'");
  }
  task.agent = use_agent(*agent, path + ".agent", "task:" + qualified);
  const Agent* found = workflow_.find_agent(task.agent);
  if (found == nullptr) return;
  if (task.action.empty() && task.prompt.empty()) {
    return diagnostics_.add(node, path, "an agent task needs an 'action', a 'prompt' or both");
  }
  if (task.action.empty() || found->find_action(task.action) != nullptr) return;
  std::vector<std::string> names;
  names.reserve(found->actions.size());
  for (const Action& action : found->actions) names.push_back(action.id);
  diagnostics_.add(*node.find("action"), path + ".action",
                   "agent '" + task.agent + "' has no action '" + task.action + "'" + did_you_mean(task.action, names));
}

void Builder::check_condition(const Node& node, const std::string& path,
                              const std::vector<std::string_view>& further_names) {
  const std::string text = scalar_text(node);
  if (expression::is_template(text)) return check_templates(node, path, diagnostics_, uses_);
  std::vector<std::string_view> names(kConditionNames.begin(), kConditionNames.end());
  names.insert(names.end(), names_inside_.begin(), names_inside_.end());
  names.insert(names.end(), further_names.begin(), further_names.end());
  auto compiled = expression::Cel::compile(text, names);
  if (!compiled) return diagnostics_.add_inside(node, path, std::move(compiled).error());
  for (const expression::Reference& reference : compiled->references())
    uses_.push_back({.reference = reference, .mark = node.mark, .field = path});
}

// A route that is a task of its own: it stands beside the router.
Task Builder::build_route(const Node& node, const std::string& path, const std::string& parent) {
  if (!in_sequence_) return build_task(node, path, "", true);
  const int64_t router = std::exchange(place_, places_[static_cast<size_t>(place_)].parent);
  Task route = build_task(node, path, parent, false);
  place_ = router;
  return route;
}

void Builder::build_router(const Node& node, Task& task, const std::string& path, const std::string& parent) {
  const Node* condition = node.find("condition");
  const Node* routes = node.find("routes");
  if (condition == nullptr || routes == nullptr || !routes->is_map()) return;
  if (const Node* final = node.find("final"); final != nullptr && node.json("final").bool_or(false))
    diagnostics_.add(*final, path + ".final", "a router leads on by its routes; it cannot be final");
  task.condition = scalar_text(*condition);
  task.default_route = node.text("default_route");
  if (routes->members.empty() && task.default_route.empty())
    diagnostics_.add(*routes, path + ".routes", "needs at least one route");
  for (const Node::Member& route : routes->members) {
    const std::string where = path + ".routes." + route.name;
    if (route.value.shape == Node::Shape::scalar) {
      task.routes.emplace_back(route.name, scalar_text(route.value));
      continue;
    }
    Node inline_task = route.value;
    if (inline_task.is_map() && inline_task.find("id") == nullptr) {
      Node id;
      id.mark = inline_task.mark;
      id.scalar = task.id + '.' + route.name;
      inline_task.set("id", std::move(id));
    }
    Task hoisted = build_route(inline_task, where, parent);
    task.routes.emplace_back(route.name, hoisted.id);
    (in_sequence_ ? hoisted_siblings_ : hoisted_).push_back(std::move(hoisted));
  }
  const bool is_key =
      std::ranges::any_of(task.routes, [&](const auto& route) { return route.first == task.condition; });
  if (!is_key) check_condition(*condition, path + ".condition", {});
}

void Builder::build_children(const Node& node, Task& task, const std::string& path, const std::string& qualified) {
  task.strategy = enum_of(node, "strategy", Strategy::wait_all, path, diagnostics_);
  task.max_workers = integer_of(node, "max_workers", 0);
  const Node* tasks = node.find("tasks");
  if (tasks == nullptr || !tasks->is_list()) return;
  if (tasks->items.empty()) diagnostics_.add(*tasks, path + ".tasks", "needs at least one task");
  const size_t names = names_inside_.size();
  names_inside_.insert(names_inside_.end(), kChildConditionNames.begin(), kChildConditionNames.end());
  if (task.type == TaskType::composite) {
    build_sequence(*tasks, task, path + ".tasks", qualified);
  } else {
    task.tasks = build_tasks(*tasks, path + ".tasks", qualified, false);
  }
  names_inside_.resize(names);
}

Task Builder::build_inside(const Node& node, const std::string& path, const std::string& parent,
                           const std::vector<std::string_view>& further_names) {
  const size_t names = names_inside_.size();
  names_inside_.insert(names_inside_.end(), kChildConditionNames.begin(), kChildConditionNames.end());
  names_inside_.insert(names_inside_.end(), further_names.begin(), further_names.end());
  Task task = build_task(node, path, parent, false);
  names_inside_.resize(names);
  return task;
}

void Builder::build_collection(const Node& node, Task& task, const std::string& path, const std::string& qualified) {
  task.strategy = enum_of(node, "strategy", Strategy::wait_all, path, diagnostics_);
  task.mode = enum_of(node, "mode", CollectionMode::parallel, path, diagnostics_);
  task.max_workers = integer_of(node, "max_workers", 0);
  task.batch = integer_of(node, "batch", 0);
  for (auto [field, target] : {std::pair{"item_var", &task.item_var}, std::pair{"index_var", &task.index_var}}) {
    const Node* name = node.find(field);
    if (name == nullptr) continue;
    *target = scalar_text(*name);
    if (!is_variable_name(*target))
      diagnostics_.add(*name, path + '.' + field, "'" + *target + "' cannot be the name of a variable");
  }
  if (const Node* items = node.find("items")) {
    check_templates(*items, path + ".items", diagnostics_, uses_);
    task.items = items->json();
  }
  if (const Node* filter = node.find("filter")) {
    task.filter = scalar_text(*filter);
    check_condition(*filter, path + ".filter",
                    {kItemConditionNames[0], kItemConditionNames[1], task.item_var, task.index_var});
  }
  const Node* child = node.find("task");
  if (child == nullptr || !child->is_map()) return;
  ++collections_;
  std::vector<std::string_view> names(kItemConditionNames.begin(), kItemConditionNames.end());
  names.insert(names.end(), {task.item_var, task.index_var});
  task.tasks.push_back(build_inside(*child, path + ".task", qualified, names));
  --collections_;
  const std::string& id = task.tasks.front().id;
  if (!id.empty() && !expression::is_template(id)) {
    diagnostics_.add(*child, path + ".task.id",
                     "every child would be called '" + id + "'; write for example '" + id + "-{{ .index }}'");
  }
}

void Builder::build_signal(const Node& node, Task& task, const std::string& path) {
  const Node* signal = node.find("signal");
  if (signal == nullptr || !check_fields(*signal, kSignalFields, path + ".signal", diagnostics_)) return;
  task.signal_id = signal->text("id");
  if (const Node* payload = signal->find("payload"))
    check_templates(*payload, path + ".signal.payload", diagnostics_, uses_);
  task.payload = signal->json("payload");
}

void Builder::build_memory_task(const Node& node, Task& task, const std::string& path) {
  task.operation = enum_of(node, "operation", MemoryOperation::read, path, diagnostics_);
  const Node* reference = node.find("memory_ref");
  if (reference != nullptr) task.memory_ref = use_memory(*reference, path + ".memory_ref");
  const Memory* memory = workflow_.find_memory(task.memory_ref);
  if (const Node* key = node.find("key_template")) {
    task.key_template = scalar_text(*key);
    check_templates(*key, path + ".key_template", diagnostics_, uses_);
  } else if (memory != nullptr) {
    task.key_template = memory->default_key_template;
    if (task.key_template.empty()) diagnostics_.add(node, path, "a memory task needs 'key_template'");
  }
  if (const Node* payload = node.find("payload")) check_templates(*payload, path + ".payload", diagnostics_, uses_);
  task.payload = node.json("payload");
  const bool writes = task.operation == MemoryOperation::write || task.operation == MemoryOperation::append;
  if (writes && task.payload.is_null()) diagnostics_.add(node, path, "this operation needs 'payload'");
  const std::string name(memory_operation_name(task.operation));
  for (const char* section : {"flush", "health", "clear", "stats"}) {
    const std::string field = std::string(section) + "_config";
    const Node* config = node.find(field);
    if (config == nullptr || !check_fields(*config, memory_config_fields(section), path + '.' + field, diagnostics_))
      continue;
    check_templates(*config, path + '.' + field, diagnostics_, uses_);
    if (const std::string strategy = config->text("strategy"); !strategy.empty() && strategy != "simple_fifo") {
      diagnostics_.add(*config->find("strategy"), path + '.' + field + ".strategy",
                       "only 'simple_fifo' is supported: the oldest messages are flushed first", Errc::unsupported);
    }
    if (name == section) {
      task.operation_config = config->json();
    } else {
      diagnostics_.add(*config, path,
                       "'" + std::string(section) + "_config' belongs to the operation '" + section + "'");
    }
  }
  if (task.operation == MemoryOperation::clear && !task.operation_config["confirm"].bool_or(false)) {
    diagnostics_.add(node, path, "the operation 'clear' needs 'clear_config: {confirm: true}'");
  }
}

}  // namespace compozy::project
