// SPDX-License-Identifier: Apache-2.0
//
// Sprig's date functions (masterminds.github.io/sprig/date.html). A time is an RFC 3339 text, or an integer of Unix
// seconds; `now` is the time that the caller gave. The zone is UTC unless a function is told another.
#include <array>
#include <cmath>

#include "base/article.hpp"
#include "base/clock.hpp"
#include "expression/functions/calendar.hpp"
#include "expression/functions/function.hpp"
#include "expression/functions/go_format.hpp"

namespace compozy::expression {
namespace {

using json::Value;

Result<int64_t> time_argument(const Value& value) {
  if (value.is_number()) return static_cast<int64_t>(std::llround(value.as_double() * 1000));
  if (value.is_string()) {
    if (auto parsed = parse_rfc3339(value.as_string())) return parsed;
    if (auto parsed = parse_layout("2006-01-02", value.as_string())) return parsed;
    return fail(Errc::type_mismatch, "'" + value.as_string() + "' is not a time; expected RFC 3339 or Unix seconds");
  }
  return fail(Errc::type_mismatch, "expected a time, not " + with_article(json::kind_name(value.kind())));
}

Result<Value> formatted(const Value& layout, const Value& time, std::string_view zone) {
  TRY(int64_t wall_ms, time_argument(time));
  TRY(CivilTime civil, civil_time(wall_ms, zone));
  return Value(format_layout(civil, go_value(layout)));
}

Result<Value> now(CallScope& scope, Args) { return Value(format_rfc3339(scope.now_ms())); }
Result<Value> date(CallScope&, Args args) { return formatted(args[0], args[1], "UTC"); }
Result<Value> date_in_zone(CallScope&, Args args) { return formatted(args[0], args[1], go_value(args[2])); }
Result<Value> html_date(CallScope&, Args args) { return formatted("2006-01-02", args[0], "UTC"); }
Result<Value> html_date_in_zone(CallScope&, Args args) { return formatted("2006-01-02", args[0], go_value(args[1])); }
Result<Value> date_modify(CallScope&, Args args) {
  TRY(int64_t change_ns, parse_go_duration_ns(go_value(args[0])));
  TRY(int64_t wall_ms, time_argument(args[1]));
  return Value(format_rfc3339(wall_ms + change_ns / 1'000'000));
}
Result<Value> ago(CallScope& scope, Args args) {
  TRY(int64_t wall_ms, time_argument(args[0]));
  return Value(format_go_duration((scope.now_ms() - wall_ms) / 1000 * 1'000'000'000));
}
Result<Value> duration(CallScope&, Args args) {
  TRY(double seconds, number_argument(args[0]));
  if (std::abs(seconds) > 9.2e9) return fail(Errc::invalid_argument, "the duration is too long");
  return Value(format_go_duration(static_cast<int64_t>(seconds * 1e9)));
}
Result<Value> duration_round(CallScope&, Args args) {
  int64_t ns = 0;
  if (args[0].is_string()) {
    TRY(ns, parse_go_duration_ns(args[0].as_string()));
  }
  constexpr std::array<std::pair<int64_t, std::string_view>, 6> kUnits{
      {{31'536'000, "y"}, {2'592'000, "mo"}, {86'400, "d"}, {3'600, "h"}, {60, "m"}, {1, "s"}}};
  const int64_t seconds = std::abs(ns) / 1'000'000'000;
  for (const auto& [size, name] : kUnits) {
    if (seconds >= size) return Value(std::to_string(seconds / size) + std::string(name));
  }
  return Value("0s");
}
Result<Value> unix_epoch(CallScope&, Args args) {
  TRY(int64_t wall_ms, time_argument(args[0]));
  return Value(std::to_string(wall_ms / 1000));
}
Result<Value> to_date(CallScope&, Args args) {
  TRY(int64_t wall_ms, parse_layout(go_value(args[0]), go_value(args[1])));
  return Value(format_rfc3339(wall_ms));
}

constexpr std::array kFunctions{
    Function{"now", 0, 0, now},
    Function{"date", 2, 2, date},
    Function{"dateInZone", 3, 3, date_in_zone},
    Function{"date_in_zone", 3, 3, date_in_zone},
    Function{"htmlDate", 1, 1, html_date},
    Function{"htmlDateInZone", 2, 2, html_date_in_zone},
    Function{"dateModify", 2, 2, date_modify},
    Function{"date_modify", 2, 2, date_modify},
    Function{"mustDateModify", 2, 2, date_modify},
    Function{"must_date_modify", 2, 2, date_modify},
    Function{"ago", 1, 1, ago},
    Function{"duration", 1, 1, duration},
    Function{"durationRound", 1, 1, duration_round},
    Function{"unixEpoch", 1, 1, unix_epoch},
    Function{"toDate", 2, 2, to_date},
    Function{"mustToDate", 2, 2, to_date},
};

}  // namespace

std::span<const Function> date_functions() { return kFunctions; }

}  // namespace compozy::expression
