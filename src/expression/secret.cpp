// SPDX-License-Identifier: Apache-2.0
#include "expression/secret.hpp"

#include <utility>

#include "base/text.hpp"

namespace compozy::expression {
namespace {

constexpr std::string_view kOpen = "\xEE\x80\x80";   // U+E000
constexpr std::string_view kClose = "\xEE\x80\x81";  // U+E001
constexpr std::string_view kScheme = "env:";

bool has_mark(std::string_view text) {
  return text.find(kOpen) != std::string_view::npos || text.find(kClose) != std::string_view::npos;
}

bool has_mark(const json::Value& value) {
  if (value.is_string()) return has_mark(std::string_view(value.as_string()));
  if (value.is_array()) {
    for (const json::Value& item : value.as_array()) {
      if (has_mark(item)) return true;
    }
  }
  if (value.is_object()) {
    for (const auto& [name, member] : value.as_object()) {
      if (has_mark(std::string_view(name)) || has_mark(member)) return true;
    }
  }
  return false;
}

}  // namespace

std::string secret_ref(std::string_view variable) {
  return std::string(kOpen) + std::string(kScheme) + std::string(variable) + std::string(kClose);
}

bool contains_secret(std::string_view text) { return text.find(kOpen) != std::string_view::npos; }
bool contains_secret(const json::Value& value) { return has_mark(value); }

Result<std::string> resolve_secrets(std::string_view text, const SecretLookup& lookup) {
  std::string out;
  while (true) {
    const size_t open = text.find(kOpen);
    out += text.substr(0, open);
    if (open == std::string_view::npos) return out;
    text.remove_prefix(open + kOpen.size());
    const size_t close = text.find(kClose);
    if (close == std::string_view::npos || !text.starts_with(kScheme)) {
      return fail(Errc::corrupt_data, "a reference to a secret is cut off; secrets may only be passed on whole");
    }
    const std::string_view variable = text.substr(kScheme.size(), close - kScheme.size());
    auto found = lookup(variable);
    if (!found) {
      return fail(Errc::not_found, "the environment variable '" + std::string(variable) + "' is not set");
    }
    out += *found;
    text.remove_prefix(close + kClose.size());
  }
}

Result<json::Value> resolve_secrets(const json::Value& value, const SecretLookup& lookup) {
  if (!has_mark(value)) return value;
  if (value.is_string()) {
    TRY(std::string text, resolve_secrets(std::string_view(value.as_string()), lookup));
    return json::Value(std::move(text));
  }
  if (value.is_array()) {
    json::Array items;
    for (const json::Value& item : value.as_array()) {
      TRY(json::Value resolved, resolve_secrets(item, lookup));
      items.push_back(std::move(resolved));
    }
    return json::Value(std::move(items));
  }
  json::Object members;
  for (const auto& [name, member] : value.as_object()) {
    TRY(std::string resolved_name, resolve_secrets(std::string_view(name), lookup));
    TRY(json::Value resolved, resolve_secrets(member, lookup));
    members.set(resolved_name, std::move(resolved));
  }
  return json::Value(std::move(members));
}

std::string without_secret_marks(std::string_view text) {
  std::string out(text);
  // Taking one mark out may bring the halves of another together.
  while (has_mark(std::string_view(out))) out = replace_all(replace_all(std::move(out), kOpen, ""), kClose, "");
  return out;
}

bool has_escaped_secret_mark(std::string_view text) {
  if (text.find("\\u") == std::string_view::npos) return false;
  const std::string lower = to_lower(text);
  return lower.find("\\ue000") != std::string::npos || lower.find("\\ue001") != std::string::npos;
}

json::Value without_secret_marks(const json::Value& value) {
  if (!has_mark(value)) return value;
  if (value.is_string()) return without_secret_marks(std::string_view(value.as_string()));
  if (value.is_array()) {
    json::Array items;
    for (const json::Value& item : value.as_array()) items.push_back(without_secret_marks(item));
    return items;
  }
  json::Object members;
  for (const auto& [name, member] : value.as_object()) {
    members.set(without_secret_marks(std::string_view(name)), without_secret_marks(member));
  }
  return members;
}

}  // namespace compozy::expression
