// SPDX-License-Identifier: Apache-2.0
//
// What a command may do in which state of its session. Thread: any; these look at rows only.
#pragma once

#include <string>

#include "redis/commands/row.hpp"

namespace compozy::redis {

// What runs in a transaction at once instead of being queued.
bool runs_inside_multi(const Row& row);
bool allowed_while_subscribed(const Row& row);
std::string unknown_command(Args args);

}  // namespace compozy::redis
