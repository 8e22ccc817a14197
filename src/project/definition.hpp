// SPDX-License-Identifier: Apache-2.0
//
// The resolved definition of one workflow: self-contained, what a run pins by its content hash when it starts.
//
// The loader writes it: every reference is resolved, every inline agent, tool and route is hoisted and has an id, every
// policy is complete. So whoever executes it (workflow/machine, activities) needs no other file and checks nothing
// again. Strings that hold templates or CEL stay as text here: `expression` compiles them, and caches what it compiled.
//
// As JSON it carries `format`; a reader that meets a newer format refuses (Errc::newer_format). Empty members are left
// out, numbers are always written, so that a later change of a default leaves pinned definitions as they were.
// Pure values; copy and share freely.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "json/value.hpp"
#include "project/policy.hpp"
#include "project/trigger.hpp"

namespace compozy::project {

inline constexpr int64_t kDefinitionFormat = 1;
inline constexpr int64_t kIterationsMax = 10'000;  // of one loop task
inline constexpr size_t kAttributesMax = 16;       // of one workflow

enum class TaskType : uint8_t {
  basic,
  router,
  parallel,
  collection,
  aggregate,
  composite,
  wait,
  signal,
  memory,
  workflow,
  loop,
  approval
};
inline constexpr size_t kTaskTypes = 12;
// Their `condition` is what they work with; that of the others says whether they run at all.
constexpr bool works_with_condition(TaskType type) { return type == TaskType::router || type == TaskType::wait; }
enum class Strategy : uint8_t { wait_all, fail_fast, best_effort, race };
enum class CollectionMode : uint8_t { parallel, sequential };
enum class MemoryOperation : uint8_t { read, write, append, remove, flush, health, clear, stats };

std::string_view task_type_name(TaskType type);
std::string_view strategy_name(Strategy strategy);
std::string_view collection_mode_name(CollectionMode mode);
std::string_view memory_operation_name(MemoryOperation operation);  // `remove` is named "delete"

struct Transition {
  std::string next;  // id of a top-level task
  json::Value with;  // templates, merged over the next task's own `with`; null = none
};

struct ModelConfig {
  std::string id;        // empty for an inline one
  std::string provider;  // "openai" or "mock"
  std::string model;
  std::string api_key;  // template text; names the host's environment only as a SecretRef
  std::string api_url;
  std::string organization;
  int64_t max_tool_iterations = 0;  // 0 = the server's own
  int64_t context_window = 0;
  json::Value rate_limit;
  json::Value params;  // as written: only the keys that were present
};

struct Action {
  std::string id;
  std::string prompt;  // template
  json::Value input_schema;
  json::Value output_schema;
  json::Value with;
  bool json_mode = false;  // the answer must be JSON; also true when there is an output schema
};

struct MemoryRef {
  std::string id;
  std::string key;  // template; never empty: the resource's default_key_template where the reference gives none
  bool read_only = false;
};

struct Agent {
  std::string id;
  std::string instructions;  // template
  ModelConfig model;
  std::vector<Action> actions;
  json::Value with;
  json::Value env;                 // map of strings, templates
  std::vector<std::string> tools;  // ids in Workflow::tools, or built-in "cp__..."
  std::vector<MemoryRef> memory;
  int64_t max_iterations = 0;

  const Action* find_action(std::string_view action) const;
};

enum class ToolRuntime : uint8_t { script, executable };

// `script`: a function exported by a JavaScript or TypeScript module. `executable`: one JSON on stdin, one on stdout.
struct Tool {
  std::string id;
  ToolRuntime runtime = ToolRuntime::script;
  std::string source;             // path below the project's root: the module, or the executable file
  std::vector<std::string> args;  // executable: further arguments
  std::string description;
  json::Value input_schema;
  json::Value output_schema;
  json::Value with;
  json::Value config;
  json::Value env;
  int64_t timeout_ms = 0;  // 0 = the server's own
};

struct Memory {
  std::string id;
  std::string type;  // "token_based", "message_count_based" or "buffer"
  std::string description;
  std::string default_key_template;
  int64_t max_tokens = 0;    // 0 = unlimited
  int64_t max_messages = 0;  // 0 = unlimited
  int64_t ttl_ms = 0;        // 0 = kept for ever
  json::Value config;        // further sections as written: eviction_policy, flushing, privacy_policy, ...
};

inline constexpr int64_t kTaskDepthMax = 20;  // tasks in tasks

struct Task {
  std::string id;  // unique among its siblings; a template inside a collection
  TaskType type = TaskType::basic;
  json::Value with;  // templates
  json::Value input_schema;
  json::Value output_schema;
  json::Value outputs;  // templates; null = the raw output
  json::Value env;      // map of strings, templates; workflow env is merged below it when rendered
  std::optional<Transition> on_success;
  std::optional<Transition> on_error;
  bool is_final = false;   // ends the run even where on_success is given
  int64_t sleep_ms = 0;    // slept before the task starts
  int64_t timeout_ms = 0;  // wait: gives up; parallel, collection, composite: as a whole. Folded into policy elsewhere
  Policy policy;

  // basic: an agent (with an action, a prompt or both), or a tool, or neither: a marker whose output is its input
  std::string agent;
  std::string action;
  std::string prompt;
  std::string tool;

  // router: template that yields a route, or CEL. wait: CEL; empty = any signal will do. Others: template or CEL that
  // says whether the task runs at all; empty = it does
  std::string condition;
  std::vector<std::pair<std::string, std::string>> routes;  // value -> id of a top-level task, in the order written
  std::string default_route;

  // parallel, composite: the children. collection, loop: exactly one, the template of each child. wait: the processor,
  // if any
  std::vector<Task> tasks;
  Strategy strategy = Strategy::wait_all;
  int64_t max_workers = 0;  // 0 = the engine's own cap

  // collection
  json::Value items;   // template text, or the list itself
  std::string filter;  // with braces a template, else CEL; empty keeps all
  std::string item_var = "item";
  std::string index_var = "index";
  CollectionMode mode = CollectionMode::parallel;
  int64_t batch = 0;  // 0 = all at once

  // wait
  std::string wait_for;
  std::string on_timeout;  // id of a top-level task

  // signal
  std::string signal_id;

  // signal, memory
  json::Value payload;

  // memory
  MemoryOperation operation = MemoryOperation::read;
  std::string memory_ref;
  std::string key_template;
  json::Value operation_config;  // the flush_config, health_config, clear_config or stats_config of its operation

  // workflow: a run of its own. `with` is its input
  std::string child_workflow;
  bool detached = false;  // goes on at once; the child outlives its parent

  // loop: CEL, before and after each iteration; empty = go on
  std::string loop_while;
  std::string loop_until;
  int64_t max_iterations = 0;

  // approval
  std::string message;  // template: what is asked
  json::Value form;     // schema of the values that come with a vote
  int64_t approvals_required = 1;
  std::vector<std::string> approvers;  // who may vote; empty = whoever may steer the run

  const Task* child() const { return tasks.empty() ? nullptr : &tasks.front(); }  // collection, loop, wait
};

// How long ended runs are kept, in milliseconds; -1 = as the server says, 0 = for ever.
struct RunRetention {
  int64_t succeeded_ms = -1;
  int64_t failed_ms = -1;  // failed, canceled and timed out
};

struct Workflow {
  std::string id;
  std::string version;
  std::string description;
  std::string project;  // name of the project: key space of memories, script runtime
  json::Value input_schema;
  json::Value env;
  std::vector<Task> tasks;  // the first is where a run starts
  json::Value outputs;      // templates, rendered at the end; null = every task's output by id
  std::vector<Agent> agents;
  std::vector<Tool> tools;
  std::vector<Memory> memories;
  std::vector<Trigger> triggers;
  std::optional<Schedule> schedule;
  std::string on_cancel;   // id of the task that cleans up when a run is canceled
  json::Value attributes;  // name -> template, rendered when a run starts: what runs are found by. null = none
  RunRetention retention;

  const Task* find_task(std::string_view task) const;  // top level
  const Agent* find_agent(std::string_view agent) const;
  const Tool* find_tool(std::string_view tool) const;
  const Memory* find_memory(std::string_view memory) const;
};

json::Value to_json(const Workflow& workflow);
Result<Workflow> workflow_from_json(const json::Value& value);

// SHA-256 (hex) of the canonical JSON: equal definitions have equal hashes.
std::string content_hash(const Workflow& workflow);

}  // namespace compozy::project
