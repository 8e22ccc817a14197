// SPDX-License-Identifier: Apache-2.0
//
// Direct runs: one action of an agent, or one task, as a run of its own. Each is a workflow of that one task, so it is
// as durable as any other run: recorded, pinned by its hash, and taken up again after a crash.
//
// Its id is "agent:ID" or "task:ID", which no workflow's can be. Its output is its task's.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "project/definition.hpp"
#include "project/project.hpp"

namespace compozy::project {

inline constexpr std::string_view kDirectAgent = "agent:";
inline constexpr std::string_view kDirectTask = "task:";

// What of a project can be started by itself. Parts of the project stand before those of a workflow's own file.
struct DirectPart {
  std::string id;
  std::string workflow;              // whose file it stands in; empty = the project's own, or autoloaded
  std::vector<std::string> actions;  // of an agent
  TaskType type = TaskType::basic;   // of a task
};
std::vector<DirectPart> direct_agents(const Project& project);
std::vector<DirectPart> direct_tasks(const Project& project);

struct DirectRun {
  std::string id;
  std::string workflow;  // names one of several parts with this id; empty = the only one
  std::string action;    // of an agent: an action, a prompt, or both
  std::string prompt;    // text, not a template
};
// Errors: not_found with the nearest name, conflict when several have the id, invalid_argument.
Result<Workflow> direct_agent(const Project& project, const DirectRun& run);
Result<Workflow> direct_task(const Project& project, const DirectRun& run);

// How it was resolved: {id, workflow_id?, …}; `run` says which. Keys that stand in the YAML as they are, are masked.
Result<json::Value> describe_agent(const Project& project, const DirectRun& run);
Result<json::Value> describe_task(const Project& project, const DirectRun& run);

// A definition as JSON for people to look at: without keys and secrets that stand in the YAML as they are.
json::Value shown_definition(const Workflow& workflow);

}  // namespace compozy::project
