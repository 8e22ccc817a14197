// SPDX-License-Identifier: Apache-2.0
//
// Error: an expected failure, as a value. It says what happened, where, and what to do; the code decides how it is
// shown to HTTP, Redis and the shell (errc_table.hpp). Broken invariants are not errors: they are ASSERTs (assert.hpp).
//
// A message is one sentence without a final full stop, names the offending thing in quotes, what was expected, and the
// nearest valid name when there is one:   unknown task 'sumarize' in on_success.next; did you mean 'summarize'?
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/errc_table.hpp"

namespace compozy {

// A place in a text that a person wrote. Lines and columns start at 1; 0 means unknown.
struct Location {
  std::string file;
  uint32_t line = 0;
  uint32_t column = 0;

  bool known() const { return line != 0 || !file.empty(); }
  std::string to_string() const;  // "workflows/main.yaml:12:7"
};

struct [[nodiscard]] Error {
  Errc code = Errc::internal;
  std::string message;
  Location where = {};
  std::string field = {};  // dotted path of the offending field, where there is one: "tasks[2].on_success.next"

  // The whole message on one line: "file:line:column: field: message".
  std::string to_string() const;

  Error&& at(Location location) &&;
  Error&& in_field(std::string_view name) &&;         // prefixes: in_field("a") on "b" gives "a.b"
  Error&& with_context(std::string_view context) &&;  // prefixes the message: "context: message"
};

// "; did you mean 'x'?" or nothing. Candidates are compared without case, by edit distance.
template <class Names>
std::string did_you_mean(std::string_view given, const Names& names);

// An Error for a failed system call, with errno's text: system_error("open", path, errno).
// ENOSPC and EDQUOT become storage_full, EADDRINUSE address_in_use, ENOENT not_found, EACCES permission_denied.
Error system_error(std::string_view operation, std::string_view subject, int errno_value);

}  // namespace compozy

#include "base/text.hpp"

namespace compozy {

template <class Names>
std::string did_you_mean(std::string_view given, const Names& names) {
  NearestName nearest(given);
  for (const auto& name : names) nearest.consider(name);
  if (nearest.best().empty()) return {};
  return "; did you mean '" + std::string(nearest.best()) + "'?";
}

}  // namespace compozy
