// SPDX-License-Identifier: Apache-2.0
//
// The names of a definition's enumerations, in YAML and in stored definitions. Never rename one. Private to project/.
#pragma once

#include <array>
#include <optional>
#include <string_view>

#include "project/definition.hpp"

namespace compozy::project {

template <class E>
struct EnumNames;
template <>
struct EnumNames<TaskType> {
  static constexpr std::array<std::string_view, kTaskTypes> kNames{"basic",     "router",    "parallel", "collection",
                                                                   "aggregate", "composite", "wait",     "signal",
                                                                   "memory",    "workflow",  "loop",     "approval"};
};
template <>
struct EnumNames<Strategy> {
  static constexpr std::array<std::string_view, 4> kNames{"wait_all", "fail_fast", "best_effort", "race"};
};
template <>
struct EnumNames<CollectionMode> {
  static constexpr std::array<std::string_view, 2> kNames{"parallel", "sequential"};
};
template <>
struct EnumNames<MemoryOperation> {
  static constexpr std::array<std::string_view, 8> kNames{"read",  "write",  "append", "delete",
                                                          "flush", "health", "clear",  "stats"};
};
template <>
struct EnumNames<Verification> {
  static constexpr std::array<std::string_view, 4> kNames{"none", "hmac", "stripe", "github"};
};
template <>
struct EnumNames<Overlap> {
  static constexpr std::array<std::string_view, 4> kNames{"skip", "allow", "buffer_one", "cancel_other"};
};
template <>
struct EnumNames<ToolRuntime> {
  static constexpr std::array<std::string_view, 2> kNames{"script", "executable"};
};

template <class E>
constexpr std::string_view enum_name(E value) {
  return EnumNames<E>::kNames[static_cast<size_t>(value)];
}

template <class E>
constexpr std::optional<E> enum_from_name(std::string_view name) {
  for (size_t i = 0; i < EnumNames<E>::kNames.size(); ++i) {
    if (EnumNames<E>::kNames[i] == name) return static_cast<E>(i);
  }
  return std::nullopt;
}

}  // namespace compozy::project
