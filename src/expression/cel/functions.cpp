// SPDX-License-Identifier: Apache-2.0
//
// CEL's operators and standard functions (github.com/google/cel-spec, doc/langdef.md "List of Standard Definitions").
#include <re2/re2.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "base/text.hpp"
#include "expression/cel/node.hpp"
#include "expression/functions/calendar.hpp"
#include "expression/functions/go_format.hpp"
#include "expression/literal.hpp"
#include "expression/secret.hpp"

namespace compozy::expression {
namespace {

using Values = std::span<const CelValue>;
using json::Value;

enum class Form : uint8_t { free, member, both };  // f(a, b), a.f(b)

struct CelFunction {
  std::string_view name;
  size_t min_args;
  size_t max_args;
  Result<CelValue> (*call)(std::string_view name, Values args);
  Form form = Form::free;
};

constexpr int64_t kNsPerSecond = 1'000'000'000;

template <class T>
const T* as(const CelValue& value) {
  return std::get_if<T>(&value.data);
}
CelValue of(Value value) { return {std::move(value)}; }

Failure no_overload(std::string_view name, Values args) {
  std::string kinds;
  for (const CelValue& arg : args) kinds += (kinds.empty() ? "" : ", ") + cel_type_name(arg);
  std::string message = "'" + std::string(name) + "' does not apply to (" + kinds + ")";
  const auto is_mix = [](const CelValue& a, const CelValue& b) {
    return cel_type_name(a) == "int" && cel_type_name(b) == "double";
  };
  if (args.size() == 2 && (is_mix(args[0], args[1]) || is_mix(args[1], args[0]))) {
    message += "; convert one with int() or double()";
  }
  return fail(Errc::type_mismatch, std::move(message));
}

Failure overflow() { return fail(Errc::invalid_argument, "the result does not fit 64 bits"); }

// + - * / % of two values of one numeric kind.
template <class Integer>
Result<Integer> integers(char op, Integer a, Integer b) {
  Integer out = 0;
  switch (op) {
    case '+':
      if (__builtin_add_overflow(a, b, &out)) return overflow();
      return out;
    case '-':
      if (__builtin_sub_overflow(a, b, &out)) return overflow();
      return out;
    case '*':
      if (__builtin_mul_overflow(a, b, &out)) return overflow();
      return out;
    default: break;
  }
  if (b == 0) return fail(Errc::invalid_argument, op == '/' ? "division by zero" : "modulus by zero");
  if (std::is_signed_v<Integer> && b == static_cast<Integer>(-1)) {
    if (op == '%') return Integer{0};
    if (__builtin_sub_overflow(Integer{0}, a, &out)) return overflow();
    return out;
  }
  return op == '/' ? a / b : a % b;
}

Result<CelValue> times(char op, const CelValue& a, const CelValue& b, std::string_view name, Values args) {
  const auto* a_time = as<CelTime>(a);
  const auto* b_time = as<CelTime>(b);
  const auto* a_span = as<CelDuration>(a);
  const auto* b_span = as<CelDuration>(b);
  if (a_time != nullptr && b_span != nullptr) {
    TRY(int64_t ns, integers(op, a_time->ns, b_span->ns));
    return CelValue(CelTime{ns});
  }
  if (op == '+' && a_span != nullptr && b_time != nullptr) {
    TRY(int64_t ns, integers(op, a_span->ns, b_time->ns));
    return CelValue(CelTime{ns});
  }
  if (op == '-' && a_time != nullptr && b_time != nullptr) {
    TRY(int64_t ns, integers(op, a_time->ns, b_time->ns));
    return CelValue(CelDuration{ns});
  }
  if (a_span != nullptr && b_span != nullptr) {
    TRY(int64_t ns, integers(op, a_span->ns, b_span->ns));
    return CelValue(CelDuration{ns});
  }
  return no_overload(name, args);
}

Result<CelValue> concatenate(std::string_view name, Values args) {
  const CelValue& a = args[0];
  const CelValue& b = args[1];
  if (a.is_text() && b.is_text()) return of(a.text() + b.text());
  if (as<CelBytes>(a) != nullptr && as<CelBytes>(b) != nullptr) {
    return CelValue(CelBytes{as<CelBytes>(a)->bytes + as<CelBytes>(b)->bytes});
  }
  if (is_cel_list(a) && is_cel_list(b)) {
    std::vector<CelValue> out = cel_elements(a);
    std::ranges::copy(cel_elements(b), std::back_inserter(out));
    return CelValue(std::make_shared<const std::vector<CelValue>>(std::move(out)));
  }
  return times('+', a, b, name, args);
}

Result<CelValue> arithmetic(std::string_view name, Values args) {
  const CelValue& a = args[0];
  const CelValue& b = args[1];
  const char op = name[0];
  if (a.is_integer() && b.is_integer()) {
    TRY(int64_t out, integers(op, a.json()->as_integer(), b.json()->as_integer()));
    return of(out);
  }
  if (as<CelUint>(a) != nullptr && as<CelUint>(b) != nullptr) {
    TRY(uint64_t out, integers(op, as<CelUint>(a)->value, as<CelUint>(b)->value));
    return CelValue(CelUint{out});
  }
  const auto is_double = [](const CelValue& v) {
    return v.json() != nullptr && v.json()->kind() == json::Kind::number;
  };
  if (is_double(a) && is_double(b) && op != '%') {
    const double x = a.json()->as_double();
    const double y = b.json()->as_double();
    return of(op == '+' ? x + y : op == '-' ? x - y : op == '*' ? x * y : x / y);  // 1.0 / 0.0 is infinite
  }
  if (op == '+') return concatenate(name, args);
  if (op == '-') return times('-', a, b, name, args);
  return no_overload(name, args);
}

Result<CelValue> equality(std::string_view name, Values args) {
  return of(cel_equal(args[0], args[1]) == (name == "=="));
}

Result<CelValue> ordering(std::string_view name, Values args) {
  auto order = cel_compare(args[0], args[1]);
  if (!order) return no_overload(name, args);
  if (name == "<") return of(*order < 0);
  if (name == "<=") return of(*order <= 0);
  if (name == ">") return of(*order > 0);
  return of(*order >= 0);
}

Result<CelValue> membership(std::string_view name, Values args) {
  if (is_cel_list(args[1])) {
    return of(
        std::ranges::any_of(cel_elements(args[1]), [&](const CelValue& item) { return cel_equal(item, args[0]); }));
  }
  if (is_cel_map(args[1])) return of(cel_member(args[1], args[0]).has_value());
  return no_overload(name, args);
}

Result<CelValue> negation(std::string_view name, Values args) {
  if (name == "!" && args[0].is_bool()) return of(!args[0].json()->as_bool());
  if (name == "!") return no_overload(name, args);
  if (args[0].is_integer()) {
    TRY(int64_t out, integers('-', int64_t{0}, args[0].json()->as_integer()));
    return of(out);
  }
  if (args[0].json() != nullptr && args[0].json()->is_number()) return of(-args[0].json()->as_double());
  return no_overload("-", args);
}

Result<CelValue> size(std::string_view name, Values args) {
  if (args[0].is_text()) return of(code_point_count(args[0].text()));
  if (as<CelBytes>(args[0]) != nullptr) return of(as<CelBytes>(args[0])->bytes.size());
  if (const auto* list = as<CelList>(args[0])) return of((*list)->size());
  if (const auto* map = as<CelMap>(args[0])) return of((*map)->size());
  if (is_cel_list(args[0]) || is_cel_map(args[0])) return of(args[0].json()->size());
  return no_overload(name, args);
}

Result<CelValue> text_test(std::string_view name, Values args) {
  if (!args[0].is_text() || !args[1].is_text()) return no_overload(name, args);
  const std::string& text = args[0].text();
  const std::string& part = args[1].text();
  if (name == "contains") return of(text.find(part) != std::string::npos);
  if (name == "startsWith") return of(text.starts_with(part));
  if (name == "endsWith") return of(text.ends_with(part));
  re2::RE2::Options options;
  options.set_log_errors(false);
  const re2::RE2 regex(part, options);
  if (!regex.ok()) return fail(Errc::parse_error, "bad regular expression: " + regex.error());
  return of(re2::RE2::PartialMatch(text, regex));
}

Failure bad_conversion(std::string_view name, const CelValue& value) {
  return fail(Errc::invalid_argument,
              "cannot convert " + go_quote(shorten(go_value(cel_to_json(value)), 40)) + " to " + std::string(name));
}

Result<CelValue> to_int(std::string_view name, Values args) {
  const CelValue& value = args[0];
  if (value.is_integer()) return value;
  if (const auto* number = as<CelUint>(value)) {
    if (number->value > static_cast<uint64_t>(INT64_MAX)) return overflow();
    return of(number->value);
  }
  if (const auto* time = as<CelTime>(value)) return of(time->ns / kNsPerSecond);
  if (value.is_text()) {
    int64_t out = 0;
    if (!parse_int64(value.text(), out)) return bad_conversion(name, value);
    return of(out);
  }
  if (value.json() == nullptr || !value.json()->is_number()) return no_overload(name, args);
  if (!(std::abs(value.json()->as_double()) < 9.2e18)) return overflow();
  return of(static_cast<int64_t>(value.json()->as_double()));
}

Result<CelValue> to_uint(std::string_view name, Values args) {
  if (as<CelUint>(args[0]) != nullptr) return args[0];
  TRY(CelValue integer, to_int(name, args));
  if (integer.json()->as_integer() < 0) return bad_conversion(name, args[0]);
  return CelValue(CelUint{static_cast<uint64_t>(integer.json()->as_integer())});
}

Result<CelValue> to_double(std::string_view name, Values args) {
  const CelValue& value = args[0];
  if (const auto* number = as<CelUint>(value)) return of(static_cast<double>(number->value));
  if (value.is_text()) {
    double out = 0;
    if (!parse_double(value.text(), out)) return bad_conversion(name, value);
    return of(out);
  }
  if (value.json() == nullptr || !value.json()->is_number()) return no_overload(name, args);
  return of(value.json()->as_double());
}

Result<CelValue> to_text(std::string_view name, Values args) {
  const CelValue& value = args[0];
  if (const auto* bytes = as<CelBytes>(value)) {
    if (!is_valid_utf8(bytes->bytes)) return fail(Errc::invalid_argument, "the bytes are not UTF-8");
    return of(without_secret_marks(std::string_view(bytes->bytes)));
  }
  if (is_cel_list(value) || is_cel_map(value) || value.is_null()) return no_overload(name, args);
  const Value plain = cel_to_json(value);
  return of(plain.is_string() ? plain.as_string() : go_value(plain));
}

Result<CelValue> to_bool(std::string_view name, Values args) {
  const CelValue& value = args[0];
  if (value.is_bool()) return value;
  if (!value.is_text()) return no_overload(name, args);
  const std::string& text = value.text();
  constexpr std::array<std::string_view, 6> kTrue{"1", "t", "T", "true", "TRUE", "True"};
  constexpr std::array<std::string_view, 6> kFalse{"0", "f", "F", "false", "FALSE", "False"};
  if (std::ranges::find(kTrue, text) != kTrue.end()) return of(true);
  if (std::ranges::find(kFalse, text) != kFalse.end()) return of(false);
  return bad_conversion(name, value);
}

Result<CelValue> to_bytes(std::string_view name, Values args) {
  if (as<CelBytes>(args[0]) != nullptr) return args[0];
  if (!args[0].is_text()) return no_overload(name, args);
  return CelValue(CelBytes{args[0].text()});
}

Result<CelValue> to_duration(std::string_view name, Values args) {
  if (as<CelDuration>(args[0]) != nullptr) return args[0];
  if (!args[0].is_text()) return no_overload(name, args);
  if (args[0].text().find('d') != std::string::npos) return bad_conversion(name, args[0]);  // Go's units end at hours
  TRY(int64_t ns, parse_go_duration_ns(args[0].text()));
  return CelValue(CelDuration{ns});
}

Result<CelValue> to_timestamp(std::string_view name, Values args) {
  if (as<CelTime>(args[0]) != nullptr) return args[0];
  int64_t wall_ms = 0;
  if (args[0].is_text()) {
    TRY(wall_ms, parse_rfc3339(args[0].text()));
  } else if (args[0].is_integer()) {
    TRY(wall_ms, integers('*', args[0].json()->as_integer(), int64_t{1'000}));
  } else {
    return no_overload(name, args);
  }
  TRY(int64_t ns, integers('*', wall_ms, int64_t{1'000'000}));
  return CelValue(CelTime{ns});
}

Result<CelValue> type_of(std::string_view, Values args) { return CelValue(CelType{cel_type_name(args[0])}); }
Result<CelValue> dyn(std::string_view, Values args) { return args[0]; }

Result<CelValue> duration_part(std::string_view name, Values args) {
  const int64_t ns = as<CelDuration>(args[0])->ns;
  if (name == "getHours") return of(ns / (3600 * kNsPerSecond));
  if (name == "getMinutes") return of(ns / (60 * kNsPerSecond));
  if (name == "getSeconds") return of(ns / kNsPerSecond);
  if (name == "getMilliseconds") return of(ns / 1'000'000);  // all of it, as cel-go counts
  return no_overload(name, args);
}

Result<CelValue> time_part(std::string_view name, Values args) {
  if (as<CelDuration>(args[0]) != nullptr && args.size() == 1) return duration_part(name, args);
  const auto* time = as<CelTime>(args[0]);
  if (time == nullptr || (args.size() > 1 && !args[1].is_text())) return no_overload(name, args);
  TRY(CivilTime t, civil_time(time->ns / 1'000'000, args.size() > 1 ? std::string_view(args[1].text()) : "UTC"));
  if (name == "getFullYear") return of(t.year);
  if (name == "getMonth") return of(t.month - 1);
  if (name == "getDate") return of(t.day);
  if (name == "getDayOfMonth") return of(t.day - 1);
  if (name == "getDayOfWeek") return of(t.weekday);
  if (name == "getDayOfYear") return of(t.year_day - 1);
  if (name == "getHours") return of(t.hour);
  if (name == "getMinutes") return of(t.minute);
  if (name == "getSeconds") return of(t.second);
  return of(t.millisecond);
}

constexpr std::array kFunctions{
    CelFunction{"+", 2, 2, arithmetic},
    CelFunction{"-", 2, 2, arithmetic},
    CelFunction{"*", 2, 2, arithmetic},
    CelFunction{"/", 2, 2, arithmetic},
    CelFunction{"%", 2, 2, arithmetic},
    CelFunction{"==", 2, 2, equality},
    CelFunction{"!=", 2, 2, equality},
    CelFunction{"<", 2, 2, ordering},
    CelFunction{"<=", 2, 2, ordering},
    CelFunction{">", 2, 2, ordering},
    CelFunction{">=", 2, 2, ordering},
    CelFunction{"in", 2, 2, membership},
    CelFunction{"!", 1, 1, negation},
    CelFunction{"negate", 1, 1, negation},
    CelFunction{"size", 1, 1, size, Form::both},
    CelFunction{"contains", 2, 2, text_test, Form::member},
    CelFunction{"startsWith", 2, 2, text_test, Form::member},
    CelFunction{"endsWith", 2, 2, text_test, Form::member},
    CelFunction{"matches", 2, 2, text_test, Form::both},
    CelFunction{"int", 1, 1, to_int},
    CelFunction{"uint", 1, 1, to_uint},
    CelFunction{"double", 1, 1, to_double},
    CelFunction{"string", 1, 1, to_text},
    CelFunction{"bool", 1, 1, to_bool},
    CelFunction{"bytes", 1, 1, to_bytes},
    CelFunction{"duration", 1, 1, to_duration},
    CelFunction{"timestamp", 1, 1, to_timestamp},
    CelFunction{"type", 1, 1, type_of},
    CelFunction{"dyn", 1, 1, dyn},
    CelFunction{"getFullYear", 1, 2, time_part, Form::member},
    CelFunction{"getMonth", 1, 2, time_part, Form::member},
    CelFunction{"getDate", 1, 2, time_part, Form::member},
    CelFunction{"getDayOfMonth", 1, 2, time_part, Form::member},
    CelFunction{"getDayOfWeek", 1, 2, time_part, Form::member},
    CelFunction{"getDayOfYear", 1, 2, time_part, Form::member},
    CelFunction{"getHours", 1, 2, time_part, Form::member},
    CelFunction{"getMinutes", 1, 2, time_part, Form::member},
    CelFunction{"getSeconds", 1, 2, time_part, Form::member},
    CelFunction{"getMilliseconds", 1, 2, time_part, Form::member},
};

const CelFunction* find(std::string_view name) {
  const auto* found = std::ranges::find(kFunctions, name, &CelFunction::name);
  return found == kFunctions.end() ? nullptr : found;
}

}  // namespace

bool cel_function_exists(std::string_view name) {
  return find(name) != nullptr && ((name[0] >= 'a' && name[0] <= 'z') && name != "in" && name != "negate");
}

std::span<const std::string_view> cel_function_names() {
  static const std::vector<std::string_view> names = [] {
    std::vector<std::string_view> out;
    for (const CelFunction& row : kFunctions) {
      if (cel_function_exists(row.name)) out.push_back(row.name);
    }
    return out;
  }();
  return names;
}

Result<CelValue> call_cel(std::string_view name, bool is_member, Values args, size_t output_max) {
  const CelFunction& function = *find(name);
  if (function.form != Form::both && (function.form == Form::member) != is_member) {
    return fail(Errc::invalid_argument,
                is_member ? "'" + std::string(name) + "' is called as " + std::string(name) + "(x)"
                          : "'" + std::string(name) + "' is called as x." + std::string(name) + "(…)");
  }
  if (args.size() < function.min_args || args.size() > function.max_args) {
    const size_t given = args.size() - (is_member ? 1 : 0);
    return fail(Errc::invalid_argument,
                "'" + std::string(name) + "' does not take " + std::to_string(given) + " argument(s)");
  }
  // Concatenating keeps a secret whole; every other function would tell something about it.
  const bool keeps = name == "+" || name == "dyn" || name == "type";
  if (!keeps && std::ranges::any_of(args, cel_holds_secret)) {
    return fail(Errc::permission_denied,
                "'" + std::string(name) + "' would look inside a secret; a value of env may only be passed on whole");
  }
  TRY(CelValue out, function.call(name, args));
  if (out.is_text() && out.text().size() > output_max) {
    return fail(Errc::too_large, "the text grows beyond " + std::to_string(output_max) + " bytes");
  }
  return out;
}

}  // namespace compozy::expression
