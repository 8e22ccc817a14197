// SPDX-License-Identifier: Apache-2.0
//
// The names that the scripted model knows: a misspelt one is an error when a project is loaded. Those of the others are
// rows of fields_table.cpp.
#pragma once

#include <array>
#include <string_view>

namespace compozy::project {

// The scripted model (agent/llm/mock.hpp says what they mean).
inline constexpr std::array<std::string_view, 3> kMockParams{"rules", "delay_ms", "temperature"};
inline constexpr std::array<std::string_view, 5> kMockRuleFields{"match", "after", "reply", "tool_calls", "error"};

}  // namespace compozy::project
