// SPDX-License-Identifier: Apache-2.0
//
// A random stream of commands from a seed: few keys, so that types collide; arguments that are mostly right.
#pragma once

#include <string>
#include <vector>

#include "base/random.hpp"

namespace compozy::redis {

enum class CommandGroup : uint8_t { mixed, bits, places, streams };
std::vector<std::string> random_command(Random& random, CommandGroup group = CommandGroup::mixed);

// Commands whose replies have no order of their own.
bool is_unordered(const std::string& name);

}  // namespace compozy::redis
