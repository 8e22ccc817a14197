// SPDX-License-Identifier: Apache-2.0
//
// Sprig's functions about letter case. Letters are Unicode's, by the C library's C.UTF-8 tables, whatever the locale.
#include <locale.h>
#include <wctype.h>

#include <array>
#include <string>

#include "expression/functions/function.hpp"
#include "expression/literal.hpp"

namespace compozy::expression {
namespace {

using json::Value;

locale_t unicode() {
  static const locale_t tables = ::newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
  return tables;
}
using Letter = uint32_t;
using Letters = std::u32string;
constexpr Letter kAsciiMax = 0x7F;

Letter upper(Letter c) {
  if (c <= kAsciiMax) return c >= 'a' && c <= 'z' ? c - 32 : c;
  return unicode() == nullptr ? c : static_cast<Letter>(::towupper_l(static_cast<wint_t>(c), unicode()));
}
Letter lower(Letter c) {
  if (c <= kAsciiMax) return c >= 'A' && c <= 'Z' ? c + 32 : c;
  return unicode() == nullptr ? c : static_cast<Letter>(::towlower_l(static_cast<wint_t>(c), unicode()));
}
bool is_upper(Letter c) { return lower(c) != c; }
bool is_lower(Letter c) { return upper(c) != c; }
bool is_digit(Letter c) { return c >= '0' && c <= '9'; }
bool is_separator(Letter c) { return c == ' ' || c == '_' || c == '-' || c == '\t' || c == '\n'; }

Letters letters_of(std::string_view text) {
  Letters out;
  for (size_t at = 0; at < text.size();) out += static_cast<char32_t>(next_code_point(text, at));
  return out;
}
std::string text_of(const Letters& letters) {
  std::string out;
  for (const char32_t c : letters) append_utf8(out, c);
  return out;
}

template <class Change>
Result<Value> changed(Args args, Change change) {
  TRY(const std::string text, text_argument(args[0]));
  return Value(text_of(change(letters_of(text))));
}

Letters each(Letters text, Letter (*change)(Letter)) {
  for (char32_t& c : text) c = change(c);
  return text;
}

// The first letter of each word changes.
template <class Change>
Letters by_word(Letters text, Change change) {
  bool start = true;
  for (char32_t& c : text) {
    if (start) c = change(c);
    start = c == ' ' || c == '\t' || c == '\n' || c == '-' || c == '.' || c == '(' || c == '/';
  }
  return text;
}

// "FirstName 2" -> "first_name_2"
Letters words_joined_by(const Letters& text, char32_t joiner) {
  Letters out;
  for (size_t i = 0; i < text.size(); ++i) {
    const char32_t c = text[i];
    if (is_separator(c)) {
      if (!out.empty() && out.back() != joiner) out += joiner;
      continue;
    }
    const bool after_lower = i > 0 && (is_lower(text[i - 1]) || is_digit(text[i - 1]));
    const bool before_lower = i > 0 && is_upper(text[i - 1]) && i + 1 < text.size() && is_lower(text[i + 1]);
    if (is_upper(c) && (after_lower || before_lower) && !out.empty() && out.back() != joiner) out += joiner;
    out += static_cast<char32_t>(lower(c));
  }
  return out;
}

Letters camel(const Letters& text) {
  Letters out;
  bool start = true;
  for (const char32_t c : text) {
    if (is_separator(c)) {
      start = true;
      continue;
    }
    out += start ? upper(c) : c;
    start = false;
  }
  return out;
}

Letters swapped(Letters text) {
  for (char32_t& c : text) c = is_upper(c) ? lower(c) : upper(c);
  return text;
}

Result<Value> to_upper_case(CallScope&, Args args) {
  return changed(args, [](Letters text) { return each(std::move(text), upper); });
}
Result<Value> to_lower_case(CallScope&, Args args) {
  return changed(args, [](Letters text) { return each(std::move(text), lower); });
}
Result<Value> title(CallScope&, Args args) {
  return changed(args, [](Letters text) { return by_word(std::move(text), upper); });
}
Result<Value> untitle(CallScope&, Args args) {
  return changed(args, [](Letters text) { return by_word(std::move(text), lower); });
}
Result<Value> snake_case(CallScope&, Args args) {
  return changed(args, [](const Letters& text) { return words_joined_by(text, U'_'); });
}
Result<Value> kebab_case(CallScope&, Args args) {
  return changed(args, [](const Letters& text) { return words_joined_by(text, U'-'); });
}
Result<Value> camel_case(CallScope&, Args args) { return changed(args, camel); }
Result<Value> swap_case(CallScope&, Args args) { return changed(args, swapped); }

constexpr std::array kFunctions{
    Function{"upper", 1, 1, to_upper_case},  Function{"lower", 1, 1, to_lower_case},
    Function{"title", 1, 1, title},          Function{"untitle", 1, 1, untitle},
    Function{"snakecase", 1, 1, snake_case}, Function{"kebabcase", 1, 1, kebab_case},
    Function{"camelcase", 1, 1, camel_case}, Function{"swapcase", 1, 1, swap_case},
};

}  // namespace

std::span<const Function> case_functions() { return kFunctions; }

}  // namespace compozy::expression
