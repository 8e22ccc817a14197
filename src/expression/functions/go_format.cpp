// SPDX-License-Identifier: Apache-2.0
#include "expression/functions/go_format.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "base/bytes.hpp"
#include "base/text.hpp"
#include "expression/literal.hpp"

namespace compozy::expression {
namespace {

constexpr int64_t kPadMax = 10'000;

std::string printed(double value, std::chars_format format, int precision) {
  std::array<char, 1'100> buffer{};
  char* end = buffer.data() + buffer.size();
  const auto done = precision < 0 ? std::to_chars(buffer.data(), end, value, format)
                                  : std::to_chars(buffer.data(), end, value, format, std::min(precision, 700));
  return {buffer.data(), done.ptr};
}

// The kind of a value as Go names the type that holds it.
std::string_view go_kind(const json::Value& value) {
  switch (value.kind()) {
    case json::Kind::null: return "<nil>";
    case json::Kind::boolean: return "bool";
    case json::Kind::integer: return "int";
    case json::Kind::number: return "float64";
    case json::Kind::string: return "string";
    case json::Kind::array: return "[]interface {}";
    case json::Kind::object: return "map[string]interface {}";
  }
  return "";
}

struct Verb {
  bool minus = false, plus = false, sharp = false, space = false, zero = false;
  int64_t width = -1;
  int precision = -1;
  char letter = 0;
};

void pad(std::string& out, const Verb& verb, std::string text, bool number) {
  const auto size = static_cast<int64_t>(code_point_count(text));
  const auto missing = static_cast<size_t>(std::clamp(verb.width - size, int64_t{0}, kPadMax));
  if (missing == 0) {
    out += text;
  } else if (verb.minus) {
    out += text + std::string(missing, ' ');
  } else if (verb.zero && !number) {
    out += std::string(missing, '0') + text;
  } else if (verb.zero) {
    const size_t sign = !text.empty() && (text[0] == '-' || text[0] == '+') ? 1 : 0;
    out += text.substr(0, sign) + std::string(missing, '0') + text.substr(sign);
  } else {
    out += std::string(missing, ' ') + text;
  }
}

std::string radix(int64_t value, int base, const Verb& verb) {
  std::array<char, 72> buffer{};
  const auto done = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, base);
  std::string text(buffer.data(), done.ptr);
  if (verb.letter == 'X') text = to_upper(text);
  const size_t sign = text.starts_with('-') ? 1 : 0;
  if (verb.sharp && base == 16) text.insert(sign, verb.letter == 'X' ? "0X" : "0x");
  if ((verb.sharp && base == 8) || verb.letter == 'O') text.insert(sign, verb.letter == 'O' ? "0o" : "0");
  if (verb.sharp && base == 2) text.insert(sign, "0b");
  if (sign == 0 && verb.plus) text.insert(0, "+");
  if (sign == 0 && verb.space && !verb.plus) text.insert(0, " ");
  return text;
}

std::string shortened(const std::string& text, int precision) {
  if (precision < 0) return text;
  size_t at = 0;
  for (int i = 0; i < precision && at < text.size(); ++i) next_code_point(text, at);
  return text.substr(0, at);
}

bool format_integer(std::string& out, const Verb& verb, int64_t value) {
  switch (verb.letter) {
    case 'd': pad(out, verb, radix(value, 10, verb), true); return true;
    case 'x':
    case 'X': pad(out, verb, radix(value, 16, verb), true); return true;
    case 'o':
    case 'O': pad(out, verb, radix(value, 8, verb), true); return true;
    case 'b': pad(out, verb, radix(value, 2, verb), true); return true;
    case 'c':
    case 'q': {
      std::string text;
      append_utf8(text, static_cast<uint32_t>(value));
      pad(out, verb, verb.letter == 'q' ? '\'' + text + '\'' : text, false);
      return true;
    }
    case 'U': {
      std::string digits = to_upper(radix(value, 16, Verb{}));
      while (digits.size() < 4) digits.insert(0, "0");
      std::string shown = "U+" + digits;
      if (verb.sharp) {
        shown += " '";
        append_utf8(shown, static_cast<uint32_t>(value));
        shown += '\'';
      }
      pad(out, verb, std::move(shown), false);
      return true;
    }
    default: return false;
  }
}

// 0x1.8p+00
std::string hexadecimal(double value, const Verb& verb) {
  std::array<char, 64> buffer{};
  char* end = buffer.data() + buffer.size();
  const double size = std::abs(value);
  const auto done = verb.precision < 0
                        ? std::to_chars(buffer.data(), end, size, std::chars_format::hex)
                        : std::to_chars(buffer.data(), end, size, std::chars_format::hex, std::min(verb.precision, 30));
  std::string text(buffer.data(), done.ptr);
  if (const size_t mark = text.find('p'); mark != std::string::npos && text.size() - mark == 3)
    text.insert(mark + 2, "0");
  text = (std::signbit(value) ? "-0x" : "0x") + text;
  return verb.letter == 'X' ? to_upper(text) : text;
}

bool format_double(std::string& out, const Verb& verb, double value) {
  if (verb.letter == 'x' || verb.letter == 'X') {
    pad(out, verb, hexadecimal(value, verb), true);
    return true;
  }
  if (std::string_view("eEfFgG").find(verb.letter) == std::string_view::npos) return false;
  const bool exact = verb.letter != 'g' && verb.letter != 'G';
  std::string text = go_double(value, verb.letter, exact && verb.precision < 0 ? 6 : verb.precision);
  if (verb.plus && !text.starts_with('-')) text.insert(0, "+");
  if (verb.space && !verb.plus && !text.starts_with('-')) text.insert(0, " ");
  pad(out, verb, text, true);
  return true;
}

std::string hex_of(const std::string& value, const Verb& verb) {
  std::string out;
  for (const char c : value) {
    if (verb.space && !out.empty()) out += ' ';
    if (verb.sharp && (out.empty() || verb.space)) out += "0x";
    out += to_hex(std::string_view(&c, 1));
  }
  return verb.letter == 'X' ? to_upper(out) : out;
}

std::string quoted(const std::string& value, const Verb& verb) {
  if (verb.sharp && value.find('`') == std::string::npos) return '`' + value + '`';
  std::string text = go_quote(value);
  if (!verb.plus) return text;
  std::string out;  // what is not ASCII is escaped
  for (size_t at = 0; at < text.size();) {
    const uint32_t c = next_code_point(text, at);
    if (c < 0x80) {
      out += static_cast<char>(c);
      continue;
    }
    std::string digits = radix(c, 16, Verb{});
    const size_t width = c < 0x10000 ? 4 : 8;
    digits.insert(0, width - digits.size(), '0');
    out += (width == 4 ? "\\u" : "\\U") + digits;
  }
  return out;
}

bool format_text(std::string& out, const Verb& verb, const std::string& value) {
  switch (verb.letter) {
    case 's': pad(out, verb, shortened(value, verb.precision), false); return true;
    case 'q': pad(out, verb, quoted(shortened(value, verb.precision), verb), false); return true;
    case 'x':
    case 'X': pad(out, verb, hex_of(value, verb), false); return true;
    default: return false;
  }
}

void format_any(std::string& out, const Verb& verb, const json::Value& value) {
  if (verb.letter == 'v') {
    std::string text = value.is_null() ? "<nil>" : go_value(value);
    if (verb.sharp && value.is_string()) text = go_quote(value.as_string());
    if (verb.plus && value.is_number() && !text.starts_with('-')) text.insert(0, "+");
    return pad(out, verb, std::move(text), value.is_number());
  }
  if (verb.letter == 'T') return pad(out, verb, std::string(go_kind(value)), false);
  bool done = false;
  if (value.is_string()) done = format_text(out, verb, value.as_string());
  if (value.is_integer()) done = format_integer(out, verb, value.as_integer());
  if (value.kind() == json::Kind::number) {
    // A number that came in as JSON may be meant as a count: %d accepts an integral double.
    const double number = value.as_double();
    const bool integral = number == std::floor(number) && std::abs(number) < 9e15;
    done = format_double(out, verb, number) || (integral && format_integer(out, verb, static_cast<int64_t>(number)));
  }
  if (value.is_integer() && !done) done = format_double(out, verb, value.as_double());
  if (value.is_bool() && verb.letter == 't') {
    pad(out, verb, value.as_bool() ? "true" : "false", false);
    done = true;
  }
  if (value.is_array()) {  // each element by the verb
    out += '[';
    for (size_t i = 0; i < value.size(); ++i) {
      if (i > 0) out += ' ';
      format_any(out, verb, value.as_array()[i]);
    }
    out += ']';
    return;
  }
  if (value.is_object()) {
    out += "map[";
    bool first = true;
    for (const std::string_view name : value.as_object().sorted_names()) {
      if (!first) out += ' ';
      first = false;
      format_any(out, verb, json::Value(name));
      out += ':';
      format_any(out, verb, value[name]);
    }
    out += ']';
    return;
  }
  if (done) return;
  out += std::string("%!") + verb.letter + '(' + std::string(go_kind(value));
  if (!value.is_null()) {
    Verb plain = verb;  // width and precision hold for what could not be printed as well
    plain.letter = 'v';
    out += '=';
    format_any(out, plain, value);
  }
  out += ')';
}

class Formatter {
 public:
  Formatter(std::string_view format, Args args) : format_(format), args_(args) {}

  std::string run() {
    while (at_ < format_.size()) {
      const size_t percent = std::min(format_.find('%', at_), format_.size());
      out_ += format_.substr(at_, percent - at_);
      at_ = percent;
      if (at_ < format_.size()) directive();
    }
    if (!reordered_ && next_ < args_.size()) {
      out_ += "%!(EXTRA ";
      for (size_t i = next_; i < args_.size(); ++i) {
        if (i > next_) out_ += ", ";
        out_ += std::string(go_kind(args_[i]));
        if (!args_[i].is_null()) out_ += '=' + go_value(args_[i]);
      }
      out_ += ')';
    }
    return std::move(out_);
  }

 private:
  char peek() const { return at_ < format_.size() ? format_[at_] : '\0'; }

  int64_t count() {
    if (peek() == '*') {
      ++at_;
      return next_ < args_.size() ? std::clamp(args_[next_++].integer_or(-1), -kPadMax, kPadMax) : -1;
    }
    if (peek() < '0' || peek() > '9') return -1;
    int64_t value = 0;
    while (peek() >= '0' && peek() <= '9') value = std::min(value * 10 + (format_[at_++] - '0'), kPadMax);
    return value;
  }

  // "[2]": the argument that comes next, counted from 1.
  void take_index() {
    if (peek() != '[') return;
    reordered_ = true;
    const size_t close = format_.find(']', at_);
    int64_t index = 0;
    if (close == std::string_view::npos || !parse_int64(format_.substr(at_ + 1, close - at_ - 1), index) || index < 1 ||
        std::cmp_greater(index, args_.size())) {
      bad_index_ = true;
      at_ = close == std::string_view::npos ? at_ + 1 : close + 1;
      return;
    }
    next_ = static_cast<size_t>(index - 1);
    at_ = close + 1;
  }

  void directive() {
    Verb verb;
    ++at_;
    for (bool flags = true; flags;) {
      switch (peek()) {
        case '-': verb.minus = true; break;
        case '+': verb.plus = true; break;
        case '#': verb.sharp = true; break;
        case ' ': verb.space = true; break;
        case '0': verb.zero = true; break;
        default: flags = false;
      }
      if (flags) ++at_;
    }
    bad_index_ = false;
    take_index();
    verb.width = count();
    if (verb.width < -1) {  // a negative width from '*' aligns to the left
      verb.minus = true;
      verb.width = -verb.width;
    }
    if (peek() == '.') {
      ++at_;
      take_index();
      verb.precision = static_cast<int>(std::max(count(), int64_t{0}));
    }
    take_index();
    if (at_ >= format_.size()) {
      out_ += "%!(NOVERB)";
      return;
    }
    verb.letter = format_[at_++];
    if (verb.letter == '%') {
      out_ += '%';
    } else if (bad_index_) {
      out_ += std::string("%!") + verb.letter + "(BADINDEX)";
    } else if (next_ >= args_.size()) {
      out_ += std::string("%!") + verb.letter + "(MISSING)";
    } else {
      format_any(out_, verb, args_[next_++]);
    }
  }

  std::string_view format_;
  Args args_;
  size_t at_ = 0;
  size_t next_ = 0;
  bool reordered_ = false;  // indexes were used: arguments left over are no mistake
  bool bad_index_ = false;
  std::string out_;
};

}  // namespace

std::string go_double(double value, char verb, int precision) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  const bool upper = verb == 'E' || verb == 'G';
  std::string text;
  if (verb == 'f' || verb == 'F') {
    text = printed(value, std::chars_format::fixed, precision);
  } else if (verb == 'e' || verb == 'E') {
    text = printed(value, std::chars_format::scientific, precision);
  } else if (precision >= 0) {
    text = printed(value, std::chars_format::general, precision);
  } else {
    // The shortest digits; an exponent below -4 or from 6 on, as strconv has it for %v.
    text = printed(value, std::chars_format::scientific, -1);
    int exponent = 0;
    const size_t mark = text.find('e');
    const char* start = text.data() + mark + (text[mark + 1] == '+' ? 2 : 1);
    std::from_chars(start, text.data() + text.size(), exponent);
    if (exponent >= -4 && exponent < 6) text = printed(value, std::chars_format::fixed, -1);
  }
  return upper ? to_upper(text) : text;
}

std::string go_quote(std::string_view text) {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string out = "\"";
  for (char c : text) {
    switch (c) {
      case '"': out += "\\\""; break;
      case '\\': out += "\\\\"; break;
      case '\n': out += "\\n"; break;
      case '\t': out += "\\t"; break;
      case '\r': out += "\\r"; break;
      case '\a': out += "\\a"; break;
      case '\b': out += "\\b"; break;
      case '\f': out += "\\f"; break;
      case '\v': out += "\\v"; break;
      default:
        if ((c >= 0 && c < ' ') || c == '\x7F') {
          out += "\\x";
          out += kHex[static_cast<uint8_t>(c) >> 4];
          out += kHex[static_cast<uint8_t>(c) & 15];
        } else {
          out += c;
        }
    }
  }
  return out + '"';
}

void append_go_value(std::string& out, const json::Value& value) {
  switch (value.kind()) {
    case json::Kind::null: out += "<no value>"; return;
    case json::Kind::boolean: out += value.as_bool() ? "true" : "false"; return;
    case json::Kind::integer: out += std::to_string(value.as_integer()); return;
    case json::Kind::number: out += go_double(value.as_double(), 'g', -1); return;
    case json::Kind::string: out += value.as_string(); return;
    case json::Kind::array: {
      out += '[';
      for (size_t i = 0; i < value.size(); ++i) {
        if (i > 0) out += ' ';
        const json::Value& item = value.as_array()[i];
        item.is_null() ? out.append("<nil>") : (append_go_value(out, item), out);
      }
      out += ']';
      return;
    }
    case json::Kind::object: {
      out += "map[";
      bool first = true;
      for (std::string_view name : value.as_object().sorted_names()) {
        if (!first) out += ' ';
        first = false;
        out.append(name).append(":");
        value[name].is_null() ? out.append("<nil>") : (append_go_value(out, value[name]), out);
      }
      out += ']';
      return;
    }
  }
}

std::string go_value(const json::Value& value) {
  std::string out;
  append_go_value(out, value);
  return out;
}

std::string go_sprint(Args args, bool line) {
  std::string out;
  for (size_t i = 0; i < args.size(); ++i) {
    const bool gap = i > 0 && (line || (!args[i].is_string() && !args[i - 1].is_string()));
    if (gap) out += ' ';
    args[i].is_null() ? out.append("<nil>") : (append_go_value(out, args[i]), out);
  }
  if (line) out += '\n';
  return out;
}

std::string go_sprintf(std::string_view format, Args args) { return Formatter(format, args).run(); }

}  // namespace compozy::expression
