// SPDX-License-Identifier: Apache-2.0
//
// Text: what the standard library leaves out. ASCII rules throughout; UTF-8 is checked, never interpreted.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace compozy {

std::string_view trim(std::string_view text);                                // spaces, tabs, CR, LF
std::vector<std::string_view> split(std::string_view text, char separator);  // "" gives one empty part
std::string to_lower(std::string_view text);
std::string to_upper(std::string_view text);
bool equals_ignoring_case(std::string_view a, std::string_view b);
std::string replace_all(std::string text, std::string_view from, std::string_view to);
bool is_valid_utf8(std::string_view text);

// At most `bytes_max` bytes, cut at a character's start, with "…" where something was cut.
std::string shorten(std::string_view text, size_t bytes_max);

// The whole text must be the number; no spaces, no sign but '-'.
bool parse_int64(std::string_view text, int64_t& out);
bool parse_double(std::string_view text, double& out);

// The shortest text that reads back as the same double, without exponent for usual sizes: "0.1", "1e+300", "3".
std::string format_double(double value);

// Shell-style pattern as Redis matches keys: * ? [abc] [^a] [a-z] and \x. As there, a pattern matches nothing for which
// more than 1000 '*' must be tried, not counting one at its end.
bool glob_match(std::string_view pattern, std::string_view text);

// Finds the candidate closest to a mistyped name, for "did you mean". Nothing is offered when all are far off.
class NearestName {
 public:
  explicit NearestName(std::string_view given) : given_(to_lower(given)), best_distance_(given.size() / 3 + 2) {}
  void consider(std::string_view candidate);
  const std::string& best() const { return best_; }

 private:
  std::string given_;
  std::string best_;
  size_t best_distance_;
};

}  // namespace compozy
