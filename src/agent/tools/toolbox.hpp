// SPDX-License-Identifier: Apache-2.0
//
// Toolbox: performs tool calls, whichever runtime the tool has.
//
//   executable   the project's own program, one process per call, one JSON in and one out
//   script       a JavaScript or TypeScript module, in a worker process of bun, node or deno that is kept for the next
//   call built-in     cp__* tools, in this process, within the project's folder; cp__exec only for programs that are
//   listed
//
// Every call is bounded: time (the tool's timeout, else the project's), memory, output. Input and output are checked
// against the tool's schemas. Tools run at least once: a repeated call carries the same exec_id.
// Owner: the process. Thread: its loop. close() is awaited before it is destroyed.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "agent/llm/message.hpp"
#include "agent/tools/file_sandbox.hpp"
#include "agent/tools/tool.hpp"
#include "io/blocking_pool.hpp"
#include "io/loop.hpp"
#include "io/task.hpp"
#include "project/definition.hpp"
#include "project/project.hpp"
#include "sandbox/worker.hpp"

namespace compozy::agent {

struct ToolboxOptions {
  std::string project_root;  // absolute
  std::string work_dir;      // where the worker script is written; made when missing
  project::RuntimeConfig runtime;
  int64_t max_memory_mb = 2'048;  // of one tool process, unless the project says otherwise
};

inline constexpr size_t kIdleWorkersMax = 4;  // kept per module

class Toolbox {
 public:
  Toolbox(io::Loop& loop, io::BlockingPool& pool, ToolboxOptions options);
  Toolbox(const Toolbox&) = delete;
  Toolbox& operator=(const Toolbox&) = delete;

  // `workflow` is the run's pinned definition; it must outlive the call.
  io::Task<ToolReply> call(const project::Workflow& workflow, ToolRequest request, std::stop_token stop);
  io::Task<void> close();  // ends the kept workers

  // What a model is told about a tool.
  static Result<ToolOffer> offer(const project::Workflow& workflow, std::string_view tool);

 private:
  struct ScriptRuntime {
    std::vector<std::string> argv;  // before the worker script
    std::string name;
  };
  struct Kept {
    std::unique_ptr<sandbox::Worker> worker;
    int64_t changed_at = 0;  // of the module, when the worker imported it
  };

  io::Task<ToolReply> run_executable(const project::Tool& tool, ToolRequest request, std::stop_token stop);
  io::Task<ToolReply> run_script(const project::Tool& tool, ToolRequest request, std::stop_token stop);
  io::Task<ToolReply> run_builtin_tool(ToolRequest request, std::stop_token stop);
  io::Task<ToolReply> run_program(json::Value input, std::stop_token stop);
  io::Task<Result<std::unique_ptr<sandbox::Worker>>> take_worker(std::string source, int64_t changed_at);
  io::Task<Result<ScriptRuntime>> find_runtime(std::string source);
  io::Task<Result<std::string>> output_of(std::vector<std::string> argv);
  int64_t timeout_of(const project::Tool& tool) const;

  io::Loop& loop_;
  io::BlockingPool& pool_;
  ToolboxOptions options_;
  FileSandbox files_;
  std::string script_path_;                        // once written
  std::map<std::string, ScriptRuntime> runtimes_;  // by the kind of module: "ts", "js"
  std::map<std::string, std::vector<Kept>> idle_;
};

}  // namespace compozy::agent
