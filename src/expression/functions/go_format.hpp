// SPDX-License-Identifier: Apache-2.0
//
// Text as Go's fmt package writes it (pkg.go.dev/fmt).
#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"
#include "expression/functions/function.hpp"

namespace compozy::expression {

void append_go_value(std::string& out, const json::Value& value);  // %v: map[a:1 b:2], [1 2], <no value> for null
std::string go_value(const json::Value& value);
std::string go_sprint(Args args, bool line);                    // print, println
std::string go_sprintf(std::string_view format, Args args);     // mistakes show as %!verb(type=value), as in Go
std::string go_quote(std::string_view text);                    // strconv.Quote
std::string go_double(double value, char verb, int precision);  // strconv.FormatFloat; precision -1 = shortest

}  // namespace compozy::expression
