// SPDX-License-Identifier: Apache-2.0
//
// Deadlines in arguments, shared by SET, GETEX, SETEX and the EXPIRE family.
#pragma once

#include <cstdint>
#include <string_view>

#include "redis/commands/context.hpp"

namespace compozy::redis {

enum class TimeUnit : uint8_t { seconds, milliseconds };

struct DeadlineOption {
  bool given = false;
  bool absolute = false;
  TimeUnit unit = TimeUnit::seconds;
  std::string_view text;
};

// Reads EX, PX, EXAT or PXAT at args[i]; false when it is none of them or its value is missing.
bool read_deadline_option(Context& ctx, size_t& i, DeadlineOption& option);

// The absolute deadline, or false after "invalid expire time in '<command>' command".
bool resolve_deadline(Context& ctx, const DeadlineOption& option, int64_t& deadline_ms);

}  // namespace compozy::redis
