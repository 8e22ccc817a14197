// SPDX-License-Identifier: Apache-2.0
#include "redis/resp/words.hpp"

#include <array>
#include <cctype>
#include <cstdio>

namespace compozy::redis {

namespace {

bool is_space(char c) { return std::isspace(static_cast<unsigned char>(c)) != 0; }

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

char unescape(char c) {
  switch (c) {
    case 'n': return '\n';
    case 'r': return '\r';
    case 't': return '\t';
    case 'b': return '\b';
    case 'a': return '\a';
    default: return c;
  }
}

// Reads a quoted part that starts at `at`; returns the place after its closing quote, or 0 when it is unbalanced.
size_t unescape_quoted(std::string_view line, size_t at, std::string& out) {
  const char quote = line[at++];
  for (; at < line.size(); ++at) {
    const char c = line[at];
    if (c == quote) {
      const bool ends = at + 1 == line.size() || is_space(line[at + 1]);
      return ends ? at + 1 : 0;
    }
    if (quote == '"' && c == '\\' && at + 3 < line.size() && line[at + 1] == 'x' && hex_digit(line[at + 2]) >= 0 &&
        hex_digit(line[at + 3]) >= 0) {
      out += static_cast<char>(hex_digit(line[at + 2]) * 16 + hex_digit(line[at + 3]));
      at += 3;
    } else if (quote == '"' && c == '\\' && at + 1 < line.size()) {
      out += unescape(line[++at]);
    } else if (quote == '\'' && c == '\\' && at + 1 < line.size() && line[at + 1] == '\'') {
      out += '\'';
      ++at;
    } else {
      out += c;
    }
  }
  return 0;
}

}  // namespace

bool split_words(std::string_view line, std::vector<std::string>& words) {
  words.clear();
  size_t at = 0;
  while (true) {
    while (at < line.size() && is_space(line[at])) ++at;
    if (at == line.size()) return true;
    std::string& arg = words.emplace_back();
    while (at < line.size() && !is_space(line[at])) {
      if (line[at] == '"' || line[at] == '\'') {
        at = unescape_quoted(line, at, arg);
        if (at == 0) return false;
      } else {
        arg += line[at++];
      }
    }
  }
}

std::string quote_word(std::string_view word) {
  std::string text = "\"";
  for (const char c : word) {
    switch (c) {
      case '\\':
      case '"': text.append(1, '\\').append(1, c); break;
      case '\n': text += "\\n"; break;
      case '\r': text += "\\r"; break;
      case '\t': text += "\\t"; break;
      case '\a': text += "\\a"; break;
      case '\b': text += "\\b"; break;
      default:
        if (c >= ' ' && c <= '~') {
          text += c;
        } else {
          std::array<char, 8> code{};
          std::snprintf(code.data(), code.size(), "\\x%02x", static_cast<unsigned>(static_cast<unsigned char>(c)));
          text += code.data();
        }
    }
  }
  return text + '"';
}

}  // namespace compozy::redis
