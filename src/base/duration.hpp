// SPDX-License-Identifier: Apache-2.0
//
// Durations and sizes as people write them in YAML, flags and environment variables.
//
//   duration: "500ms" "30s" "5m" "1h30m" "24h" "7d" "2w", and in words: "5 minutes", "1 hour 30 minutes", "1.5h"
//   size:     "512" "64KB" "2MB" "1GiB"; powers of 1024, as Redis' own configuration reads kb and mb
//
// Anything else is Errc::invalid_argument: an unreadable duration is never silently ignored.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace compozy {

Result<int64_t> parse_duration_ms(std::string_view text);
std::string format_duration_ms(int64_t ms);  // the shortest exact form: "1h30m", "1.5s", "250ms"

Result<int64_t> parse_size_bytes(std::string_view text);
std::string format_size_bytes(int64_t bytes);  // "1.5 MB", for people

}  // namespace compozy
