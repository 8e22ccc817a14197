// SPDX-License-Identifier: Apache-2.0
//
// JSON Schema, draft 7 (json-schema.org/draft-07): checks values, fills in defaults.
//
// A schema is compiled once. Keywords that the validator would ignore in silence are refused by name when it is
// compiled, so that nobody relies on a check that does not happen. `pattern` is RE2: linear time, no look-around.
// A `$ref` stays inside the document ("#/definitions/x", "#/$defs/x").
// Thread: a compiled Schema is immutable and may be shared.
#pragma once

#include <memory>
#include <vector>

#include "base/result.hpp"
#include "json/value.hpp"

namespace compozy::json {

class Schema {
 public:
  static Result<Schema> compile(const Value& document);

  // Errc::validation_failed naming the first offending field and every reason, at most five.
  Result<void> check(const Value& value) const;

  // The value with each absent member that has a `default` filled in, at any depth of `properties`.
  Value with_defaults(const Value& value) const;

  const Value& document() const { return document_; }

 private:
  struct Compiled;
  Value document_;
  std::shared_ptr<const Compiled> compiled_;
};

}  // namespace compozy::json
