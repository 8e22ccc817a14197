// SPDX-License-Identifier: Apache-2.0
//
// What MONITOR and SLOWLOG show of a command: secrets become "(redacted)".
#pragma once

#include <string_view>
#include <vector>

#include "redis/commands/row.hpp"

namespace compozy::redis {

// The arguments as they are, or a copy in `storage`.
Args redacted(const Row& row, Args args, std::vector<std::string_view>& storage);

}  // namespace compozy::redis
