// SPDX-License-Identifier: Apache-2.0
//
// Sprig's string functions (masterminds.github.io/sprig/strings.html), the ones about letter case excepted.
#include <algorithm>
#include <array>

#include "base/text.hpp"
#include "expression/functions/function.hpp"
#include "expression/functions/go_format.hpp"
#include "expression/literal.hpp"

namespace compozy::expression {
namespace {

using json::Value;

// The arguments as texts.
Result<std::vector<std::string>> texts(Args args) {
  std::vector<std::string> out;
  for (const Value& arg : args) {
    TRY(std::string text, text_argument(arg));
    out.push_back(std::move(text));
  }
  return out;
}

std::string trim_left(const std::string& text, std::string_view set) {
  return text.substr(std::min(text.find_first_not_of(set), text.size()));
}
std::string trim_right(const std::string& text, std::string_view set) {
  return text.substr(0, text.find_last_not_of(set) + 1);
}

Result<Value> trim_space(CallScope&, Args args) {
  TRY(auto t, texts(args));
  constexpr std::string_view kSpace = " \t\r\n\v\f";
  return Value(trim_left(trim_right(t[0], kSpace), kSpace));
}
Result<Value> trim_all(CallScope&, Args args) {
  TRY(auto t, texts(args));
  return Value(trim_left(trim_right(t[1], t[0]), t[0]));
}
Result<Value> trim_suffix(CallScope&, Args args) {
  TRY(auto t, texts(args));
  if (t[1].ends_with(t[0])) t[1].resize(t[1].size() - t[0].size());
  return Value(t[1]);
}
Result<Value> trim_prefix(CallScope&, Args args) {
  TRY(auto t, texts(args));
  return Value(t[1].starts_with(t[0]) ? t[1].substr(t[0].size()) : t[1]);
}
Result<Value> contains(CallScope&, Args args) {
  TRY(auto t, texts(args));
  return Value(t[1].find(t[0]) != std::string::npos);
}
Result<Value> has_prefix(CallScope&, Args args) {
  TRY(auto t, texts(args));
  return Value(t[1].starts_with(t[0]));
}
Result<Value> has_suffix(CallScope&, Args args) {
  TRY(auto t, texts(args));
  return Value(t[1].ends_with(t[0]));
}

Result<Value> repeat(CallScope& scope, Args args) {
  TRY(int64_t count, integer_argument(args[0]));
  TRY(std::string text, text_argument(args[1]));
  if (count < 0) return fail(Errc::invalid_argument, "cannot repeat a text " + std::to_string(count) + " times");
  if (text.empty()) return Value("");
  if (static_cast<uint64_t>(count) > scope.output_max() / text.size()) return fail(check_room(scope, SIZE_MAX).error());
  std::string out;
  out.reserve(text.size() * static_cast<size_t>(count));
  for (int64_t i = 0; i < count; ++i) out += text;
  return Value(std::move(out));
}

Result<Value> substr(CallScope&, Args args) {
  TRY(int64_t from, integer_argument(args[0]));
  TRY(int64_t to, integer_argument(args[1]));
  TRY(std::string text, text_argument(args[2]));
  const auto size = static_cast<int64_t>(text.size());
  if (from < 0) return Value(text.substr(0, static_cast<size_t>(std::clamp(to, int64_t{0}, size))));
  if (to < 0 || to > size) to = size;
  if (from > to) return Value("");
  return Value(text.substr(static_cast<size_t>(from), static_cast<size_t>(to - from)));
}

// As Sprig: bytes from the start, or from the end when negative; but never half a character.
Result<Value> trunc(CallScope&, Args args) {
  TRY(int64_t length, integer_argument(args[0]));
  TRY(std::string text, text_argument(args[1]));
  const auto is_inside = [&](size_t at) { return at < text.size() && (text[at] & '\xC0') == '\x80'; };
  if (length < 0 && static_cast<uint64_t>(-length) < text.size()) {
    size_t from = text.size() - static_cast<size_t>(-length);
    while (is_inside(from)) ++from;
    return Value(text.substr(from));
  }
  if (length >= 0 && static_cast<uint64_t>(length) < text.size()) {
    auto to = static_cast<size_t>(length);
    while (to > 0 && is_inside(to)) --to;
    return Value(text.substr(0, to));
  }
  return Value(std::move(text));
}

Result<Value> abbrev(CallScope&, Args args) {
  TRY(int64_t width, integer_argument(args[0]));
  TRY(std::string text, text_argument(args[1]));
  if (width < 4 || static_cast<int64_t>(text.size()) <= width) return Value(std::move(text));
  auto cut = static_cast<size_t>(width - 3);
  while (cut > 0 && (text[cut] & '\xC0') == '\x80') --cut;
  return Value(text.substr(0, cut) + "...");
}

// abbrevboth OFFSET WIDTH TEXT: "...5678..."
Result<Value> abbrev_both(CallScope&, Args args) {
  constexpr int64_t kDots = 3;
  TRY(int64_t offset, integer_argument(args[0]));
  TRY(const int64_t width, integer_argument(args[1]));
  TRY(std::string text, text_argument(args[2]));
  const auto size = static_cast<int64_t>(text.size());
  if (width < 4 || (offset > 0 && width < 7) || size <= width) return Value(std::move(text));
  const int64_t room = width - kDots;
  offset = std::clamp(std::min(offset, size - room), int64_t{0}, size);
  const auto piece = [&](int64_t from, int64_t count) {
    return text.substr(static_cast<size_t>(from), static_cast<size_t>(count));
  };
  if (offset <= 4) return Value(piece(0, room) + "...");
  if (offset + room < size) return Value("..." + piece(offset, room - kDots) + "...");
  return Value("..." + piece(size - room, room));
}

Result<Value> nospace(CallScope&, Args args) {
  TRY(std::string text, text_argument(args[0]));
  std::erase_if(text, [](char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; });
  return Value(std::move(text));
}

Result<Value> initials(CallScope&, Args args) {
  TRY(std::string text, text_argument(args[0]));
  std::string out;
  bool start = true;
  for (size_t at = 0; at < text.size();) {
    const uint32_t point = next_code_point(text, at);
    const bool space = point == ' ' || point == '\t' || point == '\n';
    if (start && !space) append_utf8(out, point);
    start = space;
  }
  return Value(std::move(out));
}

Result<Value> quote(CallScope&, Args args) {
  std::string out;
  for (const Value& arg : args) {
    if (arg.is_null()) continue;
    if (!out.empty()) out += ' ';
    out += go_quote(go_value(arg));
  }
  return Value(std::move(out));
}
Result<Value> squote(CallScope&, Args args) {
  std::string out;
  for (const Value& arg : args) {
    if (arg.is_null()) continue;
    if (!out.empty()) out += ' ';
    out += '\'' + go_value(arg) + '\'';
  }
  return Value(std::move(out));
}
Result<Value> cat(CallScope&, Args args) {
  std::string out;
  for (const Value& arg : args) {
    if (arg.is_null()) continue;
    if (!out.empty()) out += ' ';
    out += go_value(arg);
  }
  return Value(std::move(out));
}

std::string indented(const std::string& text, int64_t spaces) {
  const std::string pad(static_cast<size_t>(std::clamp(spaces, int64_t{0}, int64_t{1'000})), ' ');
  return pad + replace_all(text, "\n", "\n" + pad);
}
Result<Value> indent(CallScope& scope, Args args) {
  TRY(int64_t spaces, integer_argument(args[0]));
  TRY(std::string text, text_argument(args[1]));
  std::string out = indented(text, spaces);
  TRY(check_room(scope, out.size()));
  return Value(std::move(out));
}
Result<Value> nindent(CallScope& scope, Args args) {
  TRY(Value out, indent(scope, args));
  return Value("\n" + out.as_string());
}

Result<Value> replace(CallScope& scope, Args args) {
  TRY(auto t, texts(args));
  if (t[0].empty()) return Value(t[2]);
  const size_t growth = t[1].size() > t[0].size() ? t[1].size() / t[0].size() : 1;
  TRY(check_room(scope, t[2].size() * growth));
  return Value(replace_all(t[2], t[0], t[1]));
}

Result<Value> plural(CallScope&, Args args) {
  TRY(int64_t count, integer_argument(args[2]));
  return count == 1 ? args[0] : args[1];
}

std::string wrapped(const std::string& text, size_t width, const std::string& separator) {
  std::string out;
  size_t column = 0;
  for (std::string_view word : split(text, ' ')) {
    if (column > 0 && column + 1 + word.size() > width) {
      out += separator;
      column = 0;
    } else if (column > 0) {
      out += ' ';
      ++column;
    }
    out += word;
    column += word.size();
  }
  return out;
}
Result<Value> wrap(CallScope&, Args args) {
  TRY(int64_t width, integer_argument(args[0]));
  TRY(std::string text, text_argument(args[1]));
  return Value(wrapped(text, static_cast<size_t>(std::max(width, int64_t{1})), "\n"));
}
Result<Value> wrap_with(CallScope& scope, Args args) {
  TRY(int64_t width, integer_argument(args[0]));
  TRY(std::string separator, text_argument(args[1]));
  TRY(std::string text, text_argument(args[2]));
  const auto words = static_cast<size_t>(std::ranges::count_if(text, [](char c) { return c == ' ' || c == '\n'; }));
  TRY(check_room(scope, text.size() + words * separator.size()));
  return Value(wrapped(text, static_cast<size_t>(std::max(width, int64_t{1})), separator));
}

Result<std::vector<std::string>> parts(CallScope& scope, const std::string& text, const std::string& separator,
                                       size_t parts_max = SIZE_MAX) {
  TRY(check_room(scope, text.size()));
  std::vector<std::string> out;
  size_t at = 0;
  if (separator.empty()) {
    while (at < text.size()) {
      const size_t start = at;
      next_code_point(text, at);
      out.push_back(text.substr(start, at - start));
    }
    return out;
  }
  while (out.size() + 1 < parts_max) {
    const size_t found = text.find(separator, at);
    if (found == std::string::npos) break;
    out.push_back(text.substr(at, found - at));
    at = found + separator.size();
  }
  out.push_back(text.substr(at));
  return out;
}

Value as_list(std::vector<std::string> items) {
  json::Array out;
  out.reserve(items.size());
  for (std::string& item : items) out.emplace_back(std::move(item));
  return out;
}
// Sprig's `split` gives a map: _0, _1, ...
Value as_numbered_map(std::vector<std::string> items) {
  json::Object out;
  for (size_t i = 0; i < items.size(); ++i) out.set("_" + std::to_string(i), std::move(items[i]));
  return out;
}

Result<Value> split_list(CallScope& scope, Args args) {
  TRY(auto t, texts(args));
  TRY(auto items, parts(scope, t[1], t[0]));
  return as_list(std::move(items));
}
Result<Value> split_map(CallScope& scope, Args args) {
  TRY(auto t, texts(args));
  TRY(auto items, parts(scope, t[1], t[0]));
  return as_numbered_map(std::move(items));
}
Result<Value> splitn(CallScope& scope, Args args) {
  TRY(std::string separator, text_argument(args[0]));
  TRY(int64_t count, integer_argument(args[1]));
  TRY(std::string text, text_argument(args[2]));
  TRY(auto items, parts(scope, text, separator, static_cast<size_t>(std::max(count, int64_t{1}))));
  return as_numbered_map(std::move(items));
}

Result<Value> join(CallScope& scope, Args args) {
  TRY(std::string separator, text_argument(args[0]));
  if (!args[1].is_array()) {
    TRY(std::string text, text_argument(args[1]));
    return Value(std::move(text));
  }
  std::string out;
  for (size_t i = 0; i < args[1].size(); ++i) {
    const Value& item = args[1].as_array()[i];
    if (i > 0) out += separator;
    if (!item.is_null()) append_go_value(out, item);
    TRY(check_room(scope, out.size()));
  }
  return Value(std::move(out));
}

Result<Value> to_string(CallScope&, Args args) {
  TRY(std::string text, text_argument(args[0]));
  return Value(std::move(text));
}
Result<Value> to_strings(CallScope&, Args args) {
  TRY(const json::Array* items, list_argument(args[0]));
  TRY(auto out, texts(*items));
  return as_list(std::move(out));
}

Result<Value> random_text(CallScope& scope, Args args, std::string_view alphabet) {
  TRY(int64_t length, integer_argument(args[0]));
  if (length < 0 || length > 10'000) return fail(Errc::invalid_argument, "expected a length between 0 and 10000");
  std::string out;
  for (int64_t i = 0; i < length; ++i) out += alphabet[scope.random().below(alphabet.size())];
  return Value(std::move(out));
}
constexpr std::string_view kAlphaNumeric = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
Result<Value> rand_alpha_num(CallScope& scope, Args args) { return random_text(scope, args, kAlphaNumeric); }
Result<Value> rand_alpha(CallScope& scope, Args args) { return random_text(scope, args, kAlphaNumeric.substr(10)); }
Result<Value> rand_numeric(CallScope& scope, Args args) {
  return random_text(scope, args, kAlphaNumeric.substr(0, 10));
}

Result<Value> shuffle(CallScope& scope, Args args) {
  TRY(std::string text, text_argument(args[0]));
  TRY(auto characters, parts(scope, text, ""));
  std::string out;
  while (!characters.empty()) {
    std::swap(characters[scope.random().below(characters.size())], characters.back());
    out += characters.back();
    characters.pop_back();
  }
  return Value(std::move(out));
}

constexpr std::array kFunctions{
    Function{"trim", 1, 1, trim_space},
    Function{"trimAll", 2, 2, trim_all},
    Function{"trimall", 2, 2, trim_all},
    Function{"trimSuffix", 2, 2, trim_suffix},
    Function{"trimPrefix", 2, 2, trim_prefix},
    Function{"contains", 2, 2, contains},
    Function{"hasPrefix", 2, 2, has_prefix},
    Function{"hasSuffix", 2, 2, has_suffix},
    Function{"repeat", 2, 2, repeat},
    Function{"substr", 3, 3, substr},
    Function{"trunc", 2, 2, trunc},
    Function{"abbrev", 2, 2, abbrev},
    Function{"abbrevboth", 3, 3, abbrev_both},
    Function{"nospace", 1, 1, nospace},
    Function{"initials", 1, 1, initials},
    Function{"quote", 0, kAnyNumber, quote},
    Function{"squote", 0, kAnyNumber, squote, kOpaque},
    Function{"cat", 0, kAnyNumber, cat, kOpaque},
    Function{"indent", 2, 2, indent},
    Function{"nindent", 2, 2, nindent},
    Function{"replace", 3, 3, replace},
    Function{"plural", 3, 3, plural},
    Function{"wrap", 2, 2, wrap},
    Function{"wrapWith", 3, 3, wrap_with},
    Function{"split", 2, 2, split_map},
    Function{"splitList", 2, 2, split_list},
    Function{"splitn", 3, 3, splitn},
    Function{"join", 2, 2, join, kOpaque},
    Function{"toString", 1, 1, to_string, kOpaque},
    Function{"toStrings", 1, 1, to_strings, kOpaque},
    Function{"randAlphaNum", 1, 1, rand_alpha_num},
    Function{"randAlpha", 1, 1, rand_alpha},
    Function{"randNumeric", 1, 1, rand_numeric},
    Function{"shuffle", 1, 1, shuffle},
};

}  // namespace

std::span<const Function> text_functions() { return kFunctions; }

}  // namespace compozy::expression
