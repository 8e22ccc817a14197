// SPDX-License-Identifier: Apache-2.0
//
// How much a value is when it is written out. Values share their parts, so one that takes a few hundred bytes of memory
// may be terabytes of text ({"a": x, "b": x} of itself, forty times); whoever prints, compares or copies a value that
// an expression made asks first. Costs no more than the limits that it is given. Pure.
#pragma once

#include <cstddef>

#include "base/result.hpp"
#include "json/value.hpp"

namespace compozy::json {

// What one value may be that is kept: a task's input or output, the result of an expression. A printed record or
// checkpoint holds several of them, each a few levels below its own.
inline constexpr size_t kValueWeightMax = 32UL * 1024 * 1024;
inline constexpr size_t kValueDepthMax = 100;

inline constexpr size_t kNodeWeight = 16;  // of a number, a boolean, a list, a name

// The weight: kNodeWeight for each value at any depth, the bytes of texts and names besides. Counting stops beyond
// `weight_max`, and counts as beyond it when lists and maps nest deeper than `depth_max`.
struct Extent {
  size_t weight = 0;
  bool too_deep = false;
};
Extent extent_of(const Value& value, size_t weight_max = kValueWeightMax, size_t depth_max = kValueDepthMax);

// Errors: Errc::too_large.
Result<void> check_extent(const Extent& extent);
Result<void> check_extent(const Value& value);

}  // namespace compozy::json
