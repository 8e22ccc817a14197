// SPDX-License-Identifier: Apache-2.0
#include "base/duration.hpp"

#include <array>
#include <cctype>
#include <cmath>
#include <cstdio>

#include "base/text.hpp"

namespace compozy {

namespace {

struct Unit {
  std::string_view name;
  double factor;
};

constexpr std::array kTimeUnits{
    Unit{"ms", 1},        Unit{"millisecond", 1}, Unit{"milliseconds", 1}, Unit{"us", 0.001},   Unit{"µs", 0.001},
    Unit{"ns", 0.000001}, Unit{"s", 1e3},         Unit{"sec", 1e3},        Unit{"secs", 1e3},   Unit{"second", 1e3},
    Unit{"seconds", 1e3}, Unit{"m", 6e4},         Unit{"min", 6e4},        Unit{"mins", 6e4},   Unit{"minute", 6e4},
    Unit{"minutes", 6e4}, Unit{"h", 36e5},        Unit{"hr", 36e5},        Unit{"hrs", 36e5},   Unit{"hour", 36e5},
    Unit{"hours", 36e5},  Unit{"d", 864e5},       Unit{"day", 864e5},      Unit{"days", 864e5}, Unit{"w", 6048e5},
    Unit{"week", 6048e5}, Unit{"weeks", 6048e5},
};

constexpr std::array kSizeUnits{
    Unit{"", 1},
    Unit{"b", 1},
    Unit{"k", 1024},
    Unit{"kb", 1024},
    Unit{"kib", 1024},
    Unit{"m", 1048576},
    Unit{"mb", 1048576},
    Unit{"mib", 1048576},
    Unit{"g", 1073741824},
    Unit{"gb", 1073741824},
    Unit{"gib", 1073741824},
    Unit{"t", 1099511627776.0},
    Unit{"tb", 1099511627776.0},
    Unit{"tib", 1099511627776.0},
};

bool is_number_char(char c) { return (c >= '0' && c <= '9') || c == '.'; }

// Reads one "number unit" pair from the front of `rest`.
template <class Units>
bool take_term(std::string_view& rest, const Units& units, double& total) {
  size_t i = 0;
  while (i < rest.size() && is_number_char(rest[i])) ++i;
  double number = 0;
  if (i == 0 || !parse_double(rest.substr(0, i), number)) return false;
  while (i < rest.size() && rest[i] == ' ') ++i;
  size_t end = i;
  while (end < rest.size() && !is_number_char(rest[end]) && rest[end] != ' ') ++end;
  const std::string unit = to_lower(rest.substr(i, end - i));
  for (const Unit& row : units) {
    if (row.name == unit) {
      total += number * row.factor;
      while (end < rest.size() && rest[end] == ' ') ++end;
      rest.remove_prefix(end);
      return true;
    }
  }
  return false;
}

constexpr double kMostBytes = 4e18;
constexpr double kMostMs = 1e15;  // 31,000 years: room to add two without overflow

}  // namespace

Result<int64_t> parse_duration_ms(std::string_view text) {
  std::string_view rest = trim(text);
  if (rest == "0") return 0;
  double total = 0;
  bool ok = !rest.empty();
  while (ok && !rest.empty()) ok = take_term(rest, kTimeUnits, total);
  if (!ok || total > kMostMs) {
    return fail(Errc::invalid_argument,
                "'" + std::string(text) + "' is not a duration; write for example 500ms, 30s, 5m, 1h30m or 7d");
  }
  return static_cast<int64_t>(std::llround(total));
}

std::string format_duration_ms(int64_t ms) {
  if (ms == 0) return "0s";
  std::string text;
  if (ms < 0) {
    text = "-";
    ms = -ms;
  }
  constexpr std::array<std::pair<int64_t, const char*>, 3> kParts{{{3'600'000, "h"}, {60'000, "m"}, {1'000, "s"}}};
  for (const auto& [size, name] : kParts) {
    if (ms >= size) {
      text += std::to_string(ms / size) + name;
      ms %= size;
    }
  }
  if (ms != 0) text += std::to_string(ms) + "ms";
  return text;
}

Result<int64_t> parse_size_bytes(std::string_view text) {
  std::string_view rest = trim(text);
  double total = 0;
  if (!take_term(rest, kSizeUnits, total) || !rest.empty() || total > kMostBytes) {
    return fail(Errc::invalid_argument,
                "'" + std::string(text) + "' is not a size; write for example 512, 64KB, 2MB or 1GB");
  }
  return static_cast<int64_t>(total);
}

std::string format_size_bytes(int64_t bytes) {
  constexpr std::array<const char*, 5> kNames{"B", "KB", "MB", "GB", "TB"};
  double value = static_cast<double>(bytes);
  size_t unit = 0;
  while (value >= 1024 && unit + 1 < kNames.size()) {
    value /= 1024;
    ++unit;
  }
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), unit == 0 ? "%.0f %s" : "%.1f %s", value, kNames[unit]);
  return text.data();
}

}  // namespace compozy
