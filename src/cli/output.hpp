// SPDX-License-Identifier: Apache-2.0
//
// What commands print. Lines for people go through line(); --json gives exactly one document.
#pragma once

#include <string>
#include <vector>

#include "base/result.hpp"
#include "json/value.hpp"

namespace compozy::cli {

void line(const std::string& text);                                   // standard output
void note(const std::string& text);                                   // standard error
void print_json(const json::Value& value);                            // standard output, indented
void print_table(const std::vector<std::vector<std::string>>& rows);  // the first row is the header
void print_error(const Error& error, bool as_json);

// JSON given as text, as @FILE, or as '-' for standard input.
Result<json::Value> read_json_argument(const std::string& text, std::string_view option);

}  // namespace compozy::cli
