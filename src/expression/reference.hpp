// SPDX-License-Identifier: Apache-2.0
//
// What an expression takes from its context, for checks before anything runs. Pure.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

namespace compozy::expression {

struct Reference {
  std::string root;    // "input" of .input.city
  std::string task;    // of root "tasks": the id that follows, if any
  bool needed = true;  // evaluation fails where it is absent; false where the expression asks whether it is there
  std::vector<std::vector<std::string>> paths = {};  // what it takes below that: {"output", "city"}. Of needed ones

  friend auto operator<=>(const Reference&, const Reference&) = default;
};

// Sorted, each name once. What is asked for anywhere in an expression counts as asked for everywhere in it.
inline std::vector<Reference> merged_references(std::vector<Reference> all) {
  std::ranges::sort(all);  // of one name, what is not needed comes first
  std::vector<Reference> merged;
  for (Reference& reference : all) {
    if (merged.empty() || merged.back().root != reference.root || merged.back().task != reference.task) {
      merged.push_back({.root = reference.root, .task = reference.task, .needed = reference.needed});
    }
    if (!merged.back().needed) continue;
    for (std::vector<std::string>& path : reference.paths) merged.back().paths.push_back(std::move(path));
  }
  return merged;
}

inline std::vector<std::string> tasks_of(const std::vector<Reference>& references) {
  std::vector<std::string> out;
  for (const Reference& reference : references) {
    if (!reference.task.empty()) out.push_back(reference.task);
  }
  return out;
}

}  // namespace compozy::expression
