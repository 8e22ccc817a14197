// SPDX-License-Identifier: Apache-2.0
#include "agent/tools/toolbox.hpp"

#include <algorithm>

#include "agent/tools/builtin.hpp"
#include "agent/tools/protocol.hpp"
#include "base/text.hpp"
#include "expression/secret.hpp"
#include "json/schema.hpp"
#include "project/builtin_tools.hpp"
#include "sandbox/sandbox.hpp"

namespace compozy::agent {
namespace {

constexpr uint64_t kMegabyte = 1U << 20U;
constexpr int64_t kProgramTimeoutMs = 30'000;
constexpr uint64_t kProgramOutputMax = 2U << 20U;

std::vector<std::pair<std::string, std::string>> environment_of(const json::Value& env) {
  std::vector<std::pair<std::string, std::string>> out;
  if (!env.is_object()) return out;
  for (const auto& [name, value] : env.as_object()) {
    out.emplace_back(name, value.is_string() ? value.as_string() : std::string());
  }
  return out;
}

// Timeouts, kills and the like may pass; a missing program will not appear by itself.
ToolFailure::Kind kind_of(Errc code) {
  const bool passes =
      code == Errc::timeout || code == Errc::closed || code == Errc::unavailable || code == Errc::limit_exceeded;
  return passes ? ToolFailure::Kind::retry : ToolFailure::Kind::final;
}

std::string tail(std::string_view text) {
  text = trim(text);
  return std::string(text.size() > 1'000 ? text.substr(text.size() - 1'000) : text);
}

// Errors are recorded and shown, also to people who may not know what the tool was given: what it wrote to its standard
// error may repeat its variables. Short values would take ordinary words with them.
std::string without_values(std::string message, const json::Value& env) {
  constexpr size_t kShortest = 6;
  for (const auto& [name, value] : environment_of(env)) {
    if (value.size() >= kShortest) message = replace_all(std::move(message), value, "[" + name + "]");
  }
  return message;
}

Result<void> check(const json::Value& schema, const json::Value& value, std::string_view tool, std::string_view what) {
  if (!schema.is_object()) return {};
  auto compiled = json::Schema::compile(schema);
  if (!compiled) return {};  // checked when the project was loaded
  auto valid = compiled->check(value);
  if (valid) return {};
  return fail(std::move(valid).error().with_context("tool '" + std::string(tool) + "', " + std::string(what)));
}

}  // namespace

Toolbox::Toolbox(io::Loop& loop, io::BlockingPool& pool, ToolboxOptions options)
    : loop_(loop), pool_(pool), options_(std::move(options)), files_(options_.project_root) {
  if (options_.runtime.max_memory_mb > 0) options_.max_memory_mb = options_.runtime.max_memory_mb;
}

Result<ToolOffer> Toolbox::offer(const project::Workflow& workflow, std::string_view tool) {
  if (project::is_builtin_tool(tool)) return builtin_offer(tool);
  if (const project::Tool* found = workflow.find_tool(tool)) {
    return ToolOffer{.name = found->id, .description = found->description, .parameters = found->input_schema};
  }
  return fail(Errc::not_found, "the definition has no tool '" + std::string(tool) + "'");
}

int64_t Toolbox::timeout_of(const project::Tool& tool) const {
  return tool.timeout_ms > 0 ? tool.timeout_ms : options_.runtime.tool_timeout_ms;
}

io::Task<ToolReply> Toolbox::call(const project::Workflow& workflow, ToolRequest request, std::stop_token stop) {
  if (request.input.is_null()) request.input = json::Value::object();
  auto known = offer(workflow, request.tool);
  if (!known) co_return tool_failed(std::move(known).error());
  if (known->parameters.is_object()) {
    if (auto schema = json::Schema::compile(known->parameters)) request.input = schema->with_defaults(request.input);
    auto valid = check(known->parameters, request.input, request.tool, "input");
    if (!valid) co_return tool_failed(std::move(valid).error());
  }
  const project::Tool* tool = workflow.find_tool(request.tool);
  if (tool == nullptr) co_return co_await run_builtin_tool(std::move(request), stop);
  const std::string id = request.tool;
  const json::Value env = request.env;
  ToolReply reply = tool->runtime == project::ToolRuntime::script
                        ? co_await run_script(*tool, std::move(request), stop)
                        : co_await run_executable(*tool, std::move(request), stop);
  if (!reply) {
    reply.error().error.message = without_values(std::move(reply.error().error.message), env);
    co_return reply;
  }
  auto valid = check(tool->output_schema, *reply, id, "output");
  if (!valid) co_return tool_failed(std::move(valid).error());
  co_return expression::without_secret_marks(*reply);
}

io::Task<ToolReply> Toolbox::run_executable(const project::Tool& tool, ToolRequest request, std::stop_token stop) {
  sandbox::Spec spec;
  spec.argv = {options_.project_root + '/' + tool.source};
  spec.argv.insert(spec.argv.end(), tool.args.begin(), tool.args.end());
  spec.cwd = options_.project_root;
  spec.environment = environment_of(request.env);
  spec.environment.emplace_back("COMPOZY_IDEMPOTENCY_KEY", request.exec_id);
  spec.mark = "COMPOZY_IDEMPOTENCY_KEY=" + request.exec_id;
  spec.timeout_ms = timeout_of(tool);
  spec.alive = request.alive;
  spec.limits.memory_bytes = static_cast<uint64_t>(options_.max_memory_mb) * kMegabyte;
  spec.input = encode_tool_request(tool, request, spec.timeout_ms) + '\n';
  auto outcome = co_await sandbox::run(loop_, std::move(spec), stop);
  if (!outcome) {
    Error error = std::move(outcome).error();
    const auto kind = kind_of(error.code);
    if (error.code == Errc::permission_denied)
      error.message += " (is the file executable? chmod +x " + tool.source + ")";
    co_return tool_failed(std::move(error).with_context("tool '" + tool.id + "'"), kind);
  }
  if (!outcome->exit.succeeded()) {
    // A program may report its error as JSON and exit with a code as well.
    ToolReply said = decode_tool_answer(tool.id, outcome->output);
    if (!said && !trim(outcome->output).empty() && trim(outcome->output).starts_with('{')) co_return said;
    const std::string errors = tail(outcome->errors);
    co_return tool_failed({.code = Errc::tool_error,
                           .message = "tool '" + tool.id + "' ended with " + outcome->exit.to_string() +
                                      (errors.empty() ? "" : ": " + errors)},
                          ToolFailure::Kind::retry);
  }
  co_return decode_tool_answer(tool.id, outcome->output);
}

io::Task<ToolReply> Toolbox::run_builtin_tool(ToolRequest request, std::stop_token stop) {
  if (!options_.runtime.native_tools["enabled"].bool_or(true)) {
    co_return tool_failed(
        {.code = Errc::permission_denied, .message = "built-in tools are off: runtime.native_tools.enabled is false"});
  }
  if (request.tool == "cp__exec") co_return co_await run_program(std::move(request.input), stop);
  auto result = co_await pool_.run(
      [this, tool = request.tool, input = request.input] { return run_builtin(files_, tool, input); }, stop);
  if (!result) {
    const auto kind = kind_of(result.error().code);
    co_return tool_failed(std::move(result).error().with_context(request.tool), kind);
  }
  co_return expression::without_secret_marks(*result);
}

io::Task<ToolReply> Toolbox::run_program(json::Value input, std::stop_token stop) {
  const json::Value& config = options_.runtime.native_tools["exec"];
  const std::string command = input["command"].string_or("");
  std::vector<std::string> allowed;
  for (const json::Value& entry : config["allowlist"].is_array() ? config["allowlist"].as_array() : json::Array{}) {
    allowed.push_back(entry.is_string() ? entry.as_string() : entry["path"].string_or(""));
  }
  if (!command.starts_with('/') || std::ranges::find(allowed, command) == allowed.end()) {
    co_return tool_failed({.code = Errc::permission_denied,
                           .message = "cp__exec may not run '" + command + "'" + did_you_mean(command, allowed) +
                                      "; runtime.native_tools.exec.allowlist lists the absolute paths that it may"});
  }
  sandbox::Spec spec;
  spec.argv = {command};
  for (const json::Value& arg : input["args"].is_array() ? input["args"].as_array() : json::Array{}) {
    spec.argv.push_back(arg.string_or(""));
  }
  spec.cwd = options_.project_root;
  spec.timeout_ms = kProgramTimeoutMs;
  spec.output_bytes_max = kProgramOutputMax;
  spec.limits.memory_bytes = static_cast<uint64_t>(options_.max_memory_mb) * kMegabyte;
  auto outcome = co_await sandbox::run(loop_, std::move(spec), stop);
  if (!outcome) {
    const auto kind = kind_of(outcome.error().code);
    co_return tool_failed(std::move(outcome).error().with_context("cp__exec"), kind);
  }
  const auto text = [](const std::string& bytes) { return is_valid_utf8(bytes) ? bytes : "(not UTF-8 text)"; };
  co_return expression::without_secret_marks(json::Value::object({{"exit_code", outcome->exit.code},
                                                                  {"success", outcome->exit.succeeded()},
                                                                  {"stdout", text(outcome->output)},
                                                                  {"stderr", text(tail(outcome->errors))}}));
}

}  // namespace compozy::agent
