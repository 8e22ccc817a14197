// SPDX-License-Identifier: Apache-2.0
#include "redis/commands/config/settings.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>

#include "base/text.hpp"
#include "redis/commands/config/setting_rows.hpp"
#include "redis/commands/config/setting_words.hpp"

namespace compozy::redis {

namespace {

constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
using Kind = SettingRow::Kind;

std::unexpected<Error> invalid(std::string text) { return fail(Errc::invalid_argument, std::move(text)); }

std::unexpected<Error> not_one_of(std::string_view choices) {
  return invalid("argument(s) must be one of the following: " + replace_all(std::string(choices), " ", ", "));
}

Result<int64_t> in_range(const SettingRow& row, int64_t number) {
  if (number >= row.min && number <= row.max) return number;
  if (row.kind == Kind::octal) {
    return invalid("argument must be between 0 and 777 inclusive");
  }
  return invalid("argument must be between " + std::to_string(row.min) + " and " + std::to_string(row.max) +
                 " inclusive");
}

Result<int64_t> parse_number(const SettingRow& row, std::string_view value) {
  int64_t number = 0;
  switch (row.kind) {
    case Kind::memory:
      if (!parse_memory(value, number)) return invalid("argument must be a memory value");
      break;
    case Kind::memory_or_percent:
      if (value.ends_with('%') && parse_int64(value.substr(0, value.size() - 1), number) && number >= 0) {
        if (number > 100) return invalid("percentage argument must be less or equal to 100");
        return -number;
      }
      if (!parse_memory(value, number)) return invalid("argument must be a memory or percent value");
      break;
    case Kind::octal: {
      const auto parsed = std::from_chars(value.data(), value.data() + value.size(), number, 8);
      if (parsed.ec != std::errc() || parsed.ptr != value.data() + value.size())
        return invalid("argument couldn't be parsed as an octal number");
      break;
    }
    default:
      if (!parse_int64(value, number)) return invalid("argument couldn't be parsed into an integer");
  }
  return in_range(row, number);
}

std::string number_text(const SettingRow& row, int64_t value) {
  if (row.kind == Kind::memory_or_percent && value < 0) return std::to_string(-value) + "%";
  if (row.kind != Kind::octal) return std::to_string(value);
  std::array<char, 32> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value, 8);
  return {digits.data(), end.ptr};
}

// What is wrong with a text beyond its type.
std::string objection(const SettingRow& row, std::string_view value) {
  if ((row.name == "dbfilename" || row.name == "appendfilename" || row.name == "appenddirname") &&
      value.find('/') != std::string_view::npos) {
    if (row.name == "appenddirname") return "appenddirname can't be a path, just a dirname";
    return std::string(row.name) + " can't be a path, just a filename";
  }
  if (value.empty() && (row.name == "appendfilename" || row.name == "appenddirname"))
    return std::string(row.name) + " can't be empty";
  if (row.name == "cluster-announce-hostname" && !std::ranges::all_of(value, [](char c) {
        return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '.';
      }))
    return "Hostnames may only contain alphanumeric characters, hyphens or dots";
  return {};
}

}  // namespace

bool parse_memory(std::string_view value, int64_t& out) {
  const std::string text = to_lower(value);
  const size_t digits = text.find_first_not_of("0123456789");
  const std::string unit = digits == std::string::npos ? "" : text.substr(digits);
  constexpr std::array<std::pair<std::string_view, int64_t>, 8> kUnits{{{"", 1},
                                                                        {"b", 1},
                                                                        {"k", 1000},
                                                                        {"kb", 1024},
                                                                        {"m", 1'000'000},
                                                                        {"mb", 1024 * 1024},
                                                                        {"g", 1'000'000'000},
                                                                        {"gb", 1024 * 1024 * 1024}}};
  const auto found = std::ranges::find(kUnits, unit, &std::pair<std::string_view, int64_t>::first);
  int64_t number = 0;
  if (found == kUnits.end() || digits == 0 || !parse_int64(text.substr(0, digits), number)) return false;
  if (number > kMax / found->second) return false;
  out = number * found->second;
  return true;
}

const SettingRow* find_setting(std::string_view name) {
  for (const SettingRow& row : setting_rows()) {
    if (equals_ignoring_case(row.name, name) || (!row.alias.empty() && equals_ignoring_case(row.alias, name)))
      return &row;
  }
  return nullptr;
}

std::string Settings::value_of(const SettingRow& row) const {
  if (const auto* number = std::get_if<int64_t Settings::*>(&row.field)) return number_text(row, this->**number);
  if (const auto* flag = std::get_if<bool Settings::*>(&row.field)) return this->**flag ? "yes" : "no";
  return this->*std::get<std::string Settings::*>(row.field);
}

std::vector<std::pair<std::string, std::string>> Settings::get(const std::vector<std::string>& patterns) const {
  std::vector<std::pair<std::string, std::string>> found;
  const auto add = [&](std::string_view name, const SettingRow& row) {
    const bool wanted = std::ranges::any_of(patterns, [&](const std::string& pattern) {
      return row.has(kHidden) ? equals_ignoring_case(pattern, name) : glob_match(to_lower(pattern), name);
    });
    if (wanted) found.emplace_back(name, value_of(row));
  };
  for (const SettingRow& row : setting_rows()) {
    add(row.name, row);
    if (!row.alias.empty()) add(row.alias, row);
  }
  return found;
}

Result<void> Settings::set(std::string_view name, std::string_view value) {
  const SettingRow* row = find_setting(name);
  if (row == nullptr) return fail(Errc::not_found, "unknown setting '" + std::string(name) + "'");
  std::vector<std::string> words;
  if (row->takes_words()) {
    for (const auto word : split(value, ' ')) {
      if (!word.empty()) words.emplace_back(word);
    }
    if (words.empty()) words.emplace_back();
  } else {
    words.emplace_back(value);
  }
  return set_words(*row, words);
}

Result<void> Settings::set_words(const SettingRow& row, std::span<const std::string> words) {
  if (row.kind >= Kind::save) {
    std::string& field = this->*std::get<std::string Settings::*>(row.field);
    TRY(field, setting_words(row.kind, words, field));
    return {};
  }
  if (words.size() != 1) return invalid("wrong number of arguments");
  const std::string& value = words.front();
  if (const auto* number = std::get_if<int64_t Settings::*>(&row.field)) {
    TRY(this->**number, parse_number(row, value));
    if (row.name == "hz") hz = std::clamp<int64_t>(hz, 1, 500);
    return {};
  }
  if (const auto* flag = std::get_if<bool Settings::*>(&row.field)) {
    const bool yes = equals_ignoring_case(value, "yes");
    if (!yes && !equals_ignoring_case(value, "no")) return invalid("argument must be 'yes' or 'no'");
    this->** flag = yes;
    return {};
  }
  std::string& field = this->*std::get<std::string Settings::*>(row.field);
  if (row.kind == Kind::choice) {
    const auto choices = split(row.choices, ' ');
    const auto chosen = std::ranges::find_if(choices, [&](auto choice) { return equals_ignoring_case(choice, value); });
    if (chosen == choices.end()) return not_one_of(row.choices);
    field = *chosen;
    return {};
  }
  if (std::string reason = objection(row, value); !reason.empty()) return invalid(std::move(reason));
  field = value;
  return {};
}

Settings::OutputLimit Settings::output_limit(std::string_view client_class) const {
  const auto words = split(client_output_buffer_limit, ' ');
  OutputLimit limit;
  for (size_t i = 0; i + 3 < words.size(); i += 4) {
    if (words[i] != client_class) continue;
    int64_t hard = 0;
    int64_t soft = 0;
    parse_int64(words[i + 1], hard);
    parse_int64(words[i + 2], soft);
    parse_int64(words[i + 3], limit.soft_seconds);
    limit.hard = static_cast<size_t>(hard);
    limit.soft = static_cast<size_t>(soft);
  }
  return limit;
}

Settings redis_server_defaults() {
  Settings settings;
  settings.port = 6379;
  settings.bind = "* -::*";
  settings.save = "3600 1 300 100 60 10000";
  settings.enable_debug_command = "no";
  settings.lazyfree_lazy_expire = false;
  settings.enable_protected_configs = "no";
  return settings;
}

}  // namespace compozy::redis
