// SPDX-License-Identifier: Apache-2.0
//
// Sprig's arithmetic (masterminds.github.io/sprig/math.html). The plain names compute with integers and drop fractions
// on the way in, as Sprig does: `add 1.5 1` is 2. The names in f compute with fractions.
#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "base/text.hpp"
#include "expression/functions/function.hpp"
#include "expression/functions/go_format.hpp"
#include "expression/literal.hpp"

namespace compozy::expression {
namespace {

using json::Value;

Value number_value(double number) { return number; }

// Folds integers. Overflow is an error, where Go would go round.
template <class On>
Result<Value> fold(Args args, On on) {
  int64_t total = 0;
  if (!args.empty()) {
    TRY(total, integer_argument(args[0]));
    for (const Value& arg : args.subspan(1)) {
      TRY(int64_t next, integer_argument(arg));
      if (on(total, next, &total)) return fail(Errc::invalid_argument, "the result does not fit 64 bits");
    }
  }
  return Value(total);
}

Result<Value> add(CallScope&, Args args) {
  return fold(args, [](int64_t a, int64_t b, int64_t* out) { return __builtin_add_overflow(a, b, out); });
}
Result<Value> add1(CallScope& scope, Args args) {
  const std::array both{args[0], Value(1)};
  return add(scope, both);
}
Result<Value> sub(CallScope&, Args args) {
  return fold(args, [](int64_t a, int64_t b, int64_t* out) { return __builtin_sub_overflow(a, b, out); });
}
Result<Value> mul(CallScope&, Args args) {
  return fold(args, [](int64_t a, int64_t b, int64_t* out) { return __builtin_mul_overflow(a, b, out); });
}
Result<Value> max(CallScope&, Args args) {
  return fold(args, [](int64_t a, int64_t b, int64_t* out) { return *out = std::max(a, b), false; });
}
Result<Value> min(CallScope&, Args args) {
  return fold(args, [](int64_t a, int64_t b, int64_t* out) { return *out = std::min(a, b), false; });
}

Result<Value> div(CallScope&, Args args) {
  TRY(int64_t a, integer_argument(args[0]));
  TRY(int64_t b, integer_argument(args[1]));
  if (b == 0) return fail(Errc::invalid_argument, "cannot divide by zero");
  if (a == INT64_MIN && b == -1) return fail(Errc::invalid_argument, "the result does not fit 64 bits");
  return Value(a / b);
}
Result<Value> mod(CallScope&, Args args) {
  TRY(int64_t a, integer_argument(args[0]));
  TRY(int64_t b, integer_argument(args[1]));
  if (b == 0) return fail(Errc::invalid_argument, "cannot divide by zero");
  return Value(b == -1 ? 0 : a % b);
}

template <class On>
Result<Value> fold_doubles(Args args, On on) {
  TRY(double total, number_argument(args[0]));
  for (const Value& arg : args.subspan(1)) {
    TRY(double next, number_argument(arg));
    total = on(total, next);
  }
  return number_value(total);
}
Result<Value> addf(CallScope&, Args args) {
  return fold_doubles(args, [](double a, double b) { return a + b; });
}
Result<Value> add1f(CallScope&, Args args) {
  TRY(double number, number_argument(args[0]));
  return number_value(number + 1);
}
Result<Value> subf(CallScope&, Args args) {
  return fold_doubles(args, [](double a, double b) { return a - b; });
}
Result<Value> mulf(CallScope&, Args args) {
  return fold_doubles(args, [](double a, double b) { return a * b; });
}
Result<Value> divf(CallScope&, Args args) {
  TRY(Value out, fold_doubles(args, [](double a, double b) { return a / b; }));
  if (!std::isfinite(out.as_double())) return fail(Errc::invalid_argument, "cannot divide by zero");
  return out;
}
Result<Value> maxf(CallScope&, Args args) {
  return fold_doubles(args, [](double a, double b) { return std::max(a, b); });
}
Result<Value> minf(CallScope&, Args args) {
  return fold_doubles(args, [](double a, double b) { return std::min(a, b); });
}

Result<Value> floor(CallScope&, Args args) {
  TRY(double number, number_argument(args[0]));
  return number_value(std::floor(number));
}
Result<Value> ceil(CallScope&, Args args) {
  TRY(double number, number_argument(args[0]));
  return number_value(std::ceil(number));
}
// round value places [at which fraction to go up]
Result<Value> round(CallScope&, Args args) {
  TRY(double number, number_argument(args[0]));
  TRY(int64_t places, integer_argument(args[1]));
  double up_at = 0.5;
  if (args.size() > 2) {
    TRY(up_at, number_argument(args[2]));
  }
  const double scale = std::pow(10.0, static_cast<double>(std::clamp(places, int64_t{-300}, int64_t{300})));
  double whole = 0;
  const double fraction = std::modf(number * scale, &whole);
  if (std::abs(fraction) >= up_at) whole += number < 0 ? -1 : 1;
  if (!std::isfinite(whole)) return number_value(number);  // so large, or so many places: there is nothing to round
  return number_value(whole / scale);
}

// As Sprig: what is not a number is 0. A text may say its base: "0x10", "010".
Result<Value> to_integer(CallScope&, Args args) {
  if (args[0].is_string()) {
    if (auto literal = parse_go_number(args[0].as_string()); literal && literal->is_integer()) return *literal;
  }
  auto out = integer_argument(args[0]);
  return Value(out ? *out : 0);
}
Result<Value> atoi(CallScope&, Args args) {
  int64_t out = 0;
  return Value(parse_int64(go_value(args[0]), out) ? out : 0);
}
// A number written in octal.
Result<Value> to_decimal(CallScope&, Args args) {
  int64_t out = 0;
  const std::string text = go_value(args[0]);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out, 8);
  return Value(error == std::errc() && end == text.data() + text.size() ? out : 0);
}
Result<Value> to_double(CallScope&, Args args) {
  auto out = number_argument(args[0]);
  return number_value(out ? *out : 0);
}
Result<Value> rand_int(CallScope& scope, Args args) {
  TRY(int64_t from, integer_argument(args[0]));
  TRY(int64_t to, integer_argument(args[1]));
  int64_t span = 0;
  if (to <= from || __builtin_sub_overflow(to, from, &span)) {
    return fail(Errc::invalid_argument, "expected a lower and a larger upper bound");
  }
  return Value(from + static_cast<int64_t>(scope.random().below(static_cast<uint64_t>(span))));
}

constexpr std::array kFunctions{
    Function{"add", 0, kAnyNumber, add},
    Function{"add1", 1, 1, add1},
    Function{"sub", 2, 2, sub},
    Function{"mul", 1, kAnyNumber, mul},
    Function{"div", 2, 2, div},
    Function{"mod", 2, 2, mod},
    Function{"max", 1, kAnyNumber, max},
    Function{"biggest", 1, kAnyNumber, max},
    Function{"min", 1, kAnyNumber, min},
    Function{"addf", 1, kAnyNumber, addf},
    Function{"add1f", 1, 1, add1f},
    Function{"subf", 1, kAnyNumber, subf},
    Function{"mulf", 1, kAnyNumber, mulf},
    Function{"divf", 1, kAnyNumber, divf},
    Function{"maxf", 1, kAnyNumber, maxf},
    Function{"minf", 1, kAnyNumber, minf},
    Function{"floor", 1, 1, floor},
    Function{"ceil", 1, 1, ceil},
    Function{"round", 2, 3, round},
    Function{"int", 1, 1, to_integer},
    Function{"int64", 1, 1, to_integer},
    Function{"atoi", 1, 1, atoi},
    Function{"toDecimal", 1, 1, to_decimal},
    Function{"float64", 1, 1, to_double},
    Function{"randInt", 2, 2, rand_int},
};

}  // namespace

std::span<const Function> math_functions() { return kFunctions; }

}  // namespace compozy::expression
