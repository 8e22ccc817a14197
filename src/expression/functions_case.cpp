// SPDX-License-Identifier: Apache-2.0
//
// Sprig's functions about letter case, for ASCII letters; other characters stay as they are.
#include <array>

#include "base/text.hpp"
#include "expression/function.hpp"

namespace compozy::expression {
namespace {

using json::Value;

bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }
bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_separator(char c) { return c == ' ' || c == '_' || c == '-' || c == '\t' || c == '\n'; }
char upper(char c) { return is_lower(c) ? static_cast<char>(c - 32) : c; }
char lower(char c) { return is_upper(c) ? static_cast<char>(c + 32) : c; }

template <class Change>
Result<Value> changed(Args args, Change change) {
  TRY(std::string text, text_argument(args[0]));
  return Value(change(text));
}

// The first letter of each word changes.
template <class Change>
std::string by_word(std::string text, Change change) {
  bool start = true;
  for (char& c : text) {
    if (start) c = change(c);
    start = c == ' ' || c == '\t' || c == '\n' || c == '-' || c == '.' || c == '(' || c == '/';
  }
  return text;
}

// "FirstName 2" -> "first_name_2"
std::string words_joined_by(const std::string& text, char joiner) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (is_separator(c)) {
      if (!out.empty() && out.back() != joiner) out += joiner;
      continue;
    }
    const bool after_lower = i > 0 && (is_lower(text[i - 1]) || is_digit(text[i - 1]));
    const bool before_lower = i > 0 && is_upper(text[i - 1]) && i + 1 < text.size() && is_lower(text[i + 1]);
    if (is_upper(c) && (after_lower || before_lower) && !out.empty() && out.back() != joiner) out += joiner;
    out += lower(c);
  }
  return out;
}

std::string camel(const std::string& text) {
  std::string out;
  bool start = true;
  for (char c : text) {
    if (is_separator(c)) {
      start = true;
      continue;
    }
    out += start ? upper(c) : c;
    start = false;
  }
  return out;
}

std::string swapped(std::string text) {
  for (char& c : text) c = is_upper(c) ? lower(c) : upper(c);
  return text;
}

Result<Value> to_upper_case(CallScope&, Args args) {
  return changed(args, [](const std::string& text) { return to_upper(text); });
}
Result<Value> to_lower_case(CallScope&, Args args) {
  return changed(args, [](const std::string& text) { return to_lower(text); });
}
Result<Value> title(CallScope&, Args args) {
  return changed(args, [](const std::string& text) { return by_word(text, upper); });
}
Result<Value> untitle(CallScope&, Args args) {
  return changed(args, [](const std::string& text) { return by_word(text, lower); });
}
Result<Value> snake_case(CallScope&, Args args) {
  return changed(args, [](const std::string& text) { return words_joined_by(text, '_'); });
}
Result<Value> kebab_case(CallScope&, Args args) {
  return changed(args, [](const std::string& text) { return words_joined_by(text, '-'); });
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
