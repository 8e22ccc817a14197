// SPDX-License-Identifier: Apache-2.0
//
// The names of the built-in tools. The prefix `cp__` is reserved for them; agent/tools implements them, this list makes
// a misspelt one an error when a project is loaded.
#pragma once

#include <algorithm>
#include <array>
#include <string_view>

namespace compozy::project {

inline constexpr std::array<std::string_view, 6> kBuiltinTools{"cp__read_file", "cp__write_file", "cp__list_files",
                                                               "cp__list_dir",  "cp__grep",       "cp__exec"};

constexpr bool is_builtin_tool(std::string_view id) {
  return std::ranges::find(kBuiltinTools, id) != kBuiltinTools.end();
}
constexpr bool has_builtin_prefix(std::string_view id) { return id.starts_with("cp__"); }

}  // namespace compozy::project
