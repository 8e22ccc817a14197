// SPDX-License-Identifier: Apache-2.0
//
// The predefined functions of text/template, and Sprig's defaults. `and` and `or` are evaluated by template_run.cpp.
#include <algorithm>
#include <array>

#include "base/article.hpp"
#include "expression/functions/function.hpp"
#include "expression/functions/go_format.hpp"
#include "expression/secret.hpp"

namespace compozy::expression {
namespace {

using json::Value;

std::string kind_of(const Value& value) { return std::string(json::kind_name(value.kind())); }

Result<bool> equal(const Value& a, const Value& b) {
  const bool same_family = a.kind() == b.kind() || (a.is_number() && b.is_number());
  if (!same_family && !a.is_null() && !b.is_null()) {
    return fail(Errc::type_mismatch,
                "cannot compare " + with_article(kind_of(a)) + " with " + with_article(kind_of(b)));
  }
  return a == b;
}

Result<bool> less(const Value& a, const Value& b) {
  if (a.is_number() && b.is_number()) {
    if (a.is_integer() && b.is_integer()) return a.as_integer() < b.as_integer();
    return a.as_double() < b.as_double();
  }
  if (a.is_string() && b.is_string()) return a.as_string() < b.as_string();
  return fail(Errc::type_mismatch, "cannot order " + with_article(kind_of(a)) + " and " + with_article(kind_of(b)));
}

Result<Value> eq(CallScope&, Args args) {
  for (size_t i = 1; i < args.size(); ++i) {
    TRY(bool same, equal(args[0], args[i]));
    if (same) return Value(true);
  }
  return Value(false);
}
Result<Value> ne(CallScope&, Args args) {
  TRY(bool same, equal(args[0], args[1]));
  return Value(!same);
}
Result<Value> lt(CallScope&, Args args) {
  TRY(bool is_less, less(args[0], args[1]));
  return Value(is_less);
}
Result<Value> gt(CallScope&, Args args) {
  TRY(bool is_less, less(args[1], args[0]));
  return Value(is_less);
}
Result<Value> le(CallScope&, Args args) {
  TRY(bool is_less, less(args[1], args[0]));
  return Value(!is_less);
}
Result<Value> ge(CallScope&, Args args) {
  TRY(bool is_less, less(args[0], args[1]));
  return Value(!is_less);
}
Result<Value> logical_not(CallScope&, Args args) { return Value(!is_truthy(args[0])); }

// Never called: short-circuited by the runner. A row makes the name known.
Result<Value> short_circuited(CallScope&, Args args) { return args.empty() ? Value() : args.back(); }

Result<Value> len(CallScope&, Args args) {
  if (args[0].is_string() || args[0].is_array() || args[0].is_object()) return Value(args[0].size());
  return fail(Errc::type_mismatch, with_article(kind_of(args[0])) + " has no length");
}

Result<Value> index(CallScope&, Args args) {
  Value item = args[0];
  for (size_t i = 1; i < args.size(); ++i) {
    const Value& key = args[i];
    if (item.is_object()) {
      if (!key.is_string())
        return fail(Errc::type_mismatch, "a map is indexed by a text, not by " + with_article(kind_of(key)));
      item = Value(item[key.as_string()]);  // as in Go, a key that is not there gives the empty value
      continue;
    }
    if (!item.is_array() && !item.is_string()) {
      return fail(Errc::type_mismatch, "cannot index " + with_article(kind_of(item)));
    }
    if (!key.is_number())
      return fail(Errc::type_mismatch, "a list is indexed by an integer, not by " + with_article(kind_of(key)));
    const int64_t at = key.integer_or(-1);
    if (at < 0 || at >= static_cast<int64_t>(item.size())) {
      return fail(Errc::invalid_argument, "index " + go_value(key) + " is out of range: there are " +
                                              std::to_string(item.size()) + " elements");
    }
    const auto slot = static_cast<size_t>(at);
    item = item.is_array() ? Value(item.as_array()[slot]) : Value(static_cast<uint8_t>(item.as_string()[slot]));
  }
  return item;
}

Result<Value> slice(CallScope&, Args args) {
  const Value& item = args[0];
  if (!item.is_string() && !item.is_array())
    return fail(Errc::type_mismatch, "cannot slice " + with_article(kind_of(item)));
  const auto size = static_cast<int64_t>(item.size());
  const int64_t from = args.size() > 1 ? args[1].integer_or(-1) : 0;
  const int64_t to = args.size() > 2 ? args[2].integer_or(-1) : size;
  if (from < 0 || to > size || from > to) {
    return fail(Errc::invalid_argument, "the range " + std::to_string(from) + ".." + std::to_string(to) +
                                            " is outside 0.." + std::to_string(size));
  }
  if (item.is_string())
    return Value(item.as_string().substr(static_cast<size_t>(from), static_cast<size_t>(to - from)));
  return Value(json::Array(item.as_array().begin() + from, item.as_array().begin() + to));
}

Result<Value> print(CallScope&, Args args) { return Value(go_sprint(args, false)); }
Result<Value> println(CallScope&, Args args) { return Value(go_sprint(args, true)); }
Result<Value> printf(CallScope& scope, Args args) {
  if (!args[0].is_string()) return fail(Errc::type_mismatch, "the format must be a text");
  const std::string& format = args[0].as_string();
  if (std::ranges::any_of(args, [](const Value& arg) { return contains_secret(arg); })) {
    // Widths and precisions count characters, %q and %x read them: only whole values may be secrets.
    for (size_t at = format.find('%'); at != std::string::npos; at = format.find('%', at + 2)) {
      if (at + 1 < format.size() && std::string_view("sv%").find(format[at + 1]) != std::string_view::npos) continue;
      return fail(Errc::permission_denied, "a value of .env may only be formatted with a plain %s or %v");
    }
  }
  std::string text = go_sprintf(format, args.subspan(1));
  TRY(check_room(scope, text.size()));
  return Value(std::move(text));
}

std::string escape_html(const std::string& text) {
  std::string out;
  for (char c : text) {
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&#34;"; break;
      case '\'': out += "&#39;"; break;
      case '\0': out += "\xEF\xBF\xBD"; break;
      default: out += c;
    }
  }
  return out;
}
Result<Value> html(CallScope&, Args args) { return Value(escape_html(go_sprint(args, false))); }

Result<Value> js(CallScope&, Args args) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string out;
  for (char c : go_sprint(args, false)) {
    switch (c) {
      case '\\': out += "\\\\"; break;
      case '\'': out += "\\'"; break;
      case '"': out += "\\\""; break;
      case '<': out += "\\u003C"; break;
      case '>': out += "\\u003E"; break;
      case '&': out += "\\u0026"; break;
      case '=': out += "\\u003D"; break;
      default:
        if (c >= 0 && c < ' ') {
          out += "\\u00";
          out += kHex[static_cast<uint8_t>(c) >> 4];
          out += kHex[static_cast<uint8_t>(c) & 15];
        } else {
          out += c;
        }
    }
  }
  return Value(std::move(out));
}

Result<Value> urlquery(CallScope&, Args args) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  constexpr std::string_view kSafe = "-_.~";
  std::string out;
  for (char c : go_sprint(args, false)) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (letter || kSafe.find(c) != std::string_view::npos) {
      out += c;
    } else if (c == ' ') {
      out += '+';
    } else {
      out += '%';
      out += kHex[static_cast<uint8_t>(c) >> 4];
      out += kHex[static_cast<uint8_t>(c) & 15];
    }
  }
  return Value(std::move(out));
}

Result<Value> default_value(CallScope&, Args args) { return args.size() > 1 && is_truthy(args[1]) ? args[1] : args[0]; }
Result<Value> empty(CallScope&, Args args) { return Value(!is_truthy(args[0])); }
Result<Value> coalesce(CallScope&, Args args) {
  for (const Value& arg : args) {
    if (is_truthy(arg)) return arg;
  }
  return Value();
}
Result<Value> all(CallScope&, Args args) {
  for (const Value& arg : args) {
    if (!is_truthy(arg)) return Value(false);
  }
  return Value(true);
}
Result<Value> any(CallScope&, Args args) {
  for (const Value& arg : args) {
    if (is_truthy(arg)) return Value(true);
  }
  return Value(false);
}
Result<Value> ternary(CallScope&, Args args) {
  if (!args[2].is_bool() && !args[2].is_null())
    return fail(Errc::type_mismatch,
                "ternary chooses by true or false, not by " + with_article(json::kind_name(args[2].kind())));
  return is_truthy(args[2]) ? args[0] : args[1];
}
Result<Value> fail_with(CallScope&, Args args) { return fail(Errc::task_failed, go_value(args[0])); }

constexpr uint8_t kLenientOpaque = kLenient | kOpaque;
constexpr std::array kFunctions{
    Function{"eq", 2, kAnyNumber, eq, kElements},
    Function{"ne", 2, 2, ne, kElements},
    Function{"lt", 2, 2, lt},
    Function{"le", 2, 2, le},
    Function{"gt", 2, 2, gt},
    Function{"ge", 2, 2, ge},
    Function{"not", 1, 1, logical_not, kLenientOpaque | kPart},
    Function{"and", 1, kAnyNumber, short_circuited, kLenientOpaque | kPart},
    Function{"or", 1, kAnyNumber, short_circuited, kLenientOpaque | kPart},
    Function{"len", 1, 1, len, kPart},
    Function{"index", 1, kAnyNumber, index, kPart},
    Function{"slice", 1, 3, slice},
    Function{"mustSlice", 1, 3, slice},
    Function{"print", 0, kAnyNumber, print, kOpaque},
    Function{"println", 0, kAnyNumber, println, kOpaque},
    Function{"printf", 1, kAnyNumber, printf, kOpaque},
    Function{"html", 0, kAnyNumber, html},
    Function{"htmlEscape", 1, 1, html},
    Function{"htmlAttrEscape", 1, 1, html},
    Function{"js", 0, kAnyNumber, js},
    Function{"jsEscape", 1, 1, js},
    Function{"urlquery", 0, kAnyNumber, urlquery},
    Function{"default", 1, 2, default_value, kLenientOpaque | kPart},
    Function{"empty", 1, 1, empty, kLenientOpaque | kPart},
    Function{"coalesce", 0, kAnyNumber, coalesce, kLenientOpaque | kPart},
    Function{"all", 0, kAnyNumber, all, kLenientOpaque | kPart},
    Function{"any", 0, kAnyNumber, any, kLenientOpaque | kPart},
    Function{"ternary", 3, 3, ternary, kLenientOpaque | kPart},
    Function{"fail", 1, 1, fail_with},
};

}  // namespace

std::span<const Function> basic_functions() { return kFunctions; }

}  // namespace compozy::expression
