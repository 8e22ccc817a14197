// SPDX-License-Identifier: Apache-2.0
//
// "a list", "an empty value": names of kinds in messages. Pure.
#pragma once

#include <string>
#include <string_view>

namespace compozy {

inline std::string with_article(std::string_view noun) {
  const bool starts_with_vowel = !noun.empty() && std::string_view("aeioAEIO").contains(noun[0]);
  return std::string(starts_with_vowel ? "an " : "a ").append(noun);
}

}  // namespace compozy
