// SPDX-License-Identifier: Apache-2.0
//
// The one table of configuration keys. From a row derive: what the file, the environment and the command line accept,
// the check of its value, `compozy config show|explain`, "did you mean", and docs/config.md. Adding a key is adding a
// row.
//
// Only keys that do something are listed: a key that would be ignored is refused by name.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace compozy::config {

enum class Type : uint8_t { text, choice, integer, boolean, duration, size, list };
std::string_view type_name(Type type);

struct Key {
  std::string_view path;  // as in compozy.yaml: "redis.standalone.port"
  Type type = Type::text;
  std::string_view fallback;      // the default, as a user would write it; empty = not set
  std::string_view env;           // environment variable
  std::string_view flag;          // long option of `compozy start`, or empty
  std::string_view choices = {};  // for Type::choice: "a|b|c"
  int64_t min = INT64_MIN;        // for integers, durations (ms) and sizes (bytes)
  int64_t max = INT64_MAX;
  bool secret = false;          // never shown
  std::string_view alias = {};  // an older path, accepted with a note
  std::string_view help;        // one sentence
};

std::span<const Key> keys();
const Key* find_key(std::string_view path);  // by path or alias

}  // namespace compozy::config
