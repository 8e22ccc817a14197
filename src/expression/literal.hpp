// SPDX-License-Identifier: Apache-2.0
//
// Literals and characters, shared by templates and CEL. Private to expression/.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "json/value.hpp"

namespace compozy::expression {

// Go's number syntax: 1_000, 0x1F, 0o17, 0b101, 1e3, .5. Integers that do not fit become doubles.
Result<json::Value> parse_go_number(std::string_view text);

// The body of a quoted Go text, without its quotes: \n \t \xHH \uHHHH \UHHHHHHHH \ooo ...
// With `quote` 0 every kind of quote may be escaped, as in CEL.
Result<std::string> unquote_go(std::string_view body, char quote);

void append_utf8(std::string& out, uint32_t code_point);

// The code point at `at`, which moves past it; U+FFFD and one byte for what is not UTF-8.
uint32_t next_code_point(std::string_view text, size_t& at);
size_t code_point_count(std::string_view text);

}  // namespace compozy::expression
