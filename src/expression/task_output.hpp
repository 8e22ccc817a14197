// SPDX-License-Identifier: Apache-2.0
//
// What projects of the original write of a task that holds others: there `.tasks.<id>.output` was
// {output: <its own output>, <child>: {output, status, error?}}. Here it is the output itself (ADR 14); a name that the
// output does not have is looked for where the original had it. Pure.
#pragma once

#include <string_view>

#include "json/value.hpp"

namespace compozy::expression {

// `task` is what `.tasks.<id>` holds. Null when there is no such name either, or the task holds no others.
inline const json::Value* beside_output(const json::Value& task, std::string_view name) {
  const json::Value* children = task.is_object() ? task.find("children") : nullptr;
  if (children == nullptr || !children->is_object()) return nullptr;
  const json::Value* child = children->find(name);
  return child == nullptr && name == "output" ? task.find("output") : child;
}

}  // namespace compozy::expression
