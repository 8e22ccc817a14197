// SPDX-License-Identifier: Apache-2.0
//
// The names that a CEL condition may use, by where it stands. The loader allows those of the place; the machine
// compiles with all of them, so that a pinned definition that was loaded once always compiles.
#pragma once

#include <array>
#include <string_view>

namespace compozy::project {

inline constexpr std::array<std::string_view, 10> kConditionNames{"workflow", "task",   "tasks",   "input",   "with",
                                                                  "env",      "output", "project", "trigger", "error"};
inline constexpr std::array<std::string_view, 1> kChildConditionNames{"parent"};
inline constexpr std::array<std::string_view, 2> kItemConditionNames{"item", "index"};  // and item_var, index_var
inline constexpr std::array<std::string_view, 2> kSignalConditionNames{"signal", "processor"};
inline constexpr std::array<std::string_view, 2> kLoopConditionNames{"iteration", "last"};

}  // namespace compozy::project
