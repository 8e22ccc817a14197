// SPDX-License-Identifier: Apache-2.0
//
// The names that a CEL condition may use: what the loader compiles with, and so what whoever evaluates it must compile
// with too. A collection adds its `item_var` and `index_var`.
#pragma once

#include <array>
#include <string_view>

namespace compozy::project {

inline constexpr std::array<std::string_view, 17> kConditionNames{
    "workflow", "task",    "tasks", "input", "with",  "env",     "output",  "signal", "processor",
    "parent",   "current", "item",  "index", "error", "trigger", "project", "payload"};

}  // namespace compozy::project
