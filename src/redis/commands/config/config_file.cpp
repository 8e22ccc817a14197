// SPDX-License-Identifier: Apache-2.0
#include "redis/commands/config/config_file.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "redis/commands/config/setting_rows.hpp"
#include "redis/commands/handlers.hpp"
#include "redis/resp/words.hpp"

namespace compozy::redis {

namespace {

constexpr int kIncludeDepthMax = 16;

bool is_option(std::string_view word) { return word.starts_with("--"); }

// "--save" without a value means no save points.
bool stands_alone(std::string_view word, const std::string* next) {
  return equals_ignoring_case(word, "--save") && (next == nullptr || is_option(*next));
}

}  // namespace

CommandLine read_command_line(std::span<const std::string> args) {
  CommandLine line;
  size_t i = 0;
  if (!args.empty() && !args[0].starts_with('-')) line.file = args[i++];
  bool value_expected = false;  // the word after an option's name is its value, whatever it looks like
  for (; i < args.size(); ++i) {
    const std::string& word = args[i];
    if (word == "-" && (i == 0 || i + 1 == args.size())) {
      line.from_stdin = true;
    } else if (is_option(word) && !value_expected) {
      std::vector<std::string> parts;
      if (!line.options.empty()) line.options += '\n';
      line.options.append(word.substr(2)).append(" ");
      split_words(word, parts);
      value_expected = parts.size() <= 1;
      if (value_expected && stands_alone(word, i + 1 < args.size() ? &args[i + 1] : nullptr)) {
        line.options += "\"\"";
        value_expected = false;
      }
    } else {
      line.options.append(quote_word(word)).append(" ");
      value_expected = false;
    }
  }
  return line;
}

std::string ConfigProblem::to_string() const {
  return "\n*** FATAL CONFIG FILE ERROR (Redis " + std::string(kRedisVersion) +
         ") ***\nReading the configuration file, at line " + std::to_string(line) + "\n>>> '" + text + "'\n" + reason +
         "\n";
}

std::optional<ConfigProblem> ConfigFile::load(std::string_view text, const Read& read) {
  size_t number = 0;
  for (const std::string_view raw : split(text, '\n')) {
    ++number;
    const std::string_view line = trim(raw);
    if (line.empty() || line.starts_with('#')) continue;
    std::vector<std::string> words;
    std::string reason = "Unbalanced quotes in configuration line";
    if (split_words(line, words)) reason = words.empty() ? "" : load_line(words, read);
    if (!reason.empty()) return ConfigProblem{number, std::string(line), std::move(reason)};
  }
  return std::nullopt;
}

std::string ConfigFile::load_line(const std::vector<std::string>& words, const Read& read) {
  const std::string name = to_lower(words[0]);
  if (name == "include" && words.size() == 2) {
    if (depth_ >= kIncludeDepthMax) return "includes are nested too deeply";
    const auto text = read(words[1]);
    if (!text) return "Can't open config file '" + words[1] + "'";
    ++depth_;
    const auto problem = load(*text, read);
    --depth_;
    return problem ? problem->reason : std::string();
  }
  if (name == "rename-command" && words.size() == 3) {
    renames.emplace_back(to_lower(words[1]), to_lower(words[2]));
    return {};
  }
  if (name == "user" && words.size() >= 2) {
    if (std::ranges::any_of(users, [&](const auto& user) { return user.front() == words[1]; }))
      return "Duplicate user '" + words[1] + "' found";
    users.emplace_back(words.begin() + 1, words.end());
    return {};
  }
  if (name == "list-max-ziplist-entries" || name == "list-max-ziplist-value") return {};  // of Redis 3.0; ignored
  return load_setting(words);
}

std::string ConfigFile::load_setting(const std::vector<std::string>& words) {
  const SettingRow* row = find_setting(words[0]);
  if (row == nullptr) return "Bad directive or wrong number of arguments";
  std::vector<std::string> values(words.begin() + 1, words.end());
  if (row->takes_words()) {
    if (values.size() == 1 && !values[0].empty()) {
      // One word may hold them all: --save "900 1 300 10".
      const std::string whole = std::move(values[0]);
      values.clear();
      for (const auto part : split(whole, ' ')) {
        if (!part.empty()) values.emplace_back(part);
      }
    }
  } else if (values.size() != 1) {
    return "wrong number of arguments";
  }
  if (row->name == "save") {
    // Each line adds to the ones before; the first replaces the built-in ones, and an empty one forgets all.
    if (!std::exchange(save_seen_, true)) settings.save.clear();
    const std::string before = settings.save;
    const auto set = settings.set_words(*row, values);
    if (!set) return set.error().message;
    if (!settings.save.empty() && !before.empty()) settings.save = before + " " + settings.save;
    return {};
  }
  const auto set = settings.set_words(*row, values);
  return set ? std::string() : set.error().message;
}

}  // namespace compozy::redis
