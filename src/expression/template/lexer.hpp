// SPDX-License-Identifier: Apache-2.0
//
// Splits a template into text and actions, and an action into tokens. Private to template*.cpp.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "json/value.hpp"

namespace compozy::expression {

struct Token {
  enum class Kind : uint8_t { end, field, dot, variable, word, constant, open, close, pipe, comma, declare, assign };
  Kind kind = Kind::end;
  uint32_t offset = 0;
  bool spaced = false;  // white space before it: `f.x` is a path, `f .x` are two operands
  std::string text;     // without the leading '.' of a field; with the '$' of a variable
  json::Value constant;
};

// Text, or the tokens of one action (comments are dropped), with the trimming of `{{-` and `-}}` done.
struct Piece {
  bool is_action = false;
  uint32_t offset = 0;
  std::string text;
  std::vector<Token> tokens;  // ends with Kind::end
};

Result<std::vector<Piece>> split_template(std::string_view text);

}  // namespace compozy::expression
