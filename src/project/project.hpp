// SPDX-License-Identifier: Apache-2.0
//
// Loads a project: compozy.yaml, the workflow files that it names and the files that it autoloads.
//
// Strict: an unknown field, a value of the wrong kind, a reference to nothing, a task that no path reaches, a template
// or condition that does not compile is an error with file, line and column; what is known but not supported is refused
// by name. All errors of a load are collected (Diagnostics::kErrorsMax), not just the first.
// Reads files; blocking. Limits: kFileBytesMax a file, kFilesMax autoloaded files.
#pragma once

#include <expected>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "project/definition.hpp"

namespace compozy::project {

inline constexpr size_t kFileBytesMax = 4UL * 1024 * 1024;
inline constexpr size_t kFilesMax = 10'000;

struct RuntimeConfig {
  std::string type;        // "bun", "node", "deno"; empty = whichever the host has
  std::string entrypoint;  // module whose exports are tools, below the root
  std::vector<std::string> permissions;
  int64_t tool_timeout_ms = 60'000;
  int64_t task_timeout_ms = 60'000;       // how long a direct run is waited for, unless the caller says
  int64_t task_timeout_max_ms = 300'000;  // and at most
  int64_t max_memory_mb = 0;              // 0 = the server's own
  json::Value native_tools;               // as written
};

// A server-side section of compozy.yaml (server, redis, temporal, ...), for src/config to read.
struct Section {
  std::string name;
  json::Value value;
  Location where;
};

// A workflow of one task that stands for an agent or a task which can be started by itself (direct.hpp).
struct DirectBase {
  std::string workflow;  // whose own file it stands in; empty = the project's
  Workflow definition;
};

struct Project {
  std::string name;
  std::string version;
  std::string description;
  std::string root;  // absolute
  std::vector<ModelConfig> models;
  RuntimeConfig runtime;
  std::vector<Workflow> workflows;
  std::vector<Memory> memories;
  std::vector<DirectBase> agents;  // every agent, with one task that asks it
  std::vector<DirectBase> tasks;   // `resource: task`; those of workflows are found there
  std::vector<Section> sections;
  std::vector<std::string> files;  // every file that was read, for watching
  std::vector<Error> skipped;      // why autoloaded files were left out, where autoload.strict is false

  const Workflow* find_workflow(std::string_view id) const;
};

// `path` is the project's folder, or its compozy.yaml.
std::expected<Project, std::vector<Error>> load_project(const std::string& path);

// The errors as a text of one line each, with the number of those left out.
std::string describe(const std::vector<Error>& errors);

}  // namespace compozy::project
