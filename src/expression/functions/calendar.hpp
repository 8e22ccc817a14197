// SPDX-License-Identifier: Apache-2.0
//
// Times and durations as texts, shared by templates and CEL. Private to expression/.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace compozy::expression {

struct CivilTime {
  int64_t year = 1970;
  int month = 1, day = 1, hour = 0, minute = 0, second = 0, millisecond = 0;
  int weekday = 4;   // 0 = Sunday
  int year_day = 1;  // 1..366
  int offset_s = 0;
  std::string zone = "UTC";
};

// In an IANA zone, "UTC", or a fixed offset "+02:00"; Errc::not_found for another name.
Result<CivilTime> civil_time(int64_t wall_ms, std::string_view zone);
int64_t wall_ms_of(const CivilTime& civil);  // by its offset

// Go's layouts (pkg.go.dev/time#Layout): "2006-01-02T15:04:05Z07:00", "Jan _2", ...
std::string format_layout(const CivilTime& civil, std::string_view layout);
Result<int64_t> parse_layout(std::string_view layout, std::string_view text);

Result<int64_t> parse_rfc3339(std::string_view text);
std::string format_rfc3339_short(int64_t wall_ms);  // without ".000"

// Go's durations (pkg.go.dev/time#ParseDuration): "1h30m", "-1.5s", "250ms"; in nanoseconds.
Result<int64_t> parse_go_duration_ns(std::string_view text);
std::string format_go_duration(int64_t ns);

}  // namespace compozy::expression
