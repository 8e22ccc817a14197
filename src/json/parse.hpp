// SPDX-License-Identifier: Apache-2.0
//
// Strict JSON (RFC 8259): UTF-8, no comments, no trailing commas, no duplicate member names, no NaN or infinite
// numbers. Errors are Errc::parse_error with line and column, and say what was found. Limits: nesting kDepthMax; the
// caller bounds the size of the text.
#pragma once

#include <string_view>

#include "base/result.hpp"
#include "json/value.hpp"

namespace compozy::json {

inline constexpr size_t kDepthMax = 128;
// Of what this program printed itself: a record holds values that came in with kDepthMax, and a few levels around them.
inline constexpr size_t kStoredDepthMax = 512;

Result<Value> parse(std::string_view text, size_t depth_max = kDepthMax);

// The first balanced JSON object or array inside a text, as language models tend to wrap their answers in prose or
// code fences. Errc::parse_error when there is none among the first kEmbeddedTriesMax brackets that could begin one.
inline constexpr size_t kEmbeddedTriesMax = 100;
Result<Value> parse_embedded(std::string_view text);

}  // namespace compozy::json
