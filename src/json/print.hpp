// SPDX-License-Identifier: Apache-2.0
//
// Printing JSON. Doubles print in the shortest form that reads back equal and keep a '.' or exponent, so that their
// kind survives; NaN and infinities, which JSON lacks, print as null. Bytes that are not UTF-8 print as U+FFFD.
#pragma once

#include <string>

#include "json/value.hpp"

namespace compozy::json {

std::string print(const Value& value);            // one line, no spaces
std::string print_pretty(const Value& value);     // two spaces a level
std::string print_canonical(const Value& value);  // one line, members sorted by name: for hashing and comparing
std::string quote(std::string_view text);         // one JSON string literal

}  // namespace compozy::json
