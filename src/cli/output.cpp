// SPDX-License-Identifier: Apache-2.0
#include "cli/output.hpp"

#include <algorithm>
#include <cstdio>
#include <iostream>
#include <iterator>

#include "io/file.hpp"
#include "json/parse.hpp"
#include "json/print.hpp"

namespace compozy::cli {

void line(const std::string& text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fputc('\n', stdout);
  std::fflush(stdout);
}

void note(const std::string& text) { std::fprintf(stderr, "%s\n", text.c_str()); }

void print_json(const json::Value& value) { line(json::print_pretty(value)); }

void print_table(const std::vector<std::vector<std::string>>& rows) {
  std::vector<size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  for (const auto& row : rows) {
    std::string text;
    for (size_t i = 0; i < row.size(); ++i) {
      text += row[i];
      if (i + 1 < row.size()) text.append(widths[i] - row[i].size() + 2, ' ');
    }
    line(text);
  }
}

void print_error(const Error& error, bool as_json) {
  const ErrcRow& row = errc_row(error.code);
  if (as_json) {
    json::Value body =
        json::Value::object({{"code", row.name}, {"message", error.to_string()}, {"remedy", row.remedy}});
    std::fprintf(stderr, "%s\n", json::print(json::Value::object({{"error", std::move(body)}})).c_str());
    return;
  }
  std::fprintf(stderr, "compozy: %s\n", error.to_string().c_str());
}

Result<json::Value> read_json_argument(const std::string& text, std::string_view option) {
  std::string body = text;
  if (text == "-") {
    body.assign(std::istreambuf_iterator<char>(std::cin), {});
  } else if (text.starts_with('@')) {
    TRY(body, io::read_file(text.substr(1)));
  }
  auto value = json::parse(body);
  if (!value) return fail(std::move(value).error().with_context(option));
  return value;
}

}  // namespace compozy::cli
