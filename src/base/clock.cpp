// SPDX-License-Identifier: Apache-2.0
#include "base/clock.hpp"

#include <array>
#include <chrono>
#include <cstdio>
#include <ctime>

namespace compozy {

namespace {

class SystemClock final : public Clock {
 public:
  int64_t wall_ms() const override {
    const auto since_1970 = std::chrono::system_clock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::milliseconds>(since_1970).count();
  }
  int64_t monotonic_us() const override {
    const auto since_start = std::chrono::steady_clock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::microseconds>(since_start).count();
  }
};

}  // namespace

Clock& system_clock() {
  static SystemClock clock;
  return clock;
}

std::string format_rfc3339(int64_t wall_ms) {
  int64_t seconds = wall_ms / 1000;
  int64_t ms = wall_ms % 1000;
  if (ms < 0) {
    ms += 1000;
    seconds -= 1;
  }
  const std::time_t time = seconds;
  std::tm utc{};
  gmtime_r(&time, &utc);
  std::array<char, 40> text{};
  const int length =
      std::snprintf(text.data(), text.size(), "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", utc.tm_year + 1900, utc.tm_mon + 1,
                    utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec, static_cast<int>(ms));
  return {text.data(), static_cast<size_t>(length)};
}

}  // namespace compozy
