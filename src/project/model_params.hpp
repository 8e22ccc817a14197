// SPDX-License-Identifier: Apache-2.0
//
// The names that a model's `params` may hold, by provider: a misspelt one is an error when a project is loaded.
#pragma once

#include <array>
#include <string_view>

namespace compozy::project {

inline constexpr std::array<std::string_view, 14> kModelParams{"max_tokens",
                                                               "temperature",
                                                               "stop_words",
                                                               "top_k",
                                                               "top_p",
                                                               "seed",
                                                               "min_length",
                                                               "max_length",
                                                               "repetition_penalty",
                                                               "frequency_penalty",
                                                               "presence_penalty",
                                                               "n",
                                                               "candidate_count",
                                                               "metadata"};

// The scripted model (agent/llm/mock.hpp says what they mean).
inline constexpr std::array<std::string_view, 3> kMockParams{"rules", "delay_ms", "temperature"};
inline constexpr std::array<std::string_view, 5> kMockRuleFields{"match", "after", "reply", "tool_calls", "error"};

}  // namespace compozy::project
