// SPDX-License-Identifier: Apache-2.0
//
// From checked YAML to definitions. `Shelf` holds what a workflow may refer to besides its own parts: the project's and
// the autoloaded resources by kind and id. One Builder builds one workflow. Private to project/.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "expression/reference.hpp"
#include "project/definition.hpp"
#include "project/diagnostics.hpp"
#include "project/fields_table.hpp"
#include "project/project.hpp"

namespace compozy::project {

struct Shelf {
  std::map<std::string, std::map<std::string, Node, std::less<>>, std::less<>> by_kind;  // "agent" -> id -> node
  std::vector<ModelConfig> models;
  const ModelConfig* default_model = nullptr;
  std::string project;
  RuntimeConfig runtime;
  std::string root;
  json::Value env;
  Policy policy;
  std::optional<Transition> on_error;

  const Node* find(std::string_view kind, std::string_view id) const;
  std::vector<std::string> ids(std::string_view kind) const;
};

// Reads `config:` over what is there already.
void apply_options(const Node& config, Policy& policy, bool& total_is_set, std::optional<Transition>& on_error,
                   const std::string& path, Diagnostics& diagnostics);
std::optional<Transition> build_transition(const Node& node, const std::string& path, Diagnostics& diagnostics);
ModelConfig build_model(const Node& node, const std::string& path, Diagnostics& diagnostics);
Memory build_memory(const Node& node, const std::string& path, Diagnostics& diagnostics);
void check_author(const Node& owner, Diagnostics& diagnostics);
void check_source_of_truth(const Node& config, const std::string& path, Diagnostics& diagnostics);
int64_t duration_of(const Node& node, std::string_view name);  // 0 when absent; kinds are checked already
int64_t integer_of(const Node& node, std::string_view name, int64_t fallback);
bool is_plain_name(std::string_view name, std::string_view further);  // ASCII letters, digits, '_' and `further` alone

// Checks that every template below `node` parses; adds the names that they use.
struct TaskUse {
  expression::Reference reference;
  Mark mark;
  std::string field;
  int64_t place = -1;  // of the task that it stands in; -1 = none: outputs of the workflow, triggers, tools
  std::string action;  // of the agent that it stands in
};
void check_templates(const Node& node, const std::string& path, Diagnostics& diagnostics, std::vector<TaskUse>& uses);

// A task that runs another workflow: whether there is one shows when all are built.
struct ChildRunUse {
  std::string workflow;
  Mark mark;
  std::string field;
};

// Whether a reference to `wanted` may mean a task whose id is a template: "judge-{{ .index }}" as "judge-*".
bool id_may_be(const std::string& id, const std::string& wanted);

// The node of a field such as "on_success.next", or the nearest above it that is there.
const Node& node_at(const Node& task, std::string_view field);

class Builder {
 public:
  Builder(const Node& file, const Shelf& shelf, Diagnostics& diagnostics)
      : file_(file), shelf_(shelf), diagnostics_(diagnostics) {}

  Workflow build();
  // A part of the project that no workflow uses: its mistakes are found all the same.
  void check_alone(std::string_view kind, const Node& node);
  const std::vector<ChildRunUse>& child_runs() const { return child_runs_; }  // after build()

 private:
  // Builder_workflow: the file's own parts.
  void build_config(const Node& config);
  void check_schemas();
  void build_triggers(const Node& triggers);
  void build_attributes(const Node& attributes);
  void build_retention(const Node& retention);

  // builder_triggers
  Webhook build_webhook(const Node& node, const std::string& path);
  void build_verification(const Node& node, const std::string& path, Webhook& webhook);
  WebhookEvent build_webhook_event(const Node& node, const std::string& path);
  void build_schedule(const Node& node);

  // builder_workflow
  json::Value schema_of(const Node& owner, std::string_view field, const std::string& path);
  json::Value schema_by_id(const Node& id, const std::string& path);

  // builder_parts: agents, tools, memories, on first use.
  std::string use_agent(const Node& reference, const std::string& path, const std::string& generated_id);
  std::string use_tool(const Node& reference, const std::string& path, const std::string& generated_id);
  std::string use_memory(const Node& reference, const std::string& path);
  std::vector<std::string> use_tools(const Node& owner, const std::string& path);
  std::vector<MemoryRef> use_memories(const Node& owner, const std::string& path);
  Agent build_agent(const Node& node, const std::string& path);
  Action build_action(const Node& node, const std::string& path);
  Tool build_tool(const Node& node, const std::string& path);
  ModelConfig model_of(const Node& owner, std::string_view field, const std::string& path);
  const Node* own(std::string_view list, std::string_view id) const;  // in the workflow's file
  std::vector<std::string> known_ids(std::string_view list, std::string_view kind) const;

  // builder_tasks: one function per task type.
  std::vector<Task> build_tasks(const Node& list, const std::string& path, const std::string& parent,
                                bool is_top_level);
  Task build_task(const Node& node, const std::string& path, const std::string& parent, bool is_top_level);
  void build_common(const Node& node, Task& task, const std::string& path, bool is_top_level);
  void build_policy(const Node& node, Task& task, const std::string& path);

  // builder_limits
  void build_limits(const Node& node, Task& task, const std::string& path, const std::string& qualified);
  std::string limit_scope(const Node& node, const std::string& path, const std::string& qualified);
  std::string limit_key(const Node& node, const std::string& path);
  int64_t positive(const Node& node, std::string_view field, const std::string& path);

  // builder_tasks
  void build_basic(const Node& node, Task& task, const std::string& path, const std::string& qualified);
  void build_router(const Node& node, Task& task, const std::string& path, const std::string& parent);
  Task build_route(const Node& node, const std::string& path, const std::string& parent);
  void build_children(const Node& node, Task& task, const std::string& path, const std::string& qualified);
  void build_collection(const Node& node, Task& task, const std::string& path, const std::string& qualified);
  Task build_inside(const Node& node, const std::string& path, const std::string& parent,
                    const std::vector<std::string_view>& further_names);

  // builder_control
  void build_wait(const Node& node, Task& task, const std::string& path, const std::string& qualified);
  void build_child_run(const Node& node, Task& task, const std::string& path);
  void build_loop(const Node& node, Task& task, const std::string& path, const std::string& qualified);
  void build_approval(const Node& node, Task& task, const std::string& path);

  // builder_tasks
  void build_signal(const Node& node, Task& task, const std::string& path);
  void build_memory_task(const Node& node, Task& task, const std::string& path);
  void check_condition(const Node& node, const std::string& path, const std::vector<std::string_view>& further_names);
  void check_no_links(const Node& node, const std::string& path);
  void check_task_id(const Node& node, const std::string& id, const std::string& path);

  // builder_graph: what only the whole shows.
  void check_graph();
  void check_target(const std::string& target, const Task& task, std::string_view field);
  void check_reachable();
  void check_ends();

  // builder_sequence: how the children of a composite lead on.
  void build_sequence(const Node& list, Task& task, const std::string& path, const std::string& qualified);
  void check_sequence(const std::vector<Task>& tasks);
  void check_siblings_reached(const std::vector<Task>& tasks);

  // builder_uses: whether what expressions name can be there.
  struct Place {  // of a task in the tree of tasks
    std::string id;
    TaskType type = TaskType::basic;
    int64_t parent = -1;
    int64_t position = 0;  // among its parent's tasks
    int64_t children = 0;
    std::string path;
    std::vector<std::string> names;  // what only this place has: item, parent, signal ...
    std::string agent;
    std::string action;
  };
  int64_t open_place(const Task& task, const std::string& path, bool is_top_level);
  void close_place(int64_t place, size_t first_use, const Task& task);
  void check_task_uses();
  void check_use(const TaskUse& use, const Place& place);
  bool can_precede(int64_t earlier, int64_t later, bool after) const;
  bool leads_to(int64_t from_top, int64_t to_top) const;
  int64_t top_of(int64_t place) const;
  std::vector<int64_t> places_of(const std::string& id) const;

  // builder_shapes: whether what they take from a result can be in it.
  void check_shape(const TaskUse& use, bool after);
  const Task* task_at(int64_t place) const;

  const Node& file_;
  const Shelf& shelf_;
  Diagnostics& diagnostics_;
  Workflow workflow_;
  Policy policy_;
  bool total_is_set_ = false;
  std::optional<Transition> on_error_;
  std::vector<Task> hoisted_;              // inline routes of routers at top level
  std::vector<Task> hoisted_siblings_;     // of the router in a composite that was built last
  std::map<std::string, Node> siblings_;   // the YAML of the composite's children that are being built
  bool in_sequence_ = false;               // what is built next is a child of a composite
  std::map<std::string, Node> top_level_;  // the YAML of top-level tasks, for positions
  std::vector<TaskUse> uses_;
  std::map<std::string, std::vector<TaskUse>, std::less<>> agent_uses_;  // by agent: checked for each task that asks it
  std::vector<Place> places_;
  std::map<std::string, std::vector<int64_t>, std::less<>> places_by_id_;
  std::vector<int64_t> places_by_pattern_;
  std::map<std::string_view, size_t> top_index_;  // of top-level tasks by id
  int64_t place_ = -1;                            // of the task that is being built
  std::vector<std::vector<size_t>> leading_in_;   // per top-level task: those that may come right before it
  std::set<std::string_view> reached_;            // top-level tasks that a run can get to
  std::vector<ChildRunUse> child_runs_;
  int64_t depth_ = 0;                      // tasks around the task that is being built
  int64_t collections_ = 0;                // around the task that is being built
  std::vector<std::string> names_inside_;  // what conditions may name there besides kConditionNames
};

}  // namespace compozy::project
