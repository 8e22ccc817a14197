// SPDX-License-Identifier: Apache-2.0
#include "project/cron.hpp"

#include <absl/time/civil_time.h>
#include <absl/time/time.h>

#include <algorithm>
#include <array>
#include <span>
#include <string>

#include "base/duration.hpp"
#include "base/text.hpp"

namespace compozy::project {

namespace {

constexpr int64_t kFirstYear = 1970;
constexpr int64_t kLastYear = 3000;
constexpr int64_t kYearsAhead = 60;

struct Field {
  std::string_view name;
  int64_t min, max;
  std::span<const std::string_view> names = {};  // of `min` and on
};
constexpr std::array<std::string_view, 12> kMonths{"JAN", "FEB", "MAR", "APR", "MAY", "JUN",
                                                   "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"};
constexpr std::array<std::string_view, 7> kWeekdays{"SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"};
constexpr Field kSecond{"seconds", 0, 59};
constexpr Field kMinute{"minutes", 0, 59};
constexpr Field kHour{"hours", 0, 23};
constexpr Field kDay{"day of month", 1, 31};
constexpr Field kMonth{"month", 1, 12, kMonths};
constexpr Field kWeekday{"day of week", 0, 7, kWeekdays};
constexpr Field kYear{"year", kFirstYear, kLastYear};

struct Macro {
  std::string_view name, fields;
};
constexpr std::array kMacros{Macro{"@yearly", "0 0 0 1 1 *"},  Macro{"@annually", "0 0 0 1 1 *"},
                             Macro{"@monthly", "0 0 0 1 * *"}, Macro{"@weekly", "0 0 0 * * 0"},
                             Macro{"@daily", "0 0 0 * * *"},   Macro{"@midnight", "0 0 0 * * *"},
                             Macro{"@hourly", "0 0 * * * *"}};

Failure bad(const Field& field, std::string_view text, const std::string& expected) {
  return fail(Errc::parse_error,
              "cron: '" + std::string(text) + "' as " + std::string(field.name) + "; expected " + expected);
}

Result<int64_t> number(const Field& field, std::string_view text) {
  int64_t value = 0;
  if (parse_int64(text, value) && value >= field.min && value <= field.max) return value;
  const auto found = std::ranges::find(field.names, to_upper(text));
  if (found != field.names.end()) return field.min + (found - field.names.begin());
  return bad(field, text,
             "a number from " + std::to_string(field.min) + " to " + std::to_string(field.max) +
                 (field.names.empty() ? "" : ", or a name such as " + std::string(field.names.front())));
}

// Calls on(value) for each value of "a-b/n,c".
template <class On>
Result<void> each_value(const Field& field, std::string_view text, On on) {
  for (const std::string_view part : split(text, ',')) {
    std::string_view range = part;
    int64_t step = 1;
    const size_t slash = part.find('/');
    if (slash != std::string_view::npos) {
      range = part.substr(0, slash);
      if (!parse_int64(part.substr(slash + 1), step) || step < 1)
        return bad(field, part, "a step of at least 1 after '/'");
    }
    int64_t first = field.min;
    int64_t last = field.max;
    const size_t dash = range.find('-');
    if (range == "*" || range == "?") {
      last = field.name == kWeekday.name ? 6 : last;
    } else if (dash != std::string_view::npos) {
      TRY(first, number(field, range.substr(0, dash)));
      TRY(last, number(field, range.substr(dash + 1)));
      if (first > last) return bad(field, part, "a range whose first value is not above its last");
    } else {
      TRY(first, number(field, range));
      if (slash == std::string_view::npos) last = first;
    }
    for (int64_t value = first; value <= last; value += step) on(static_cast<size_t>(value));
  }
  return {};
}

template <class Bits>
Result<void> fill(const Field& field, std::string_view text, Bits& bits) {
  return each_value(field, text, [&](size_t value) { bits.set(value % bits.size()); });
}

bool is_any(std::string_view text) { return text == "*" || text == "?"; }

Result<absl::TimeZone> time_zone(std::string_view zone) {
  absl::TimeZone found = absl::UTCTimeZone();
  if (zone.empty() || zone == "UTC" || absl::LoadTimeZone(std::string(zone), &found)) return found;
  return fail(Errc::not_found,
              "unknown time zone '" + std::string(zone) + "'; expected a name such as 'Europe/Berlin'");
}

}  // namespace

Result<int64_t> parse_instant_ms(std::string_view text) {
  absl::Time time;
  std::string error;
  if (absl::ParseTime(absl::RFC3339_full, std::string(text), &time, &error) ||
      absl::ParseTime("%Y-%m-%d", std::string(text), &time, &error)) {
    return absl::ToUnixMillis(time);
  }
  return fail(Errc::parse_error, "'" + std::string(text) + "' is no time; expected for example 2026-01-31T08:00:00Z");
}

bool is_time_zone(std::string_view name) { return time_zone(name).has_value(); }

Result<Cron> Cron::parse(std::string_view text) {
  text = trim(text);
  Cron cron;
  if (text.starts_with("@every")) {
    TRY(cron.every_ms_, parse_duration_ms(trim(text.substr(6))));
    if (cron.every_ms_ < 1'000) return fail(Errc::parse_error, "cron: '@every' takes a duration of at least 1 s");
    return cron;
  }
  if (text.starts_with('@')) {
    const auto found = std::ranges::find(kMacros, text, &Macro::name);
    if (found != kMacros.end()) return parse(found->fields);
    std::vector<std::string_view> names{"@every"};
    for (const Macro& macro : kMacros) names.push_back(macro.name);
    return fail(Errc::parse_error, "cron: unknown macro '" + std::string(text) + "'" + did_you_mean(text, names));
  }
  std::vector<std::string_view> fields;
  for (const std::string_view field : split(text, ' ')) {
    if (!field.empty()) fields.push_back(field);
  }
  if (fields.size() < 5 || fields.size() > 7) {
    return fail(Errc::parse_error,
                "cron: " + std::to_string(fields.size()) +
                    " fields; expected 5 (from minutes), 6 (from seconds) or 7 (with a year at the end)");
  }
  if (fields.size() == 5) fields.insert(fields.begin(), "0");
  TRY(fill(kSecond, fields[0], cron.seconds_));
  TRY(fill(kMinute, fields[1], cron.minutes_));
  TRY(fill(kHour, fields[2], cron.hours_));
  TRY(fill(kDay, fields[3], cron.days_));
  TRY(fill(kMonth, fields[4], cron.months_));
  TRY(fill(kWeekday, fields[5], cron.weekdays_));
  cron.any_day_ = is_any(fields[3]);
  cron.any_weekday_ = is_any(fields[5]);
  if (fields.size() == 7 && !is_any(fields[6])) {
    cron.years_.resize(static_cast<size_t>(kLastYear - kFirstYear + 1));
    TRY(each_value(kYear, fields[6], [&](size_t year) { cron.years_[year - kFirstYear] = true; }));
  }
  return cron;
}

bool Cron::day_matches(int64_t year, int month, int day) const {
  const bool by_day = days_.test(static_cast<size_t>(day));
  const absl::CivilDay civil(year, month, day);
  const size_t weekday = (static_cast<size_t>(absl::GetWeekday(civil)) + 1) % 7;  // absl begins with Monday
  const bool by_weekday = weekdays_.test(weekday);
  if (any_day_ || any_weekday_) return by_day && by_weekday;
  return by_day || by_weekday;
}

Result<std::optional<int64_t>> Cron::next(int64_t after_ms, std::string_view zone_name) const {
  if (every_ms_ > 0) return std::optional((after_ms / every_ms_ + 1) * every_ms_);
  TRY(const absl::TimeZone zone, time_zone(zone_name));
  const absl::Time after = absl::FromUnixMillis(after_ms);
  absl::CivilSecond at = absl::ToCivilSecond(after, zone) + 1;
  // In an hour that comes twice, civil time may stand before the instants already past: what they gave is skipped
  // below.
  const int64_t last_year = at.year() + kYearsAhead;
  while (at.year() <= last_year) {
    const bool year_fits = years_.empty() || (at.year() >= kFirstYear && at.year() <= kLastYear &&
                                              years_[static_cast<size_t>(at.year() - kFirstYear)]);
    if (!year_fits) {
      at = absl::CivilSecond(at.year() + 1, 1, 1);
    } else if (!months_.test(static_cast<size_t>(at.month()))) {
      at = absl::CivilSecond(absl::CivilMonth(at) + 1);
    } else if (!day_matches(at.year(), at.month(), at.day())) {
      at = absl::CivilSecond(absl::CivilDay(at) + 1);
    } else if (!hours_.test(static_cast<size_t>(at.hour()))) {
      at = absl::CivilSecond(absl::CivilHour(at) + 1);
    } else if (!minutes_.test(static_cast<size_t>(at.minute()))) {
      at = absl::CivilSecond(absl::CivilMinute(at) + 1);
    } else if (!seconds_.test(static_cast<size_t>(at.second()))) {
      at += 1;
    } else {
      const absl::TimeZone::TimeInfo info = zone.At(at);
      const absl::Time due = info.kind == absl::TimeZone::TimeInfo::SKIPPED ? info.trans : info.pre;
      if (due > after) return std::optional(absl::ToUnixMillis(due));
      at += 1;
    }
  }
  return std::optional<int64_t>();
}

}  // namespace compozy::project
