// SPDX-License-Identifier: Apache-2.0
//
// What commands print. Lines for people go through line(); --json gives exactly one document.
// What a model, a tool or another person wrote may hold codes that steer a terminal: everything here shows them as
// U+FFFD.
#pragma once

#include <string>
#include <vector>

#include "base/result.hpp"
#include "json/value.hpp"

namespace compozy::cli {

std::string printable(std::string_view text);                  // without what steers a terminal, but line ends, tabs
void write(const std::string& text);                           // standard output, as it comes
void line(const std::string& text);                            // standard output
void note(const std::string& text);                            // standard error
void print_json(const json::Value& value);                     // standard output, indented
void print_table(std::vector<std::vector<std::string>> rows);  // the first row is the header
void print_error(const Error& error, bool as_json);

// How long a run or a task took, as it is shown; empty where it has not ended.
std::string duration_of(const json::Value& item);

// JSON given as text, as @FILE, or as '-' for standard input.
Result<json::Value> read_json_argument(const std::string& text, std::string_view option);

}  // namespace compozy::cli
