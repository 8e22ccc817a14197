// SPDX-License-Identifier: Apache-2.0
//
// A small value that satisfies a JSON schema, always the same one: what the mock model answers when it has no rule.
#pragma once

#include <string_view>

#include "base/result.hpp"
#include "json/value.hpp"

namespace compozy::agent {

// Texts are made of `words` where the schema lets them. Errc::unsupported when no value was found, e.g. for a
// `pattern`.
Result<json::Value> sample_of(const json::Value& schema, std::string_view words);

}  // namespace compozy::agent
