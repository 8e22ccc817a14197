// SPDX-License-Identifier: Apache-2.0
//
// The names that a CEL condition may use, by where it stands. The loader allows those of the place; the machine
// compiles with all of them, so that a pinned definition that was loaded once always compiles.
#pragma once

#include <array>
#include <string_view>

namespace compozy::project {

inline constexpr std::array<std::string_view, 12> kConditionNames{
    "workflow", "task", "tasks", "input", "with", "env", "output", "project", "trigger", "error", "agents", "tools"};
inline constexpr std::array<std::string_view, 2> kChildConditionNames{"parent", "current"};
inline constexpr std::array<std::string_view, 6> kItemConditionNames{
    // and item_var, index_var
    "item", "index", "_collection_item", "_collection_index", "_collection_item_var", "_collection_index_var"};
inline constexpr std::array<std::string_view, 2> kSignalConditionNames{"signal", "processor"};
inline constexpr std::array<std::string_view, 2> kLoopConditionNames{"iteration", "last"};

}  // namespace compozy::project
