// SPDX-License-Identifier: Apache-2.0
//
// YAML 1.2 (core schema) to Nodes. Stricter than yaml-cpp: a duplicate key is an error, there is one document a text,
// `<<` merges, yes/no/on/off are texts and 010 is ten. Aliases are expanded, within kYamlNodesMax.
#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"
#include "project/node.hpp"

namespace compozy::project {

inline constexpr size_t kYamlNodesMax = 200'000;  // after expanding aliases
inline constexpr size_t kYamlDepthMax = 64;

Result<Node> parse_yaml(std::string_view text, std::string file);

}  // namespace compozy::project
