// SPDX-License-Identifier: Apache-2.0
//
// The functions that templates may call. One row per name; a family of functions is one file with its table at the end,
// and function.cpp names the families. To add a function: one row and its body in the family's file.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "base/random.hpp"
#include "base/result.hpp"
#include "expression/environment.hpp"
#include "json/value.hpp"

namespace compozy::expression {

using Args = std::span<const json::Value>;

// What a call may use besides its arguments.
class CallScope {
 public:
  explicit CallScope(const Environment& environment) : environment_(environment), random_(environment.entropy) {}
  int64_t now_ms() const { return environment_.now_ms; }
  size_t output_max() const { return environment_.output_max; }
  Random& random() { return random_; }

 private:
  const Environment& environment_;
  SeededRandom random_;
};

enum FunctionTraits : uint8_t {
  kPlain = 0,
  kOpaque = 1,    // passes strings on whole, so SecretRefs may go through it
  kElements = 2,  // reads the elements of its list arguments, which then must not be SecretRefs
  kLenient = 4,   // an argument that is missing in the context arrives as null
  kMutates = 8,   // the result replaces the variable that is its first argument
  kPart = 16,     // looks no deeper than its arguments' first level, and gives one of them, a part, or a scalar
};

struct Function {
  std::string_view name;
  int min_args;
  int max_args;  // -1 = any number
  Result<json::Value> (*call)(CallScope& scope, Args args);
  uint8_t traits = kPlain;
};

inline constexpr int kAnyNumber = -1;

const Function* find_function(std::string_view name);
std::span<const std::string_view> function_names();

std::span<const Function> basic_functions();  // those of text/template itself, and defaults
std::span<const Function> text_functions();
std::span<const Function> case_functions();
std::span<const Function> list_functions();
std::span<const Function> dict_functions();
std::span<const Function> math_functions();
std::span<const Function> date_functions();
std::span<const Function> encoding_functions();  // JSON, base64, hashes, regular expressions, kinds
std::span<const Function> path_functions();      // paths, URLs, versions
std::span<const Function> crypto_functions();

// Go's idea of truth: not false, 0, "", null, or an empty list or map.
bool is_truthy(const json::Value& value);

// Arguments as Sprig converts them.
Result<std::string> text_argument(const json::Value& value);  // any scalar; lists and maps as Go prints them
Result<int64_t> integer_argument(const json::Value& value);   // numbers, numeric texts, booleans
Result<double> number_argument(const json::Value& value);
Result<const json::Array*> list_argument(const json::Value& value);
Result<const json::Object*> dict_argument(const json::Value& value);
Result<void> check_room(CallScope& scope, size_t bytes);  // refuses results above the output budget

}  // namespace compozy::expression
