// SPDX-License-Identifier: Apache-2.0
#include "redis/commands/scripting/script_port.hpp"

#include <array>
#include <utility>

namespace compozy::redis {

namespace {

constexpr std::array<std::pair<std::string_view, ScriptFlag>, 5> kFlagNames{
    {{"no-writes", kScriptNoWrites},
     {"allow-oom", kScriptAllowOom},
     {"allow-stale", kScriptAllowStale},
     {"no-cluster", kScriptNoCluster},
     {"allow-cross-slot-keys", kScriptAllowCrossSlotKeys}}};

}  // namespace

std::vector<std::string_view> names_of_script_flags(uint32_t flags) {
  std::vector<std::string_view> names;
  for (const auto& [name, flag] : kFlagNames) {
    if ((flags & flag) != 0) names.push_back(name);
  }
  return names;
}

std::optional<uint32_t> script_flag_of(std::string_view name) {
  for (const auto& [known, flag] : kFlagNames) {
    if (known == name) return flag;
  }
  return std::nullopt;
}

}  // namespace compozy::redis
