// SPDX-License-Identifier: Apache-2.0
//
// SecretRefs: a value of the host's environment enters an expression not as itself but as the text
// "U+E000 env:NAME U+E001". Rendering and concatenating keep it; a function that would look inside refuses.
// Activities put the real value in at the last moment (resolve_secrets), so no record, event or log ever holds it.
//
// The two marks are private-use characters. Whatever comes from outside (a run's input, a signal, the answer of a model
// or of a tool) goes through without_secret_marks() first, or a stranger could name a secret and have it filled in.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "json/value.hpp"

namespace compozy::expression {

std::string secret_ref(std::string_view variable);

bool contains_secret(std::string_view text);
bool contains_secret(const json::Value& value);  // at any depth, member names included

// Replaces every SecretRef in every string. `lookup` gives the variable's value, or nothing when it is not set, which
// is Errc::not_found naming the variable.
using SecretLookup = std::function<std::optional<std::string>(std::string_view variable)>;
Result<std::string> resolve_secrets(std::string_view text, const SecretLookup& lookup);
Result<json::Value> resolve_secrets(const json::Value& value, const SecretLookup& lookup);

// The value with both marks removed from all strings and names; shares storage with `value` when there are none.
json::Value without_secret_marks(const json::Value& value);
std::string without_secret_marks(std::string_view text);

// Whether reading `text` as JSON would make a mark out of an escape ("\\ue000"): such text must not be read.
bool has_escaped_secret_mark(std::string_view text);

}  // namespace compozy::expression
