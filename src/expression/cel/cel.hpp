// SPDX-License-Identifier: Apache-2.0
//
// Cel: the Common Expression Language (github.com/google/cel-spec), its standard library and macros, over JSON values.
// Used for router conditions, wait conditions and collection filters. Pure: see Environment.
//
// Semantics are cel-go's with dynamically typed variables: `&&` and `||` absorb an error on one side when the other
// side decides; numbers compare across int, uint and double, but do not mix in arithmetic; a missing key is an error,
// has() asks for it. A name that is not declared is an error when compiled, with the nearest declared one. Limits:
// steps_max and output_max of the Environment, kCelDepthMax levels of nesting, kCelLinksMax operators and fields.
// Thread: a Cel is immutable and may be shared.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "expression/environment.hpp"
#include "expression/reference.hpp"
#include "json/value.hpp"

namespace compozy::expression {

inline constexpr size_t kCelDepthMax = 100;
inline constexpr size_t kCelLinksMax = 1'000;

struct CelNode;

class Cel {
 public:
  // `names` are the variables that `context` will hold; one of them that it does not hold is null when evaluated.
  // Errors carry line and column within `text`; `where.file` is "expression".
  static Result<Cel> compile(std::string_view text, std::span<const std::string_view> names);

  Result<json::Value> evaluate(const json::Value& context, const Environment& environment) const;
  Result<bool> evaluate_bool(const json::Value& context, const Environment& environment) const;

  // Of `tasks.<id>` and `tasks["<id>"]`; what has() or `in` asks for is not needed.
  const std::vector<Reference>& references() const { return references_; }
  std::vector<std::string> task_references() const { return tasks_of(references_); }

 private:
  std::shared_ptr<const std::string> text_;
  std::shared_ptr<const CelNode> root_;
  std::vector<Reference> references_;
};

// Compiles through a process-wide cache of the most recent texts and names (kCelCacheMax).
inline constexpr size_t kCelCacheMax = 1'024;
Result<Cel> cached_cel(std::string_view text, std::span<const std::string_view> names);

}  // namespace compozy::expression
