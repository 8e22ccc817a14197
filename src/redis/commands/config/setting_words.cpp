// SPDX-License-Identifier: Apache-2.0
#include "redis/commands/config/setting_words.hpp"

#include <algorithm>
#include <array>
#include <vector>

#include "base/text.hpp"
#include "redis/commands/context.hpp"

namespace compozy::redis {

namespace {

using Words = std::span<const std::string>;

std::unexpected<Error> invalid(std::string text) { return fail(Errc::invalid_argument, std::move(text)); }

std::string joined(Words words) {
  std::string text;
  for (const std::string& word : words) {
    if (!text.empty()) text += ' ';
    text += word;
  }
  return text;
}

Result<std::string> save_points(Words words) {
  if (words.empty() || (words.size() == 1 && words[0].empty())) return std::string();
  if (words.size() % 2 != 0) return invalid("Invalid save parameters");
  std::string text;
  for (size_t i = 0; i < words.size(); ++i) {
    int64_t number = 0;
    if (!parse_int64(words[i], number) || number < (i % 2 == 0 ? 1 : 0)) return invalid("Invalid save parameters");
    text += (text.empty() ? "" : " ") + std::to_string(number);
  }
  return text;
}

Result<std::string> output_limits(Words words, std::string_view before) {
  if (words.empty() || words.size() % 4 != 0)
    return invalid("Wrong number of arguments in buffer limit configuration.");
  std::vector<std::string> now;
  for (const auto word : split(before, ' ')) now.emplace_back(word);
  for (size_t i = 0; i < words.size(); i += 4) {
    const std::string name = equals_ignoring_case(words[i], "replica") ? "slave" : to_lower(words[i]);
    const auto at = std::ranges::find(now, name);
    if (at == now.end()) return invalid("Invalid client class specified in buffer limit configuration.");
    int64_t hard = 0;
    int64_t soft = 0;
    int64_t seconds = 0;
    if (!parse_memory(words[i + 1], hard) || !parse_memory(words[i + 2], soft) || !parse_int64(words[i + 3], seconds) ||
        seconds < 0)
      return invalid("Error in hard, soft or soft_seconds setting in buffer limit configuration.");
    at[1] = std::to_string(hard);
    at[2] = std::to_string(soft);
    at[3] = std::to_string(seconds);
  }
  return joined(now);
}

Result<std::string> oom_scores(Words words) {
  if (words.size() != 3) return invalid("wrong number of arguments");
  std::array<int64_t, 3> values{};
  for (size_t i = 0; i < 3; ++i) {
    if (!parse_int64(words[i], values[i]) || values[i] < -2000 || values[i] > 2000)
      return invalid("Invalid oom-score-adj-values, elements must be between -2000 and 2000.");
  }
  return joined(words);
}

Result<std::string> percentiles(Words words) {
  std::string text;
  if (words.size() == 1 && words[0].empty()) return text;
  for (const std::string& word : words) {
    double value = 0;
    if (!parse_redis_double(word, value)) return invalid("Invalid latency-tracking-info-percentiles parameters");
    if (value < 0 || value > 100)
      return invalid("latency-tracking-info-percentiles parameters should sit between [0.0,100.0]");
    text.append(text.empty() ? "" : " ").append(format_double(value));
  }
  return text;
}

Result<std::string> addresses(Words words) {
  if (words.size() > 16) return invalid("Too many bind addresses specified.");
  if (words.size() == 1 && words[0].empty()) return std::string();
  return joined(words);
}

Result<std::string> replica_of(Words words) {
  if (words.size() != 2) return invalid("wrong number of arguments");
  if (equals_ignoring_case(words[0], "no") && equals_ignoring_case(words[1], "one")) return std::string();
  int64_t port = 0;
  if (!parse_int64(words[1], port) || port < 0 || port > 65535) return invalid("Invalid master port");
  return joined(words);
}

// The letters in the one order in which they are shown; "A" stands for all of the first line.
Result<std::string> events(Words words) {
  if (words.size() != 1) return invalid("wrong number of arguments");
  constexpr std::string_view kAll = "g$lshzxetd";
  constexpr std::string_view kOrder = "g$lshzxetdKEmn";
  bool all = false;
  std::string given;
  for (const char c : words[0]) {
    if (c == 'A') {
      all = true;
    } else if (kOrder.find(c) == std::string_view::npos) {
      return invalid("Invalid event class character. Use 'Ag$lshzxeKEtmdn'.");
    } else {
      given += c;
    }
  }
  const auto has = [&](char c) {
    return given.find(c) != std::string::npos || (all && kAll.find(c) != std::string_view::npos);
  };
  all = std::ranges::all_of(kAll, has);
  std::string text = all ? "A" : "";
  for (const char c : kOrder) {
    if (has(c) && !(all && kAll.find(c) != std::string_view::npos)) text += c;
  }
  return text;
}

Result<std::string> shutdown(Words words) {
  constexpr std::string_view kAllowed = "argument(s) must be one of the following: default, save, nosave, now, force";
  constexpr std::array<std::string_view, 5> kNames{"default", "save", "nosave", "now", "force"};
  std::array<bool, 5> given{};
  for (const std::string& word : words) {
    const auto at = std::ranges::find_if(kNames, [&](auto name) { return equals_ignoring_case(name, word); });
    if (at == kNames.end()) return invalid(std::string(kAllowed));
    given[static_cast<size_t>(at - kNames.begin())] = true;
  }
  if (words.empty() || (given[1] && given[2])) return invalid(std::string(kAllowed));
  std::string text;
  for (size_t i = 1; i < kNames.size(); ++i) {
    if (given[i]) text.append(text.empty() ? "" : " ").append(kNames[i]);
  }
  return text.empty() ? "default" : text;
}

}  // namespace

Result<std::string> setting_words(SettingRow::Kind kind, Words words, std::string_view before) {
  using Kind = SettingRow::Kind;
  switch (kind) {
    case Kind::save: return save_points(words);
    case Kind::output_limits: return output_limits(words, before);
    case Kind::oom_scores: return oom_scores(words);
    case Kind::percentiles: return percentiles(words);
    case Kind::addresses: return addresses(words);
    case Kind::replicaof: return replica_of(words);
    case Kind::events: return events(words);
    case Kind::shutdown: return shutdown(words);
    default: return joined(words);
  }
}

}  // namespace compozy::redis
