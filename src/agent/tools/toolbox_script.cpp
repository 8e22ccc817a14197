// SPDX-License-Identifier: Apache-2.0
//
// Script tools: which runtime, which worker, one question.
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "agent/tools/protocol.hpp"
#include "agent/tools/toolbox.hpp"
#include "agent/tools/worker_script.hpp"
#include "base/text.hpp"
#include "sandbox/sandbox.hpp"

namespace compozy::agent {
namespace {

constexpr uint64_t kMegabyte = 1U << 20U;
constexpr int64_t kProbeTimeoutMs = 10'000;

bool is_typescript(std::string_view source) {
  return source.ends_with(".ts") || source.ends_with(".mts") || source.ends_with(".cts");
}

Result<std::string> write_script(const std::string& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  std::string path = folder + "/tool_worker.mjs";
  std::ofstream stream(path, std::ios::binary | std::ios::trunc);
  stream << kWorkerScript;
  stream.close();
  if (!stream) return fail(Errc::io_error, "cannot write '" + path + "'");
  ::chmod(path.c_str(), S_IRUSR | S_IWUSR);
  return path;
}

// "v20.20.2" -> 20.20
double version_of(std::string_view text) {
  text = trim(text);
  if (text.starts_with('v')) text.remove_prefix(1);
  const auto parts = split(text, '.');
  int64_t major = 0, minor = 0;
  if (parts.size() < 2 || !parse_int64(parts[0], major) || !parse_int64(parts[1], minor)) return 0;
  return static_cast<double>(major) + static_cast<double>(minor) / 100;
}

}  // namespace

io::Task<Result<std::string>> Toolbox::output_of(std::vector<std::string> argv) {
  sandbox::Spec spec;
  spec.argv = std::move(argv);
  spec.timeout_ms = kProbeTimeoutMs;
  CO_TRY(auto outcome, co_await sandbox::run(loop_, std::move(spec)));
  if (!outcome.exit.succeeded()) co_return fail(Errc::tool_error, outcome.exit.to_string());
  co_return std::move(outcome.output);
}

// The runtime that the project names, else the first of bun, node and deno that the host has and that takes the module.
io::Task<Result<Toolbox::ScriptRuntime>> Toolbox::find_runtime(std::string source) {
  const bool typescript = is_typescript(source);
  const std::string kind = typescript ? "ts" : "js";
  if (auto known = runtimes_.find(kind); known != runtimes_.end()) co_return known->second;
  const std::string heap = std::to_string(options_.max_memory_mb);
  std::string reasons;
  for (const std::string name : {"bun", "node", "deno"}) {
    if (!options_.runtime.type.empty() && options_.runtime.type != name) continue;
    auto version = co_await output_of({name, "--version"});
    if (!version) {
      reasons += (reasons.empty() ? "" : ", ") + name + " is not installed";
      continue;
    }
    ScriptRuntime found{.argv = {name}, .name = name};
    if (name == "bun") found.argv.push_back("run");
    if (name == "deno") {  // the only one of them that has permissions
      found.argv.push_back("run");
      const auto& permissions = options_.runtime.permissions;
      if (permissions.empty()) found.argv.push_back("--allow-all");
      found.argv.insert(found.argv.end(), permissions.begin(), permissions.end());
    }
    if (name == "node") {
      found.argv.push_back("--max-old-space-size=" + heap);
      const double number = version_of(*version);
      if (typescript && number < 22.06) {
        reasons += (reasons.empty() ? "" : ", ") +
                   ("node " + std::string(trim(*version)) + " cannot read TypeScript (22.6 and later can)");
        continue;
      }
      if (typescript && number < 23.06) found.argv.push_back("--experimental-strip-types");
    }
    runtimes_.emplace(kind, found);
    co_return found;
  }
  co_return fail(Errc::unavailable, "no runtime for '" + source + "': " + reasons + "; install bun, or " +
                                        (typescript ? "node 22.6 or later, or write the tool in JavaScript" : "node"));
}

io::Task<Result<std::unique_ptr<sandbox::Worker>>> Toolbox::take_worker(std::string source, int64_t changed_at) {
  auto& idle = idle_[source];
  while (!idle.empty()) {
    Kept kept = std::move(idle.back());
    idle.pop_back();
    if (kept.worker->is_alive() && kept.changed_at == changed_at) co_return std::move(kept.worker);
    co_await kept.worker->close();
  }
  CO_TRY(ScriptRuntime runtime, co_await find_runtime(source));
  if (script_path_.empty()) {
    CO_TRY(script_path_, co_await pool_.run([folder = options_.work_dir] { return write_script(folder); }));
  }
  sandbox::Spec spec;
  spec.argv = runtime.argv;
  spec.argv.push_back(script_path_);
  spec.argv.push_back(options_.project_root + '/' + source);
  spec.cwd = options_.project_root;
  spec.limits.memory_bytes =
      static_cast<uint64_t>(options_.max_memory_mb) * 2 * kMegabyte;  // the heap is bounded by the runtime
  co_return sandbox::Worker::start(loop_, spec);
}

io::Task<ToolReply> Toolbox::run_script(const project::Tool& tool, ToolRequest request, std::stop_token stop) {
  struct stat status{};
  const std::string path = options_.project_root + '/' + tool.source;
  if (::stat(path.c_str(), &status) != 0) co_return tool_failed(system_error("open", path, errno));
  const int64_t changed_at = status.st_mtim.tv_sec * 1'000'000'000 + status.st_mtim.tv_nsec;
  for (const auto& [name, value] : request.env.is_object() ? request.env.as_object() : json::Object{}) {
    auto allowed = sandbox::check_variable(name, value.string_or(""));
    if (!allowed) co_return tool_failed(std::move(allowed).error().with_context("tool '" + tool.id + "'"));
  }
  auto worker = co_await take_worker(tool.source, changed_at);
  if (!worker) co_return tool_failed(std::move(worker).error().with_context("tool '" + tool.id + "'"));
  const int64_t timeout_ms = timeout_of(tool);
  auto line = co_await (*worker)->ask(encode_tool_request(tool, request, timeout_ms), timeout_ms, stop, request.alive);
  if (!line) {
    Error error = std::move(line).error();
    const std::string errors((*worker)->take_errors());
    co_await (*worker)->close();
    const bool died = error.code == Errc::closed;
    if (died) {
      error = {.code = Errc::tool_error, .message = "the runtime ended"};
      if (!errors.empty()) error.message += ": " + errors.substr(errors.size() > 1'000 ? errors.size() - 1'000 : 0);
    }
    const bool passes = error.code == Errc::timeout || died;
    co_return tool_failed(std::move(error).with_context("tool '" + tool.id + "'"),
                          passes ? ToolFailure::Kind::retry : ToolFailure::Kind::final);
  }
  (*worker)->take_errors();
  auto& idle = idle_[tool.source];
  if (idle.size() < kIdleWorkersMax) {
    idle.push_back({.worker = *std::move(worker), .changed_at = changed_at});
  } else {
    co_await (*worker)->close();
  }
  co_return decode_tool_answer(tool.id, *line);
}

io::Task<void> Toolbox::close() {
  for (auto& [source, idle] : idle_) {
    for (Kept& kept : idle) co_await kept.worker->close();
  }
  idle_.clear();
}

}  // namespace compozy::agent
