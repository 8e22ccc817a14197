// SPDX-License-Identifier: Apache-2.0
//
// Cron: when a schedule is due. Five fields (minute hour day-of-month month day-of-week), six (with seconds in front),
// seven (with a year behind), the macros @yearly @annually @monthly @weekly @daily @midnight @hourly, and
// "@every 90s", which counts from the epoch.
//
//   field   *  ?  5  1,15  1-5  */10  1-31/2  MON  JAN-MAR
//
// A day matches when both day fields do; where both are restricted, when either does (crontab(5)). Sunday is 0 and 7.
// Daylight saving: a time that a zone skips is due when the gap ends; one that it repeats is due once, the first time.
// Source: crontab(5), pkg.go.dev/github.com/robfig/cron/v3. Pure values. Thread: any.
#pragma once

#include <bitset>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace compozy::project {

class Cron {
 public:
  // Errors: parse_error, which names the field and what it takes.
  static Result<Cron> parse(std::string_view text);

  // The first instant after `after_ms`, in milliseconds since 1970; nothing when there is none within 60 years.
  // Errors: not_found for an unknown zone.
  Result<std::optional<int64_t>> next(int64_t after_ms, std::string_view zone) const;

 private:
  int64_t every_ms_ = 0;
  std::bitset<60> seconds_, minutes_;
  std::bitset<24> hours_;
  std::bitset<32> days_;
  std::bitset<13> months_;
  std::bitset<7> weekdays_;
  bool any_day_ = true;      // day of month is * or ?
  bool any_weekday_ = true;  // day of week is * or ?
  std::vector<bool> years_;  // from kFirstYear; empty = all

  bool day_matches(int64_t year, int month, int day) const;
};

// Whether there is such an IANA zone.
bool is_time_zone(std::string_view name);

// An instant as RFC 3339 has it ("2026-01-31T08:00:00+01:00"), or a day, which begins at midnight UTC; in milliseconds.
Result<int64_t> parse_instant_ms(std::string_view text);

}  // namespace compozy::project
