// SPDX-License-Identifier: Apache-2.0
#include "json/print.hpp"

#include <array>
#include <charconv>
#include <cmath>

#include "base/text.hpp"

namespace compozy::json {

namespace {

enum class Style : uint8_t { compact, pretty, canonical };

void append_escaped(std::string& out, char c) {
  switch (c) {
    case '"': out += "\\\""; return;
    case '\\': out += "\\\\"; return;
    case '\n': out += "\\n"; return;
    case '\r': out += "\\r"; return;
    case '\t': out += "\\t"; return;
    default: break;
  }
  constexpr std::string_view kHex = "0123456789abcdef";
  out += "\\u00";
  out += kHex[static_cast<uint8_t>(c) >> 4];
  out += kHex[static_cast<uint8_t>(c) & 15];
}

size_t utf8_length_at(std::string_view text, size_t i) {
  for (size_t length = 1; length <= 4 && i + length <= text.size(); ++length) {
    if (is_valid_utf8(text.substr(i, length))) return length;
  }
  return 0;
}

void append_string(std::string& out, std::string_view text) {
  out += '"';
  size_t plain = 0;  // start of the run of bytes that need no escape
  for (size_t i = 0; i < text.size();) {
    const auto byte = static_cast<uint8_t>(text[i]);
    if (byte >= 0x20 && byte < 0x80 && byte != '"' && byte != '\\') {
      ++i;
      continue;
    }
    const size_t length = byte >= 0x80 ? utf8_length_at(text, i) : 0;
    if (length > 0) {
      i += length;
      continue;
    }
    out += text.substr(plain, i - plain);
    if (byte >= 0x80) {
      out += "\xef\xbf\xbd";
    } else {
      append_escaped(out, text[i]);
    }
    plain = ++i;
  }
  out += text.substr(plain);
  out += '"';
}

void append_double(std::string& out, double value) {
  if (!std::isfinite(value)) {
    out += "null";
    return;
  }
  const std::string text = format_double(value);
  out += text;
  if (text.find_first_of(".e") == std::string::npos) out += ".0";
}

class Printer {
 public:
  Printer(std::string& out, Style style) : out_(out), style_(style) {}

  void print(const Value& value) {
    switch (value.kind()) {
      case Kind::null: out_ += "null"; break;
      case Kind::boolean: out_ += value.as_bool() ? "true" : "false"; break;
      case Kind::integer: {
        std::array<char, 24> text{};
        out_.append(text.data(), std::to_chars(text.data(), text.data() + text.size(), value.as_integer()).ptr);
        break;
      }
      case Kind::number: append_double(out_, value.as_double()); break;
      case Kind::string: append_string(out_, value.as_string()); break;
      case Kind::array: print_array(value.as_array()); break;
      case Kind::object: print_object(value.as_object()); break;
    }
  }

 private:
  void print_array(const Array& items) {
    open('[');
    bool first = true;
    for (const Value& item : items) {
      next(first);
      print(item);
    }
    close(']', items.empty());
  }

  void print_object(const Object& members) {
    open('{');
    bool first = true;
    if (style_ == Style::canonical) {
      for (const std::string_view name : members.sorted_names()) print_member(first, name, *members.find(name));
    } else {
      for (const auto& [name, value] : members) print_member(first, name, value);
    }
    close('}', members.empty());
  }

  void print_member(bool& first, std::string_view name, const Value& value) {
    next(first);
    append_string(out_, name);
    out_ += style_ == Style::pretty ? ": " : ":";
    print(value);
  }

  void open(char bracket) {
    out_ += bracket;
    ++depth_;
  }
  void next(bool& first) {
    if (!first) out_ += ',';
    first = false;
    break_line();
  }
  void close(char bracket, bool empty) {
    --depth_;
    if (!empty) break_line();
    out_ += bracket;
  }
  void break_line() {
    if (style_ != Style::pretty) return;
    out_ += '\n';
    out_.append(depth_ * 2, ' ');
  }

  std::string& out_;
  Style style_;
  size_t depth_ = 0;
};

std::string print_as(const Value& value, Style style) {
  std::string out;
  Printer(out, style).print(value);
  return out;
}

}  // namespace

std::string print(const Value& value) { return print_as(value, Style::compact); }
std::string print_pretty(const Value& value) { return print_as(value, Style::pretty); }
std::string print_canonical(const Value& value) { return print_as(value, Style::canonical); }

std::string quote(std::string_view text) {
  std::string out;
  append_string(out, text);
  return out;
}

}  // namespace compozy::json
