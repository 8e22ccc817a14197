// SPDX-License-Identifier: Apache-2.0
//
// The one table of commands. From a row derive: parsing, --help, "did you mean", docs/cli.md. Adding a command is one
// row in commands_table.cpp and one function.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cli/cli.hpp"

namespace compozy::cli {

struct Positional {
  std::string_view name;
  std::string_view help;
  bool required = true;
};

struct Option {
  std::string_view name;   // "--input"
  std::string_view value;  // "JSON"; empty for a switch
  std::string_view help;
  bool repeats = false;  // may be given again
};

class Invocation;
using Run = Result<void> (*)(Invocation& invocation);

struct Command {
  std::string_view path;      // "workflow execute"
  std::string_view summary;   // one line
  std::string_view examples;  // lines that can be typed
  std::span<const Positional> positionals;
  std::span<const Option> options;
  bool talks_to_server = false;      // adds --server, --api-key, --cwd and --data-dir
  bool takes_config = false;         // adds the flags of the configuration, and --cwd
  bool takes_all_arguments = false;  // whatever follows is passed on as it is
  Run run = nullptr;
};

std::span<const Command> commands();

// The first word of several commands.
struct Group {
  std::string_view name;
  std::string_view summary;  // one line
};
std::span<const Group> groups();

// One call of a command, parsed.
class Invocation {
 public:
  Invocation(const Command& command, const Ports& ports) : command_(command), ports_(ports) {}

  const Command& command() const { return command_; }
  const Ports& ports() const { return ports_; }
  bool has(std::string_view option) const { return options_.contains(option); }
  std::string value(std::string_view option, std::string_view fallback = {}) const;
  std::vector<std::string> values(std::string_view option) const;
  std::string positional(size_t index) const {
    return index < positionals_.size() ? positionals_[index] : std::string();
  }
  bool json() const { return has("--json"); }
  std::map<std::string, std::string> config_flags() const;  // for config::Inputs
  std::string environment(const std::string& name) const;

  void add(std::string_view option, std::string text) { options_[std::string(option)].push_back(std::move(text)); }
  void add_positional(std::string text) { positionals_.push_back(std::move(text)); }

 private:
  const Command& command_;
  const Ports& ports_;
  std::map<std::string, std::vector<std::string>, std::less<>> options_;
  std::vector<std::string> positionals_;
};

// The parsed call, or the exit code of a help text or a usage error that has been printed.
struct Parsed {
  std::optional<Invocation> invocation;
  int exit_code = 0;
};
Parsed parse(int argc, const char* const* argv, const Ports& ports);

Result<void> run_init(Invocation& invocation);
Result<void> run_start(Invocation& invocation);
Result<void> run_workflow_list(Invocation& invocation);
Result<void> run_workflow_get(Invocation& invocation);
Result<void> run_workflow_execute(Invocation& invocation);
Result<void> run_agent_list(Invocation& invocation);
Result<void> run_agent_get(Invocation& invocation);
Result<void> run_agent_execute(Invocation& invocation);
Result<void> run_task_list(Invocation& invocation);
Result<void> run_task_get(Invocation& invocation);
Result<void> run_task_execute(Invocation& invocation);
Result<void> run_audit_list(Invocation& invocation);
Result<void> run_audit_verify(Invocation& invocation);
Result<void> run_schedule_list(Invocation& invocation);
Result<void> run_schedule_get(Invocation& invocation);
Result<void> run_schedule_pause(Invocation& invocation);
Result<void> run_schedule_resume(Invocation& invocation);
Result<void> run_schedule_update(Invocation& invocation);
Result<void> run_schedule_reset(Invocation& invocation);
Result<void> run_execution_list(Invocation& invocation);
Result<void> run_execution_purge(Invocation& invocation);
Result<void> run_execution_get(Invocation& invocation);
Result<void> run_execution_watch(Invocation& invocation);
Result<void> run_execution_signal(Invocation& invocation);
Result<void> run_execution_approve(Invocation& invocation);
Result<void> run_execution_reject(Invocation& invocation);
Result<void> run_execution_cancel(Invocation& invocation);
Result<void> run_execution_pause(Invocation& invocation);
Result<void> run_execution_resume(Invocation& invocation);
Result<void> run_config_show(Invocation& invocation);
Result<void> run_config_validate(Invocation& invocation);
Result<void> run_config_explain(Invocation& invocation);
Result<void> run_reference(Invocation& invocation);
Result<void> run_version(Invocation& invocation);

}  // namespace compozy::cli
