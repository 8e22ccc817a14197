// SPDX-License-Identifier: Apache-2.0
//
// Result<T>: a value or an Error. The only way a function says that it may fail.
//
//   Result<Config> load(std::string_view path) {
//     TRY(auto text, read_file(path));       // declares text, or returns the error
//     TRY(check(text));                      // for Result<void>
//     return parse(text);
//   }
//
// In coroutines the same two forms are CO_TRY; `CO_TRY(auto x, co_await f())` returns the error with co_return.
#pragma once

#include <expected>
#include <string>
#include <utility>

#include "base/error.hpp"

namespace compozy {

template <class T>
using Result = std::expected<T, Error>;

using Failure = std::unexpected<Error>;

// return fail(Errc::not_found, "no workflow 'x'");
inline Failure fail(Errc code, std::string message) {
  return Failure(Error{.code = code, .message = std::move(message)});
}
inline Failure fail(Error error) { return Failure(std::move(error)); }

}  // namespace compozy

#define COMPOZY_CONCAT_(a, b) a##b
#define COMPOZY_CONCAT(a, b) COMPOZY_CONCAT_(a, b)
#define COMPOZY_TRY_PICK_(_1, _2, NAME, ...) NAME

#define COMPOZY_TRY_2_(ret, tmp, target, expression)        \
  auto&& tmp = (expression);                                \
  if (!tmp) ret ::compozy::Failure(std::move(tmp).error()); \
  target = *std::move(tmp)
#define COMPOZY_TRY_1_(ret, tmp, expression)                  \
  do {                                                        \
    auto&& tmp = (expression);                                \
    if (!tmp) ret ::compozy::Failure(std::move(tmp).error()); \
  } while (false)

#define COMPOZY_TRY2(target, expression) COMPOZY_TRY_2_(return, COMPOZY_CONCAT(try_, __LINE__), target, expression)
#define COMPOZY_TRY1(expression) COMPOZY_TRY_1_(return, COMPOZY_CONCAT(try_, __LINE__), expression)
#define COMPOZY_CO_TRY2(target, expression) \
  COMPOZY_TRY_2_(co_return, COMPOZY_CONCAT(try_, __LINE__), target, expression)
#define COMPOZY_CO_TRY1(expression) COMPOZY_TRY_1_(co_return, COMPOZY_CONCAT(try_, __LINE__), expression)

#define TRY(...) COMPOZY_TRY_PICK_(__VA_ARGS__, COMPOZY_TRY2, COMPOZY_TRY1, _)(__VA_ARGS__)
#define CO_TRY(...) COMPOZY_TRY_PICK_(__VA_ARGS__, COMPOZY_CO_TRY2, COMPOZY_CO_TRY1, _)(__VA_ARGS__)
