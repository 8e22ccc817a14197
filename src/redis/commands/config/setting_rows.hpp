// SPDX-License-Identifier: Apache-2.0
//
// The rows of the settings: name, type, limits, and what may be done to each. Data in settings_table.cpp.
#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "redis/commands/config/settings.hpp"

namespace compozy::redis {

enum SettingFlag : uint8_t {
  kImmutable = 1,    // only at the start
  kProtected = 2,    // needs enable-protected-configs
  kHidden = 4,       // shown only when asked for by its full name
  kSensitive = 8,    // hidden from SLOWLOG and MONITOR
  kDenyLoading = 16  // not while data is loaded
};

struct SettingRow {
  enum class Kind : uint8_t {
    text,
    flag,
    integer,
    octal,
    memory,             // 64mb
    memory_or_percent,  // percent is kept as a negative number
    choice,
    // These take several words.
    save,
    output_limits,
    oom_scores,
    percentiles,
    addresses,
    replicaof,
    shutdown,
    events,
  };
  std::string_view name;
  std::string_view alias = {};
  Kind kind;
  std::variant<int64_t Settings::*, bool Settings::*, std::string Settings::*> field;
  uint8_t flags = 0;
  int64_t min = 0;
  int64_t max = std::numeric_limits<int64_t>::max();
  std::string_view choices = {};  // separated by spaces

  bool has(SettingFlag flag) const { return (flags & flag) != 0; }
  bool takes_words() const { return kind >= Kind::save && kind != Kind::events; }
};

std::span<const SettingRow> setting_rows();
const SettingRow* find_setting(std::string_view name);  // by name or alias, without case

}  // namespace compozy::redis
