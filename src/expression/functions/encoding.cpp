// SPDX-License-Identifier: Apache-2.0
//
// Sprig's functions about JSON, encodings, hashes, regular expressions (RE2: linear time) and kinds.
#include <re2/re2.h>

#include <array>

#include "base/hash.hpp"
#include "base/ids.hpp"
#include "base/text.hpp"
#include "expression/functions/base64.hpp"
#include "expression/functions/function.hpp"
#include "expression/functions/go_format.hpp"
#include "expression/secret.hpp"
#include "json/parse.hpp"
#include "json/print.hpp"

namespace compozy::expression {
namespace {

using json::Value;

// Members by name, as Go's encoding/json writes maps.
Value sorted(const Value& value) {
  if (value.is_array()) {
    json::Array items;
    for (const Value& item : value.as_array()) items.push_back(sorted(item));
    return Value(std::move(items));
  }
  if (!value.is_object()) return value;
  json::Object members;
  for (const std::string_view name : value.as_object().sorted_names()) members.set(name, sorted(value[name]));
  return Value(std::move(members));
}

// What Go escapes so that JSON may stand inside HTML. These characters occur inside texts only.
std::string escape_html(const std::string& text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '<': out += "\\u003c"; break;
      case '>': out += "\\u003e"; break;
      case '&': out += "\\u0026"; break;
      default: out += c;
    }
  }
  return out;
}

Result<Value> to_json(CallScope&, Args args) { return Value(escape_html(json::print(sorted(args[0])))); }
Result<Value> to_raw_json(CallScope&, Args args) { return Value(json::print(sorted(args[0]))); }
Result<Value> to_pretty_json(CallScope&, Args args) { return Value(escape_html(json::print_pretty(sorted(args[0])))); }
Result<Value> from_json(CallScope&, Args args) {
  if (!args[0].is_string()) return args[0];
  const std::string_view text = trim(args[0].as_string());
  if (has_escaped_secret_mark(text)) return fail(Errc::permission_denied, "the text names a secret");
  return json::parse(text);
}
Result<Value> from_json_lenient(CallScope& scope, Args args) {
  auto parsed = from_json(scope, args);
  return parsed ? *parsed : Value();
}

Result<Value> b64enc(CallScope&, Args args) {
  TRY(std::string text, text_argument(args[0]));
  return Value(base64_encode(text));
}
Result<Value> b64dec(CallScope&, Args args) {
  TRY(std::string text, text_argument(args[0]));
  TRY(std::string bytes, base64_decode(text));
  if (!is_valid_utf8(bytes)) return fail(Errc::type_mismatch, "the decoded bytes are not UTF-8 text");
  return Value(without_secret_marks(std::string_view(bytes)));
}
constexpr std::string_view kBase32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";  // RFC 4648 section 6

Result<Value> b32enc(CallScope&, Args args) {
  TRY(const std::string text, text_argument(args[0]));
  std::string out;
  uint32_t bits = 0;
  int held = 0;
  for (const char c : text) {
    bits = bits << 8 | static_cast<uint8_t>(c);
    for (held += 8; held >= 5; held -= 5) out += kBase32[bits >> (held - 5) & 31];
  }
  if (held > 0) out += kBase32[bits << (5 - held) & 31];
  while (out.size() % 8 != 0) out += '=';
  return Value(std::move(out));
}
Result<Value> b32dec(CallScope&, Args args) {
  TRY(const std::string text, text_argument(args[0]));
  std::string bytes;
  uint32_t bits = 0;
  int held = 0;
  for (const char c : text.substr(0, text.find('='))) {
    const size_t digit = kBase32.find(c);
    if (digit == std::string_view::npos) return fail(Errc::parse_error, "the text is not base 32");
    bits = bits << 5 | static_cast<uint32_t>(digit);
    held += 5;
    if (held < 8) continue;
    held -= 8;
    bytes += static_cast<char>(bits >> held & 0xFF);
  }
  if (!is_valid_utf8(bytes)) return fail(Errc::type_mismatch, "the decoded bytes are not UTF-8 text");
  return Value(without_secret_marks(std::string_view(bytes)));
}
Result<Value> sha256sum(CallScope&, Args args) {
  TRY(std::string text, text_argument(args[0]));
  return Value(sha256_hex(text));
}
Result<Value> adler32sum(CallScope&, Args args) {
  TRY(std::string text, text_argument(args[0]));
  uint32_t a = 1, b = 0;
  for (char c : text) {
    a = (a + static_cast<uint8_t>(c)) % 65521;
    b = (b + a) % 65521;
  }
  return Value(std::to_string(b << 16 | a));
}
Result<Value> uuidv4(CallScope& scope, Args) { return Value(make_uuid4(scope.random())); }

Result<std::unique_ptr<re2::RE2>> compiled(const Value& pattern) {
  re2::RE2::Options options;
  options.set_log_errors(false);
  auto regex = std::make_unique<re2::RE2>(go_value(pattern), options);
  if (!regex->ok()) return fail(Errc::parse_error, "bad regular expression: " + regex->error());
  return regex;
}

// Calls `on` with the bounds of each match, at most `limit` times; negative = all.
template <class On>
void each_match(const re2::RE2& regex, const std::string& text, int64_t limit, On on) {
  size_t at = 0;
  re2::StringPiece match;
  while (limit != 0 && at <= text.size() && regex.Match(text, at, text.size(), re2::RE2::UNANCHORED, &match, 1)) {
    const auto start = static_cast<size_t>(match.data() - text.data());
    on(start, match.size());
    at = start + std::max(match.size(), size_t{1});
    --limit;
  }
}

Result<Value> regex_match(CallScope&, Args args) {
  TRY(auto regex, compiled(args[0]));
  return Value(re2::RE2::PartialMatch(go_value(args[1]), *regex));
}
Result<Value> regex_find(CallScope&, Args args) {
  TRY(auto regex, compiled(args[0]));
  const std::string text = go_value(args[1]);
  std::string found;
  each_match(*regex, text, 1, [&](size_t start, size_t size) { found = text.substr(start, size); });
  return Value(std::move(found));
}
Result<Value> regex_find_all(CallScope&, Args args) {
  TRY(auto regex, compiled(args[0]));
  TRY(int64_t limit, integer_argument(args[2]));
  const std::string text = go_value(args[1]);
  json::Array out;
  each_match(*regex, text, limit, [&](size_t start, size_t size) { out.emplace_back(text.substr(start, size)); });
  return Value(std::move(out));
}
Result<Value> regex_split(CallScope&, Args args) {
  TRY(auto regex, compiled(args[0]));
  TRY(int64_t limit, integer_argument(args[2]));
  const std::string text = go_value(args[1]);
  json::Array out;
  size_t at = 0;
  if (limit == 0) return Value(std::move(out));
  each_match(*regex, text, limit < 0 ? limit : limit - 1, [&](size_t start, size_t size) {
    out.emplace_back(text.substr(at, start - at));
    at = start + size;
  });
  out.emplace_back(text.substr(at));
  return Value(std::move(out));
}

// Go writes groups as $1, ${1} and ${name}; RE2's rewrite needs \1.
std::string rewrite_of(const std::string& replacement, const re2::RE2& regex) {
  std::string out;
  for (size_t at = 0; at < replacement.size();) {
    const char c = replacement[at++];
    if (c == '\\') out += "\\\\";
    if (c != '$' && c != '\\') out += c;
    if (c != '$') continue;
    const bool braced = at < replacement.size() && replacement[at] == '{';
    const size_t start = at + (braced ? 1 : 0);
    size_t end = start;
    while (end < replacement.size() &&
           (std::isalnum(static_cast<uint8_t>(replacement[end])) != 0 || replacement[end] == '_'))
      ++end;
    const std::string name = replacement.substr(start, end - start);
    at = braced ? std::min(end + 1, replacement.size()) : end;
    int64_t group = -1;
    if (!parse_int64(name, group)) {
      auto found = regex.NamedCapturingGroups().find(name);
      group = found == regex.NamedCapturingGroups().end() ? -1 : found->second;
    }
    if (name.empty()) out += '$';
    if (group >= 0 && group <= std::min(regex.NumberOfCapturingGroups(), 9)) out += '\\' + std::to_string(group);
  }
  return out;
}
Result<Value> replaced(CallScope& scope, Args args, bool literal) {
  TRY(auto regex, compiled(args[0]));
  std::string text = go_value(args[1]);
  const std::string replacement = go_value(args[2]);
  TRY(check_room(scope, (text.size() + 1) * (replacement.size() / 16 + 1)));
  const std::string rewrite = literal ? replace_all(replacement, "\\", "\\\\") : rewrite_of(replacement, *regex);
  re2::RE2::GlobalReplace(&text, *regex, rewrite);
  return Value(std::move(text));
}
Result<Value> regex_replace_all(CallScope& scope, Args args) { return replaced(scope, args, false); }
Result<Value> regex_replace_all_literal(CallScope& scope, Args args) { return replaced(scope, args, true); }
Result<Value> regex_quote_meta(CallScope&, Args args) { return Value(re2::RE2::QuoteMeta(go_value(args[0]))); }

std::string_view go_type(const Value& value) {
  constexpr std::array<std::string_view, 7> kNames{
      "<nil>", "bool", "int", "float64", "string", "[]interface {}", "map[string]interface {}"};
  return kNames[static_cast<size_t>(value.kind())];
}
std::string_view go_kind(const Value& value) {
  constexpr std::array<std::string_view, 7> kNames{"invalid", "bool", "int", "float64", "string", "slice", "map"};
  return kNames[static_cast<size_t>(value.kind())];
}
Result<Value> type_of(CallScope&, Args args) { return Value(go_type(args[0])); }
Result<Value> kind_of(CallScope&, Args args) { return Value(go_kind(args[0])); }
Result<Value> type_is(CallScope&, Args args) { return Value(go_value(args[0]) == go_type(args[1])); }
Result<Value> kind_is(CallScope&, Args args) { return Value(go_value(args[0]) == go_kind(args[1])); }

constexpr std::array kFunctions{
    Function{"toJson", 1, 1, to_json, kOpaque},
    Function{"mustToJson", 1, 1, to_json, kOpaque},
    Function{"toRawJson", 1, 1, to_raw_json, kOpaque},
    Function{"mustToRawJson", 1, 1, to_raw_json, kOpaque},
    Function{"toPrettyJson", 1, 1, to_pretty_json, kOpaque},
    Function{"mustToPrettyJson", 1, 1, to_pretty_json, kOpaque},
    Function{"fromJson", 1, 1, from_json_lenient},
    Function{"mustFromJson", 1, 1, from_json},
    Function{"b64enc", 1, 1, b64enc},
    Function{"b64dec", 1, 1, b64dec},
    Function{"b32enc", 1, 1, b32enc},
    Function{"b32dec", 1, 1, b32dec},
    Function{"sha256sum", 1, 1, sha256sum},
    Function{"adler32sum", 1, 1, adler32sum},
    Function{"uuidv4", 0, 0, uuidv4},
    Function{"regexMatch", 2, 2, regex_match},
    Function{"mustRegexMatch", 2, 2, regex_match},
    Function{"regexFind", 2, 2, regex_find},
    Function{"mustRegexFind", 2, 2, regex_find},
    Function{"regexFindAll", 3, 3, regex_find_all},
    Function{"mustRegexFindAll", 3, 3, regex_find_all},
    Function{"regexSplit", 3, 3, regex_split},
    Function{"mustRegexSplit", 3, 3, regex_split},
    Function{"regexReplaceAll", 3, 3, regex_replace_all},
    Function{"mustRegexReplaceAll", 3, 3, regex_replace_all},
    Function{"regexReplaceAllLiteral", 3, 3, regex_replace_all_literal},
    Function{"mustRegexReplaceAllLiteral", 3, 3, regex_replace_all_literal},
    Function{"regexQuoteMeta", 1, 1, regex_quote_meta},
    Function{"typeOf", 1, 1, type_of, kOpaque | kPart},
    Function{"kindOf", 1, 1, kind_of, kOpaque | kPart},
    Function{"typeIs", 2, 2, type_is, kOpaque | kPart},
    Function{"typeIsLike", 2, 2, type_is, kOpaque | kPart},
    Function{"kindIs", 2, 2, kind_is, kOpaque | kPart},
};

}  // namespace

std::span<const Function> encoding_functions() { return kFunctions; }

}  // namespace compozy::expression
