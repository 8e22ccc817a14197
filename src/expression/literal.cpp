// SPDX-License-Identifier: Apache-2.0
#include "expression/literal.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/text.hpp"

namespace compozy::expression {
namespace {

constexpr uint32_t kReplacement = 0xFFFD;

// Reads `digits` digits of `base` at `at`; moves past them.
Result<uint32_t> escape_number(std::string_view body, size_t& at, size_t digits, int base) {
  uint32_t value = 0;
  if (at + digits > body.size()) return fail(Errc::parse_error, "an escape in a text is cut off");
  auto [end, error] = std::from_chars(body.data() + at, body.data() + at + digits, value, base);
  if (error != std::errc() || end != body.data() + at + digits) {
    return fail(Errc::parse_error, "bad escape '\\" + std::string(body.substr(at > 0 ? at - 1 : 0, digits + 1)) + "'");
  }
  at += digits;
  return value;
}

Result<void> append_escape(std::string& out, std::string_view body, size_t& at, char quote) {
  if (at >= body.size()) return fail(Errc::parse_error, "a text ends in the middle of an escape");
  const char c = body[at++];
  switch (c) {
    case 'n': out += '\n'; return {};
    case 't': out += '\t'; return {};
    case 'r': out += '\r'; return {};
    case 'a': out += '\a'; return {};
    case 'b': out += '\b'; return {};
    case 'f': out += '\f'; return {};
    case 'v': out += '\v'; return {};
    case '\\': out += '\\'; return {};
    case 'x': {
      TRY(uint32_t byte, escape_number(body, at, 2, 16));
      out += static_cast<char>(byte);
      return {};
    }
    case 'u':
    case 'U': {
      TRY(uint32_t code_point, escape_number(body, at, c == 'u' ? 4 : 8, 16));
      append_utf8(out, code_point);
      return {};
    }
    default: break;
  }
  const bool any_quote = quote == '\0' && std::string_view("\"'`?").find(c) != std::string_view::npos;
  if (c == quote || any_quote) {
    out += c;
    return {};
  }
  if (c >= '0' && c <= '7') {
    --at;
    TRY(uint32_t byte, escape_number(body, at, 3, 8));
    out += static_cast<char>(byte);
    return {};
  }
  return fail(Errc::parse_error, std::string("unknown escape '\\") + c + "'");
}

}  // namespace

void append_utf8(std::string& out, uint32_t code_point) {
  if (code_point > 0x10FFFF || (code_point >= 0xD800 && code_point < 0xE000)) code_point = kReplacement;
  const auto byte = [&](uint32_t bits) { out += static_cast<char>(bits); };
  if (code_point < 0x80) {
    byte(code_point);
  } else if (code_point < 0x800) {
    byte(0xC0 | code_point >> 6);
    byte(0x80 | (code_point & 0x3F));
  } else if (code_point < 0x10000) {
    byte(0xE0 | code_point >> 12);
    byte(0x80 | (code_point >> 6 & 0x3F));
    byte(0x80 | (code_point & 0x3F));
  } else {
    byte(0xF0 | code_point >> 18);
    byte(0x80 | (code_point >> 12 & 0x3F));
    byte(0x80 | (code_point >> 6 & 0x3F));
    byte(0x80 | (code_point & 0x3F));
  }
}

uint32_t next_code_point(std::string_view text, size_t& at) {
  const auto lead = static_cast<uint8_t>(text[at++]);
  if (lead < 0x80) return lead;
  const size_t more = lead >= 0xF0 ? 3 : lead >= 0xE0 ? 2 : lead >= 0xC2 ? 1 : 0;
  if (more == 0 || lead > 0xF4 || at + more > text.size()) return kReplacement;
  uint32_t code_point = lead & (0x3FU >> more);
  for (size_t i = 0; i < more; ++i) {
    const auto next = static_cast<uint8_t>(text[at + i]);
    if ((next & 0xC0) != 0x80) return kReplacement;
    code_point = code_point << 6 | (next & 0x3F);
  }
  at += more;
  return code_point;
}

size_t code_point_count(std::string_view text) {
  size_t count = 0;
  for (size_t at = 0; at < text.size(); ++count) next_code_point(text, at);
  return count;
}

Result<std::string> unquote_go(std::string_view body, char quote) {
  std::string out;
  for (size_t at = 0; at < body.size();) {
    if (body[at] != '\\') {
      out += body[at++];
      continue;
    }
    ++at;
    TRY(append_escape(out, body, at, quote));
  }
  return out;
}

Result<json::Value> parse_go_number(std::string_view text) {
  std::string digits(text);
  std::erase(digits, '_');
  const auto bad = [&] { return fail(Errc::parse_error, "bad number '" + std::string(text) + "'"); };
  std::string_view rest = digits;
  const bool negative = rest.starts_with('-');
  if (negative || rest.starts_with('+')) rest.remove_prefix(1);
  int base = 10;
  if (rest.size() > 1 && rest[0] == '0') {
    const char mark = static_cast<char>(rest[1] | 0x20);
    base = mark == 'x' ? 16 : mark == 'o' ? 8 : mark == 'b' ? 2 : 10;
    if (base != 10) {
      rest.remove_prefix(2);
    } else if (rest.find_first_not_of("01234567") == std::string_view::npos) {
      base = 8;  // 017, as in C
    }
  }
  if (rest.empty()) return bad();
  const std::string signed_text = (negative ? "-" : "") + std::string(rest);
  int64_t integer = 0;
  const char* end = signed_text.data() + signed_text.size();
  auto [stop, error] = std::from_chars(signed_text.data(), end, integer, base);
  if (error == std::errc() && stop == end) return json::Value(integer);
  if (base != 10) return bad();
  if (rest.find_first_not_of("0123456789") == std::string_view::npos)
    return fail(Errc::parse_error, "the whole number '" + std::string(text) + "' does not fit 64 bits");
  double number = 0;
  auto [number_stop, number_error] = std::from_chars(signed_text.data(), end, number);
  if (number_error != std::errc() || number_stop != end || !std::isfinite(number)) return bad();
  return json::Value(number);
}

}  // namespace compozy::expression
