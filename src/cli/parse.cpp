// SPDX-License-Identifier: Apache-2.0
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <memory>

#include "base/text.hpp"
#include "cli/command.hpp"

namespace compozy::cli {

namespace {

// Where CLI11 puts what it parses for one command.
struct Slots {
  std::map<std::string, std::vector<std::string>> values;
  std::map<std::string, bool> switches;
  std::vector<std::string> positionals;
};

constexpr std::string_view kGroupHelp = "config: settings · execution: runs · workflow: what can be run";

constexpr int kRepeatsMax = 100;

void add_option(CLI::App& app, Slots& slots, const std::string& name, std::string_view value, const std::string& help,
                bool repeats = false) {
  if (value.empty()) {
    app.add_flag(name, slots.switches[name], help);
  } else {
    app.add_option(name, slots.values[name], help)
        ->type_name(std::string(value))
        ->expected(1, repeats ? kRepeatsMax : 1)
        ->allow_extra_args(false);
  }
}

void add_command(CLI::App& app, const Command& command, Slots& slots) {
  for (const Option& option : command.options)
    add_option(app, slots, std::string(option.name), option.value, std::string(option.help), option.repeats);
  if (command.talks_to_server) {
    add_option(app, slots, "--server", "URL", "The server; default COMPOZY_BASE_URL, else http://127.0.0.1:5001.");
    add_option(app, slots, "--api-key", "KEY", "API key; default COMPOZY_API_KEY, else .compozy/api_key here.");
  }
  if (command.takes_config) {
    add_option(app, slots, "--cwd", "DIR", "The project's folder; default: here.");
    for (const config::Key& key : config::keys()) {
      if (!key.flag.empty())
        add_option(app, slots, "--" + std::string(key.flag), config::type_name(key.type), std::string(key.help));
    }
  }
  add_option(app, slots, "--json", "", "One JSON document instead of lines for people.");
  if (!command.positionals.empty()) {
    std::string names;
    std::string help;
    int required = 0;
    for (const Positional& positional : command.positionals) {
      names += (names.empty() ? "" : " ") + std::string(positional.name);
      help += (help.empty() ? "" : " ") + std::string(positional.help);
      required += positional.required ? 1 : 0;
    }
    app.add_option(names, slots.positionals, help)->expected(required, static_cast<int>(command.positionals.size()));
  }
  app.footer("Examples:\n  " + replace_all(std::string(command.examples), "\n", "\n  "));
}

// What was probably meant by the first word that nothing knows.
std::string nearest_hint(const CLI::App& level, int argc, const char* const* argv) {
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    NearestName nearest(word);
    bool known = false;
    if (word.starts_with("--")) {
      for (const CLI::Option* option : level.get_options()) {
        for (const std::string& name : option->get_lnames()) {
          known = known || word.substr(2, word.find('=') - 2) == name;
          nearest.consider("--" + name);
        }
      }
    } else if (!word.starts_with('-')) {
      for (const CLI::App* sub : level.get_subcommands([](const CLI::App*) { return true; })) {
        if (sub->get_name() == word) return nearest_hint(*sub, argc - i, argv + i);
        nearest.consider(sub->get_name());
      }
      known = level.get_subcommands([](const CLI::App*) { return true; }).empty();
    }
    if (!known && !nearest.best().empty()) return "; did you mean '" + nearest.best() + "'?";
  }
  return {};
}

bool is_command(std::string_view word) {
  return std::ranges::any_of(commands(), [&](const Command& command) { return command.path == word; });
}

Invocation invocation_of(const Command& command, Slots& slots, const Ports& ports) {
  Invocation invocation(command, ports);
  for (auto& [name, values] : slots.values) {
    for (std::string& value : values) invocation.add(name, std::move(value));
  }
  for (const auto& [name, given] : slots.switches) {
    if (given) invocation.add(name, "");
  }
  for (std::string& text : slots.positionals) invocation.add_positional(std::move(text));
  return invocation;
}

}  // namespace

Parsed parse(int argc, const char* const* argv, const Ports& ports) {
  CLI::App app("Compozy runs AI workflows: YAML in, durable runs out.\n" + std::string(kGroupHelp), "compozy");
  app.require_subcommand(1);
  app.set_help_all_flag("--help-all", "Help of every command.");
  app.footer("First steps:\n  compozy init hello && compozy start --standalone --cwd hello");
  std::map<std::string_view, CLI::App*> groups;
  std::vector<std::pair<CLI::App*, const Command*>> leaves;
  std::map<const Command*, std::unique_ptr<Slots>> slots;
  for (const Command& command : commands()) {
    CLI::App* parent = &app;
    std::string_view name = command.path;
    if (const size_t space = name.find(' '); space != std::string_view::npos) {
      CLI::App*& group = groups[name.substr(0, space)];
      if (group == nullptr)
        group = app.add_subcommand(std::string(name.substr(0, space)),
                                   "See `compozy " + std::string(name.substr(0, space)) + " --help`.")
                    ->require_subcommand(1);
      parent = group;
      name.remove_prefix(space + 1);
    }
    CLI::App* leaf = parent->add_subcommand(std::string(name), std::string(command.summary));
    slots[&command] = std::make_unique<Slots>();
    add_command(*leaf, command, *slots[&command]);
    leaves.emplace_back(leaf, &command);
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp& help) {
    return {.invocation = {}, .exit_code = app.exit(help)};
  } catch (const CLI::CallForAllHelp& help) {
    return {.invocation = {}, .exit_code = app.exit(help)};
  } catch (const CLI::ParseError& error) {
    // CLI11 says of an unknown word only that a command is missing.
    const bool unknown = argc > 1 && argv[1][0] != '-' && groups.find(argv[1]) == groups.end() && !is_command(argv[1]);
    const std::string reason = unknown ? "unknown command '" + std::string(argv[1]) + "'" : error.what();
    std::fprintf(stderr, "compozy: %s%s\n", reason.c_str(), nearest_hint(app, argc, argv).c_str());
    std::fprintf(stderr, "`compozy --help` lists the commands.\n");
    return {.invocation = {}, .exit_code = static_cast<int>(ExitCode::usage)};
  }
  for (const auto& [leaf, command] : leaves) {
    if (leaf->parsed()) return {.invocation = invocation_of(*command, *slots[command], ports), .exit_code = 0};
  }
  return {.invocation = {}, .exit_code = static_cast<int>(ExitCode::usage)};
}

}  // namespace compozy::cli
