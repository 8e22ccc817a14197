// SPDX-License-Identifier: Apache-2.0
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <memory>

#include "base/assert.hpp"
#include "base/text.hpp"
#include "cli/command.hpp"
#include "cli/output.hpp"

namespace compozy::cli {

namespace {

// Where CLI11 puts what it parses for one command.
struct Slots {
  std::map<std::string, std::vector<std::string>> values;
  std::map<std::string, bool> switches;
  std::map<std::string_view, std::string> positionals;
};

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

// What stands for the value of a flag in a help text: "standalone|distributed", "PORT", "TEXT".
std::string value_name(const config::Key& key) {
  return key.choices.empty() ? to_upper(config::type_name(key.type)) : std::string(key.choices);
}

void add_command(CLI::App& app, const Command& command, Slots& slots) {
  for (const Option& option : command.options)
    add_option(app, slots, std::string(option.name), option.value, std::string(option.help), option.repeats);
  if (command.talks_to_server) {
    add_option(
        app, slots, "--server", "URL",
        "The server; default COMPOZY_BASE_URL, else what the project's server wrote into its data directory, else "
        "http://127.0.0.1:5001.");
    add_option(app, slots, "--api-key", "KEY",
               "API key; default COMPOZY_API_KEY, else the first key in the project's data directory.");
    add_option(app, slots, "--cwd", "DIR", "The project's folder; default: here.");
    add_option(app, slots, "--data-dir", "DIR",
               "The project's data directory; default COMPOZY_DATA_DIR, else .compozy.");
  }
  if (command.takes_config) {
    add_option(app, slots, "--cwd", "DIR", "The project's folder; default: here.");
    for (const config::Key& key : config::keys()) {
      if (!key.flag.empty())
        add_option(app, slots, "--" + std::string(key.flag), value_name(key), std::string(key.help));
    }
  }
  add_option(app, slots, "--json", "", "One JSON document instead of lines for people.");
  for (const Positional& positional : command.positionals) {
    app.add_option(std::string(positional.name), slots.positionals[positional.name], std::string(positional.help))
        ->type_name("")
        ->required(positional.required);
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

bool is_group(std::string_view word) {
  return std::ranges::any_of(groups(), [&](const Group& group) { return group.name == word; });
}

Invocation invocation_of(const Command& command, Slots& slots, const Ports& ports) {
  Invocation invocation(command, ports);
  for (auto& [name, values] : slots.values) {
    for (std::string& value : values) invocation.add(name, std::move(value));
  }
  for (const auto& [name, given] : slots.switches) {
    if (given) invocation.add(name, "");
  }
  for (const Positional& positional : command.positionals)
    invocation.add_positional(std::move(slots.positionals[positional.name]));
  return invocation;
}

// `compozy help workflow get` is `compozy workflow get --help`, and `compozy --version` is `compozy version`.
std::vector<const char*> as_meant(int argc, const char* const* argv) {
  std::vector<const char*> words(argv, argv + argc);
  if (argc < 2) return words;
  const std::string_view first = argv[1];
  if (first == "help") {
    words.erase(words.begin() + 1);
    words.push_back("--help");
  } else if (argc == 2 && (first == "--version" || first == "-v" || first == "-V")) {
    words[1] = "version";
  }
  return words;
}

// Everything that CLI11 needs to know of the table.
class Grammar {
 public:
  Grammar() : app("Compozy runs AI workflows: YAML in, durable runs out.", "compozy") {
    app.set_help_flag("-h,--help", "Show this help.");
    app.require_subcommand(1);
    for (const Command& command : commands()) add(command);
    app.set_help_all_flag("--help-all", "Show the help of every command.");
    app.footer(
        "First steps:\n  compozy init hello && cd hello\n  compozy start\n"
        "  compozy workflow execute hello --param name=Ada --wait     # in another shell, same folder");
  }

  CLI::App app;
  struct Leaf {
    CLI::App* app;
    const Command* command;
    std::unique_ptr<Slots> slots;
  };
  std::vector<Leaf> leaves;

  // What these words name without a command: the program or one of its groups; null where they say more.
  CLI::App* bare(std::span<const char* const> words) {
    if (words.size() == 1) return &app;
    return words.size() == 2 && is_group(words[1]) ? app.get_subcommand(words[1]) : nullptr;
  }

 private:
  // Made where the first of its commands stands in the table.
  CLI::App* group_of(std::string_view name) {
    CLI::App*& group = made_[name];
    if (group != nullptr) return group;
    const auto row = std::ranges::find(groups(), name, &Group::name);
    ASSERT(row != groups().end());  // every first word of a command has its row
    group = app.add_subcommand(std::string(name), std::string(row->summary))->require_subcommand(1);
    return group;
  }

  void add(const Command& command) {
    const size_t space = command.path.find(' ');
    CLI::App* parent = space == std::string_view::npos ? &app : group_of(command.path.substr(0, space));
    const std::string name(command.path.substr(space == std::string_view::npos ? 0 : space + 1));
    CLI::App* leaf = parent->add_subcommand(name, std::string(command.summary));
    leaves.push_back({leaf, &command, std::make_unique<Slots>()});
    add_command(*leaf, command, *leaves.back().slots);
  }

  std::map<std::string_view, CLI::App*> made_;
};

// The command that the words begin with, for "`compozy workflow get --help` shows …".
std::string path_of(const CLI::App& app) {
  std::string path = app.get_name();
  for (const CLI::App* up = app.get_parent(); up != nullptr; up = up->get_parent()) path = up->get_name() + ' ' + path;
  return path;
}

Parsed usage_error(Grammar& grammar, const CLI::ParseError& error, int argc, const char* const* argv) {
  // CLI11 says of an unknown word only that a command is missing.
  const bool unknown = argc > 1 && argv[1][0] != '-' && !is_group(argv[1]) && !is_command(argv[1]);
  const std::string reason = unknown ? "unknown command '" + std::string(argv[1]) + "'" : error.what();
  std::string where = "compozy";
  for (const Grammar::Leaf& leaf : grammar.leaves) {
    if (leaf.app->parsed()) where = path_of(*leaf.app);
  }
  note("compozy: " + reason + nearest_hint(grammar.app, argc, argv));
  note("`" + where + " --help` " + (where == "compozy" ? "lists the commands." : "says how."));
  return {.invocation = {}, .exit_code = static_cast<int>(ExitCode::usage)};
}

}  // namespace

Parsed parse(int argc, const char* const* argv, const Ports& ports) {
  Grammar grammar;
  const std::vector<const char*> words = as_meant(argc, argv);
  const int count = static_cast<int>(words.size());
  if (const CLI::App* named = grammar.bare(words)) {
    std::fputs(named->help().c_str(), stderr);
    return {.invocation = {}, .exit_code = static_cast<int>(ExitCode::usage)};
  }
  try {
    grammar.app.parse(count, words.data());
  } catch (const CLI::CallForHelp& help) {
    return {.invocation = {}, .exit_code = grammar.app.exit(help)};
  } catch (const CLI::CallForAllHelp& help) {
    return {.invocation = {}, .exit_code = grammar.app.exit(help)};
  } catch (const CLI::ParseError& error) {
    return usage_error(grammar, error, count, words.data());
  }
  for (const Grammar::Leaf& leaf : grammar.leaves) {
    if (leaf.app->parsed()) return {.invocation = invocation_of(*leaf.command, *leaf.slots, ports), .exit_code = 0};
  }
  return {.invocation = {}, .exit_code = static_cast<int>(ExitCode::usage)};
}

}  // namespace compozy::cli
