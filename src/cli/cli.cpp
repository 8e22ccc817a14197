// SPDX-License-Identifier: Apache-2.0
#include "cli/cli.hpp"

#include <cstdio>

#include "cli/command.hpp"
#include "cli/output.hpp"

namespace compozy::cli {

std::string Invocation::value(std::string_view option, std::string_view fallback) const {
  const auto found = options_.find(option);
  return found == options_.end() || found->second.empty() ? std::string(fallback) : found->second.back();
}

std::vector<std::string> Invocation::values(std::string_view option) const {
  const auto found = options_.find(option);
  return found == options_.end() ? std::vector<std::string>() : found->second;
}

std::map<std::string, std::string> Invocation::config_flags() const {
  std::map<std::string, std::string> flags;
  if (has("--standalone")) flags["mode"] = "standalone";
  for (const config::Key& key : config::keys()) {
    if (!key.flag.empty() && has("--" + std::string(key.flag)))
      flags[std::string(key.flag)] = value("--" + std::string(key.flag));
  }
  return flags;
}

std::string Invocation::environment(const std::string& name) const {
  const char* text = ports_.getenv ? ports_.getenv(name) : nullptr;
  return text == nullptr ? std::string() : std::string(text);
}

int run(int argc, const char* const* argv, const Ports& ports) {
  for (const Command& command : commands()) {
    if (command.takes_all_arguments && argc > 1 && command.path == argv[1])
      return ports.redis_server({argv + 2, argv + argc});
  }
  Parsed parsed = parse(argc, argv, ports);
  if (!parsed.invocation) return parsed.exit_code;
  Invocation& invocation = *parsed.invocation;
  const Result<void> result = invocation.command().run(invocation);
  if (result) return static_cast<int>(ExitCode::ok);
  print_error(result.error(), invocation.json());
  return static_cast<int>(errc_row(result.error().code).exit_code);
}

std::string reference() {
  std::string text;
  for (const Command& command : commands()) {
    text += "## compozy " + std::string(command.path);
    for (const Positional& positional : command.positionals)
      text += positional.required ? " " + std::string(positional.name) : " [" + std::string(positional.name) + "]";
    text += "\n\n" + std::string(command.summary) + "\n\n";
    if (!command.positionals.empty() || !command.options.empty()) {
      text += "| argument | meaning |\n| --- | --- |\n";
      for (const Positional& positional : command.positionals)
        text += "| `" + std::string(positional.name) + "` | " + std::string(positional.help) + " |\n";
      for (const Option& option : command.options) {
        text += "| `" + std::string(option.name) + (option.value.empty() ? "" : " " + std::string(option.value)) +
                "` | " + std::string(option.help) + " |\n";
      }
      text += "\n";
    }
    if (command.takes_all_arguments)
      text += "Takes a configuration file and `--setting value` pairs as redis-server does.\n\n";
    if (command.takes_config) text += "Takes `--cwd DIR` and every flag of the [configuration](config.md).\n\n";
    if (command.talks_to_server) text += "Takes `--server URL`, `--api-key KEY`, `--cwd DIR` and `--data-dir DIR`.\n\n";
    text += "```sh\n" + std::string(command.examples) + "\n```\n\n";
  }
  return text;
}

}  // namespace compozy::cli
