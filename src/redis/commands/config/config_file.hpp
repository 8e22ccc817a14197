// SPDX-License-Identifier: Apache-2.0
//
// redis.conf and the options of redis-server: one setting a line, words in quotes where they need it, `include FILE`.
// The options become lines that follow the file's, so the last one counts.
//
//   CommandLine line = read_command_line({"redis.conf", "--port", "7000"});
//   ConfigFile config{redis_server_defaults()};
//   if (auto problem = config.load(text_of(line.file) + "\n" + line.options)) …
// Source: redis.io/docs/management/config-file; error texts as redis-server 7.0 prints them.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "redis/commands/config/settings.hpp"

namespace compozy::redis {

struct CommandLine {
  std::string file;         // empty: none
  bool from_stdin = false;  // "-"
  std::string options;      // as lines of a file
};
CommandLine read_command_line(std::span<const std::string> args);

struct ConfigProblem {
  size_t line = 0;
  std::string text;
  std::string reason;
  std::string to_string() const;  // several lines, for standard error
};

class ConfigFile {
 public:
  using Read = std::function<std::optional<std::string>(const std::string& path)>;
  explicit ConfigFile(Settings defaults) : settings(std::move(defaults)) {}

  std::optional<ConfigProblem> load(std::string_view text, const Read& read);

  Settings settings;
  std::vector<std::vector<std::string>> users;               // "user NAME rule…", without the first word
  std::vector<std::pair<std::string, std::string>> renames;  // rename-command FROM TO

 private:
  std::string load_line(const std::vector<std::string>& words, const Read& read);
  std::string load_setting(const std::vector<std::string>& words);

  bool save_seen_ = false;
  int depth_ = 0;
};

}  // namespace compozy::redis
