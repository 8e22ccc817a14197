// SPDX-License-Identifier: Apache-2.0
//
// What a collection runs over. `items` becomes a list in this order of preference:
//   list as it is · map -> [{key, value}] by key · text: JSON, "1..10", "10..1", "a..e" · other scalar -> [scalar] ·
//   null -> []
// Each item then passes the filter: with braces a template that says true or false, without them CEL that gives a bool.
#include <algorithm>
#include <array>

#include "base/text.hpp"
#include "expression/template/template.hpp"
#include "json/parse.hpp"
#include "json/print.hpp"
#include "workflow/machine/decider.hpp"

namespace compozy::workflow {

namespace {

Result<json::Value> range_items(int64_t first, int64_t last) {
  const int64_t step = first <= last ? 1 : -1;
  if ((last - first) * step + 1 > kChildrenMax) {
    return fail(Errc::limit_exceeded, "a range of more than " + std::to_string(kChildrenMax) + " items");
  }
  json::Array items;
  for (int64_t i = first; i != last + step; i += step) items.emplace_back(i);
  return json::Value(std::move(items));
}

// Runs of letters that follow each other in Unicode: a range of letters stays within one.
struct Letters {
  uint32_t first;
  uint32_t last;
};
constexpr std::array<Letters, 12> kLetters{{{'a', 'z'},
                                            {'A', 'Z'},
                                            {0x0391, 0x03A9},  // Greek
                                            {0x03B1, 0x03C9},
                                            {0x0410, 0x042F},  // Cyrillic
                                            {0x0430, 0x044F},
                                            {0x05D0, 0x05EA},    // Hebrew
                                            {0x0621, 0x064A},    // Arabic
                                            {0x0904, 0x0939},    // Devanagari
                                            {0x3041, 0x3096},    // Hiragana
                                            {0x30A1, 0x30FA},    // Katakana
                                            {0xAC00, 0xD7A3}}};  // Hangul
constexpr int64_t kLetterRangeMax = 10'000;

// The code point of a text of exactly one character of at most three bytes, or 0. The text is UTF-8.
uint32_t single_letter(std::string_view text) {
  const auto byte = [&](size_t at) { return static_cast<uint32_t>(static_cast<uint8_t>(text[at])); };
  if (text.size() == 1 && byte(0) < 0x80) return byte(0);
  if (text.size() == 2 && byte(0) >= 0xC0) return (byte(0) & 0x1FU) << 6U | (byte(1) & 0x3FU);
  if (text.size() == 3 && byte(0) >= 0xE0)
    return (byte(0) & 0x0FU) << 12U | (byte(1) & 0x3FU) << 6U | (byte(2) & 0x3FU);
  return 0;
}

std::string letter_text(uint32_t code) {
  const auto byte = [](uint32_t value) { return static_cast<char>(static_cast<uint8_t>(value)); };
  if (code < 0x80) return {byte(code)};
  if (code < 0x800) return {byte(0xC0U | code >> 6U), byte(0x80U | (code & 0x3FU))};
  return {byte(0xE0U | code >> 12U), byte(0x80U | (code >> 6U & 0x3FU)), byte(0x80U | (code & 0x3FU))};
}

bool are_of_one_script(uint32_t a, uint32_t b) {
  return std::ranges::any_of(kLetters, [&](const Letters& letters) {
    return a >= letters.first && a <= letters.last && b >= letters.first && b <= letters.last;
  });
}

Result<json::Value> text_items(const std::string& text) {
  if (auto parsed = json::parse(text); parsed && (parsed->is_array() || parsed->is_object())) return parsed;
  const size_t dots = text.find("..");
  if (dots != std::string::npos) {
    const std::string_view left = trim(std::string_view(text).substr(0, dots));
    const std::string_view right = trim(std::string_view(text).substr(dots + 2));
    int64_t first = 0;
    int64_t last = 0;
    if (parse_int64(left, first) && parse_int64(right, last)) {
      if (std::abs(first) > INT64_MAX / 4 || std::abs(last) > INT64_MAX / 4)
        return fail(Errc::limit_exceeded, "the range '" + text + "' is too long");
      return range_items(first, last);
    }
    const uint32_t from = single_letter(left);
    const uint32_t to = single_letter(right);
    if (are_of_one_script(from, to)) {
      TRY(const json::Value codes, range_items(from, to));
      if (std::cmp_greater(codes.size(), kLetterRangeMax))
        return fail(Errc::limit_exceeded, "a range of more than " + std::to_string(kLetterRangeMax) + " letters");
      json::Array letters;
      for (const json::Value& code : codes.as_array())
        letters.emplace_back(letter_text(static_cast<uint32_t>(code.as_integer())));
      return json::Value(std::move(letters));
    }
  }
  return json::Value::array({text});
}

Result<json::Value> to_items(const json::Value& value) {
  switch (value.kind()) {
    case json::Kind::null: return json::Value::array();
    case json::Kind::array: return value;
    case json::Kind::object: {
      json::Array items;
      for (const std::string_view key : value.as_object().sorted_names()) {
        items.push_back(json::Value::object({{"key", key}, {"value", value[key]}}));
      }
      return json::Value(std::move(items));
    }
    case json::Kind::string: {
      TRY(const json::Value items, text_items(value.as_string()));
      return items.is_object() ? to_items(items) : items;
    }
    default: return json::Value::array({value});
  }
}

}  // namespace

Result<json::Value> Decider::collection_items(const Task& task, const Frame& frame, int64_t& skipped) {
  json::Value context = context_of(task, frame);
  TRY(const json::Value rendered, render(task.items, context));
  TRY(json::Value items, to_items(rendered));
  if (static_cast<int64_t>(items.size()) > kChildrenMax) {
    return fail(Errc::limit_exceeded,
                std::to_string(items.size()) + " items; the limit of a collection is " + std::to_string(kChildrenMax));
  }
  if (task.filter.empty()) return items;
  json::Array kept;
  int64_t index = 0;
  for (const json::Value& item : items.as_array()) {
    for (const std::string_view name : {std::string_view("item"), std::string_view(task.item_var)})
      context.set(name, item);
    for (const std::string_view name : {std::string_view("index"), std::string_view(task.index_var)})
      context.set(name, index);
    auto keep = says_yes(task.filter, context);
    if (!keep) return fail(std::move(keep).error().with_context("filter, item " + std::to_string(index)));
    if (*keep) kept.push_back(item);
    ++index;
  }
  skipped = index - static_cast<int64_t>(kept.size());
  return json::Value(std::move(kept));
}

// A filter, or the condition under which a task runs: with braces a template, without them CEL.
Result<bool> Decider::says_yes(const std::string& condition, const json::Value& context) {
  if (!expression::is_template(condition)) {
    TRY(const json::Value value, cel(condition, context));
    if (!value.is_bool()) return fail(Errc::type_mismatch, "must give true or false, found " + json::print(value));
    return value.as_bool();
  }
  TRY(const std::string rendered, render_to_text(condition, context));
  const std::string text = to_lower(trim(rendered));
  constexpr std::array<std::string_view, 4> kYes{"true", "yes", "1", "on"};
  constexpr std::array<std::string_view, 5> kNo{"false", "no", "0", "off", ""};
  if (std::ranges::find(kYes, text) != kYes.end()) return true;
  if (std::ranges::find(kNo, text) != kNo.end()) return false;
  return fail(Errc::type_mismatch, "must give true or false, found '" + shorten(text, 80) + "'");
}

}  // namespace compozy::workflow
