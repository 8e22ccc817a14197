// SPDX-License-Identifier: Apache-2.0
#include "expression/functions/calendar.hpp"

#include <absl/time/time.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>

#include "base/clock.hpp"
#include "base/text.hpp"

namespace compozy::expression {
namespace {

constexpr std::array<std::string_view, 12> kMonths{"January",   "February", "March",    "April",
                                                   "May",       "June",     "July",     "August",
                                                   "September", "October",  "November", "December"};
constexpr std::array<std::string_view, 7> kDays{"Sunday",   "Monday", "Tuesday", "Wednesday",
                                                "Thursday", "Friday", "Saturday"};

// The pieces of a layout, longer ones before their prefixes.
constexpr std::array<std::string_view, 31> kPieces{
    "January", "Jan",        "Monday",  "Mon",  "MST", "2006", "Z07:00:00", "Z07:00", "Z0700", "-07:00:00", "-07:00",
    "-0700",   "002",        "01",      "02",   "03",  "04",   "05",        "06",     "15",    "PM",        "pm",
    "_2",      ".000000000", ".000000", ".000", ".00", ".0",   "-07",       "1",      "2"};

std::string_view piece_at(std::string_view layout) {
  for (std::string_view piece : kPieces) {
    if (layout.starts_with(piece)) return piece;
  }
  constexpr std::array<std::string_view, 3> kSingle{"3", "4", "5"};
  for (std::string_view piece : kSingle) {
    if (layout.starts_with(piece)) return piece;
  }
  return {};
}

std::string padded(int64_t value, size_t width, char fill = '0') {
  std::string text = std::to_string(value);
  if (text.size() < width) text.insert(0, width - text.size(), fill);
  return text;
}

std::string offset_text(const CivilTime& civil, std::string_view piece) {
  if (piece.starts_with('Z') && civil.offset_s == 0) return "Z";
  const int minutes = std::abs(civil.offset_s) / 60;
  std::string out = civil.offset_s < 0 ? "-" : "+";
  out += padded(minutes / 60, 2);
  if (piece == "-07") return out;
  if (piece.find(':') != std::string_view::npos) out += ':';
  return out + padded(minutes % 60, 2);
}

std::string format_piece(const CivilTime& t, std::string_view piece) {
  const int hour12 = t.hour % 12 == 0 ? 12 : t.hour % 12;
  if (piece == "January") return std::string(kMonths[static_cast<size_t>(t.month - 1)]);
  if (piece == "Jan") return std::string(kMonths[static_cast<size_t>(t.month - 1)].substr(0, 3));
  if (piece == "Monday") return std::string(kDays[static_cast<size_t>(t.weekday)]);
  if (piece == "Mon") return std::string(kDays[static_cast<size_t>(t.weekday)].substr(0, 3));
  if (piece == "MST") return t.zone;
  if (piece == "2006") return padded(t.year, 4);
  if (piece == "06") return padded(t.year % 100, 2);
  if (piece == "002") return padded(t.year_day, 3);
  if (piece == "01") return padded(t.month, 2);
  if (piece == "1") return std::to_string(t.month);
  if (piece == "02") return padded(t.day, 2);
  if (piece == "_2") return padded(t.day, 2, ' ');
  if (piece == "2") return std::to_string(t.day);
  if (piece == "15") return padded(t.hour, 2);
  if (piece == "03") return padded(hour12, 2);
  if (piece == "3") return std::to_string(hour12);
  if (piece == "04") return padded(t.minute, 2);
  if (piece == "4") return std::to_string(t.minute);
  if (piece == "05") return padded(t.second, 2);
  if (piece == "5") return std::to_string(t.second);
  if (piece == "PM") return t.hour >= 12 ? "PM" : "AM";
  if (piece == "pm") return t.hour >= 12 ? "pm" : "am";
  if (piece.starts_with('.')) return '.' + (padded(t.millisecond, 3) + "000000").substr(0, piece.size() - 1);
  return offset_text(t, piece);
}

class LayoutReader {
 public:
  LayoutReader(std::string_view layout, std::string_view text) : layout_(layout), text_(text), whole_(text) {}

  Result<int64_t> run() {
    while (!layout_.empty()) {
      const std::string_view piece = piece_at(layout_);
      if (piece.empty()) {
        if (!text_.starts_with(layout_[0])) return refuse();
        text_.remove_prefix(1);
        layout_.remove_prefix(1);
        continue;
      }
      layout_.remove_prefix(piece.size());
      if (!read(piece)) return refuse();
      if (piece == "05" && !layout_.starts_with('.')) skip_fraction();
    }
    const bool in_range = t_.month >= 1 && t_.month <= 12 && t_.day >= 1 && t_.day <= 31 && t_.hour < 24 &&
                          t_.minute < 60 && t_.second < 60;
    const absl::CivilDay day(t_.year, t_.month, t_.day);
    if (!text_.empty() || !in_range || day.day() != t_.day) return refuse();  // 30 February would be a day in March
    if (afternoon_) t_.hour = t_.hour % 12 + (*afternoon_ ? 12 : 0);
    return wall_ms_of(t_);
  }

 private:
  Failure refuse() const {
    return fail(Errc::parse_error, "'" + std::string(whole_) + "' is not a time in the expected layout");
  }
  bool number(int& out, size_t least, size_t most) {
    size_t size = 0;
    while (size < most && size < text_.size() && text_[size] >= '0' && text_[size] <= '9') ++size;
    if (size < least) return false;
    out = 0;
    for (char digit : text_.substr(0, size)) out = out * 10 + (digit - '0');
    text_.remove_prefix(size);
    return true;
  }
  template <size_t N>
  bool name(const std::array<std::string_view, N>& names, bool brief, int& out) {
    for (size_t i = 0; i < N; ++i) {
      const std::string_view candidate = brief ? names[i].substr(0, 3) : names[i];
      if (!text_.starts_with(candidate)) continue;
      text_.remove_prefix(candidate.size());
      out = static_cast<int>(i);
      return true;
    }
    return false;
  }
  void skip_fraction() {
    if (!text_.starts_with('.') && !text_.starts_with(',')) return;
    int millisecond = 0;
    size_t size = 1;
    for (int weight = 100; size < text_.size() && text_[size] >= '0' && text_[size] <= '9'; ++size, weight /= 10) {
      millisecond += weight * (text_[size] - '0');
    }
    if (size == 1) return;
    t_.millisecond = millisecond;
    text_.remove_prefix(size);
  }
  bool offset(std::string_view piece) {
    if (piece.starts_with('Z') && text_.starts_with('Z')) {
      text_.remove_prefix(1);
      return true;
    }
    if (text_.empty() || (text_[0] != '+' && text_[0] != '-')) return false;
    const int sign = text_[0] == '-' ? -1 : 1;
    text_.remove_prefix(1);
    int hours = 0, minutes = 0;
    if (!number(hours, 2, 2)) return false;
    if (text_.starts_with(':')) text_.remove_prefix(1);
    if (piece != "-07" && !number(minutes, 2, 2)) return false;
    t_.offset_s = sign * (hours * 3600 + minutes * 60);
    return true;
  }
  bool read(std::string_view piece) {
    int ignored = 0;
    if (piece == "January" || piece == "Jan") {
      if (!name(kMonths, piece.size() == 3, t_.month)) return false;
      ++t_.month;
      return true;
    }
    if (piece == "Monday" || piece == "Mon") return name(kDays, piece.size() == 3, ignored);
    if (piece == "2006") {
      int year = 0;
      const bool done = number(year, 4, 4);
      t_.year = year;
      return done;
    }
    if (piece == "06") {
      int year = 0;
      const bool done = number(year, 2, 2);
      t_.year = year >= 69 ? 1900 + year : 2000 + year;
      return done;
    }
    if (piece == "01" || piece == "1") return number(t_.month, piece.size(), 2);
    if (piece == "_2" && text_.starts_with(' ')) text_.remove_prefix(1);
    if (piece == "02" || piece == "2" || piece == "_2") return number(t_.day, piece == "02" ? 2 : 1, 2);
    if (piece == "15" || piece == "03" || piece == "3") return number(t_.hour, piece.size(), 2);
    if (piece == "04" || piece == "4") return number(t_.minute, piece.size(), 2);
    if (piece == "05" || piece == "5") return number(t_.second, piece.size(), 2);
    if (piece == "PM" || piece == "pm") {
      const std::string mark = to_lower(text_.substr(0, 2));
      if (mark != "am" && mark != "pm") return false;
      afternoon_ = mark == "pm";
      text_.remove_prefix(2);
      return true;
    }
    if (piece == "MST") {
      if (!text_.starts_with("UTC") && !text_.starts_with("GMT")) return false;
      text_.remove_prefix(3);
      return true;
    }
    if (piece.starts_with('.')) return skip_fraction(), true;
    return offset(piece);
  }

  std::string_view layout_, text_, whole_;
  CivilTime t_;
  std::optional<bool> afternoon_;
};

}  // namespace

namespace {

// "+02:00", "-0530", "02:00"
bool parse_offset(std::string_view text, int& seconds) {
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  const std::string digits = replace_all(std::string(text), ":", "");
  int64_t number = 0;
  if (digits.size() != 4 || digits.find_first_not_of("0123456789") != std::string::npos || !parse_int64(digits, number))
    return false;
  if (number / 100 > 23 || number % 100 > 59) return false;
  seconds = static_cast<int>(number / 100 * 3600 + number % 100 * 60) * (negative ? -1 : 1);
  return true;
}

}  // namespace

Result<CivilTime> civil_time(int64_t wall_ms, std::string_view zone) {
  absl::TimeZone found = absl::UTCTimeZone();
  int offset_s = 0;
  if (parse_offset(zone, offset_s)) {
    found = absl::FixedTimeZone(offset_s);
  } else if (!zone.empty() && zone != "UTC" && zone != "Local" && !absl::LoadTimeZone(std::string(zone), &found)) {
    return fail(Errc::not_found,
                "unknown time zone '" + std::string(zone) + "'; expected a name such as 'Europe/Berlin'");
  }
  const auto info = found.At(absl::FromUnixMillis(wall_ms));
  CivilTime out;
  out.year = info.cs.year();
  out.month = info.cs.month();
  out.day = info.cs.day();
  out.hour = info.cs.hour();
  out.minute = info.cs.minute();
  out.second = info.cs.second();
  out.millisecond = static_cast<int>((wall_ms % 1000 + 1000) % 1000);
  out.weekday = (static_cast<int>(absl::GetWeekday(info.cs)) + 1) % 7;
  out.year_day = absl::GetYearDay(info.cs);
  out.offset_s = info.offset;
  out.zone = info.zone_abbr;
  return out;
}

int64_t wall_ms_of(const CivilTime& t) {
  const absl::CivilSecond civil(t.year, t.month, t.day, t.hour, t.minute, t.second);
  return (absl::ToUnixSeconds(absl::FromCivil(civil, absl::UTCTimeZone())) - t.offset_s) * 1000 + t.millisecond;
}

std::string format_layout(const CivilTime& civil, std::string_view layout) {
  std::string out;
  while (!layout.empty()) {
    const std::string_view piece = piece_at(layout);
    out += piece.empty() ? std::string(1, layout[0]) : format_piece(civil, piece);
    layout.remove_prefix(std::max(piece.size(), size_t{1}));
  }
  return out;
}

Result<int64_t> parse_layout(std::string_view layout, std::string_view text) {
  return LayoutReader(layout, text).run();
}

Result<int64_t> parse_rfc3339(std::string_view text) { return parse_layout("2006-01-02T15:04:05Z07:00", text); }

std::string format_rfc3339_short(int64_t wall_ms) {
  std::string text = format_rfc3339(wall_ms);
  if (wall_ms % 1000 == 0 && text.size() > 5) text.erase(text.size() - 5, 4);
  return text;
}

Result<int64_t> parse_go_duration_ns(std::string_view text) {
  const auto bad = [&] {
    return fail(Errc::parse_error,
                "'" + std::string(text) + "' is not a duration; expected for example '1h30m' or '250ms'");
  };
  std::string_view rest = text;
  const double sign = rest.starts_with('-') ? -1 : 1;
  if (rest.starts_with('-') || rest.starts_with('+')) rest.remove_prefix(1);
  if (rest == "0") return 0;
  if (rest.empty()) return bad();
  double total = 0;
  constexpr std::array<std::pair<std::string_view, double>, 8> kUnits{{{"ns", 1},
                                                                       {"us", 1e3},
                                                                       {"\xC2\xB5s", 1e3},
                                                                       {"ms", 1e6},
                                                                       {"s", 1e9},
                                                                       {"m", 6e10},
                                                                       {"h", 3.6e12},
                                                                       {"d", 8.64e13}}};
  while (!rest.empty()) {
    const size_t digits = std::min(rest.find_first_not_of("0123456789."), rest.size());
    double number = 0;
    if (!parse_double(rest.substr(0, digits), number)) return bad();
    rest.remove_prefix(digits);
    const auto* unit = std::ranges::find_if(kUnits, [&](const auto& row) { return rest.starts_with(row.first); });
    if (unit == kUnits.end()) return bad();
    total += number * unit->second;
    rest.remove_prefix(unit->first.size());
  }
  if (total > 9.2e18) return bad();
  return static_cast<int64_t>(std::llround(sign * total));
}

std::string format_go_duration(int64_t ns) {
  if (ns == 0) return "0s";
  std::string out = ns < 0 ? "-" : "";
  const double total = std::abs(static_cast<double>(ns));
  if (total < 1e3) return out + format_double(total) + "ns";
  if (total < 1e6) return out + format_double(total / 1e3) + "\xC2\xB5s";
  if (total < 1e9) return out + format_double(total / 1e6) + "ms";
  const int64_t whole = std::abs(ns) / 1'000'000'000;
  const double seconds = static_cast<double>(whole % 60) + static_cast<double>(std::abs(ns) % 1'000'000'000) / 1e9;
  if (whole >= 3600) out += std::to_string(whole / 3600) + "h";
  if (whole >= 60) out += std::to_string(whole / 60 % 60) + "m";
  return out + format_double(seconds) + "s";
}

}  // namespace compozy::expression
