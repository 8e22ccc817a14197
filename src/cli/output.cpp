// SPDX-License-Identifier: Apache-2.0
#include "cli/output.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <iostream>
#include <iterator>

#include "base/duration.hpp"
#include "base/text.hpp"
#include "io/file.hpp"
#include "json/parse.hpp"
#include "json/print.hpp"

namespace compozy::cli {

namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD

// Length of the well-formed UTF-8 sequence at the beginning of a text, 0 where there is none.
size_t sequence_length(std::string_view text) {
  const auto first = static_cast<unsigned char>(text.front());
  const size_t length = first < 0x80 ? 1 : first >> 5U == 6 ? 2 : first >> 4U == 14 ? 3 : first >> 3U == 30 ? 4 : 0;
  return length != 0 && length <= text.size() && is_valid_utf8(text.substr(0, length)) ? length : 0;
}

// What changes the direction of the text around it (Unicode UAX #9): a name could read as another.
bool steers_direction(std::string_view sequence) {
  constexpr std::array<std::string_view, 12> kControls{"\u061C", "\u200E", "\u200F", "\u202A", "\u202B", "\u202C",
                                                       "\u202D", "\u202E", "\u2066", "\u2067", "\u2068", "\u2069"};
  return std::ranges::find(kControls, sequence) != kControls.end();
}

}  // namespace

std::string printable(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const auto next = i + 1 < text.size() ? static_cast<unsigned char>(text[i + 1]) : 0;
    const bool is_c1 = byte == 0xC2 && next >= 0x80 && next < 0xA0;  // U+0080 to U+009F
    if (is_c1 || byte == 0x7F || (byte < 0x20 && byte != '\n' && byte != '\t')) {
      out += kReplacement;
      if (is_c1) ++i;
    } else if (const size_t length = sequence_length(text.substr(i)); length != 0) {
      const std::string_view sequence = text.substr(i, length);
      out += steers_direction(sequence) ? kReplacement : sequence;
      i += length - 1;
    } else {
      out += kReplacement;
    }
  }
  return out;
}

void write(const std::string& text) {
  const std::string shown = printable(text);
  std::fwrite(shown.data(), 1, shown.size(), stdout);
  std::fflush(stdout);
}

void line(const std::string& text) { write(text + "\n"); }

void note(const std::string& text) { std::fprintf(stderr, "%s\n", printable(text).c_str()); }

void print_json(const json::Value& value) { line(json::print_pretty(value)); }

namespace {

// Columns that a text takes: its code points, for the scripts in which ids are written.
size_t width_of(std::string_view text) {
  return static_cast<size_t>(
      std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

}  // namespace

void print_table(std::vector<std::vector<std::string>> rows) {
  std::vector<size_t> widths;
  for (auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (size_t i = 0; i < row.size(); ++i) {
      std::ranges::replace(row[i], '\n', ' ');
      row[i] = printable(row[i]);
      widths[i] = std::max(widths[i], width_of(row[i]));
    }
  }
  for (const auto& row : rows) {
    std::string text;
    for (size_t i = 0; i < row.size(); ++i) {
      text += row[i];
      if (i + 1 < row.size()) text.append(widths[i] - width_of(row[i]) + 2, ' ');
    }
    while (text.ends_with(' ')) text.pop_back();
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
  note("compozy: " + error.to_string());
}

std::string duration_of(const json::Value& item) {
  const json::Value* duration = item.find("duration_ms");
  if (duration == nullptr) return "";
  const int64_t ms = duration->integer_or(0);
  return ms == 0 ? "0ms" : format_duration_ms(ms);
}

Result<json::Value> read_json_argument(const std::string& text, std::string_view option) {
  std::string body = text;
  if (text == "-") {
    body.assign(std::istreambuf_iterator<char>(std::cin), {});
  } else if (text.starts_with('@')) {
    auto file = io::read_file(text.substr(1));
    if (!file) return fail(std::move(file).error().with_context(option));
    body = *std::move(file);
  }
  auto value = json::parse(body);
  if (!value) return fail(std::move(value).error().with_context(option));
  return value;
}

}  // namespace compozy::cli
