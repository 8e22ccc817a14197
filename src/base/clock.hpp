// SPDX-License-Identifier: Apache-2.0
//
// Clock: the only source of time. Code takes a `Clock&`; the process passes system_clock(), tests pass a ManualClock
// and move it, so no test sleeps. The lint refuses std::chrono::*_clock::now outside base/ and io/.
//
// Thread: any. Units are in the names.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>

namespace compozy {

class Clock {
 public:
  virtual ~Clock() = default;
  virtual int64_t wall_ms() const = 0;       // since 1970-01-01T00:00:00Z; may jump
  virtual int64_t monotonic_us() const = 0;  // since some start; never goes back
};

Clock& system_clock();

// A clock that stands still until a test moves it. Both readings move together.
class ManualClock final : public Clock {
 public:
  explicit ManualClock(int64_t wall_ms = 1'700'000'000'000) : wall_ms_(wall_ms) {}
  int64_t wall_ms() const override { return wall_ms_.load(std::memory_order_relaxed); }
  int64_t monotonic_us() const override { return monotonic_us_.load(std::memory_order_relaxed); }
  void advance_ms(int64_t ms) {
    wall_ms_.fetch_add(ms, std::memory_order_relaxed);
    monotonic_us_.fetch_add(ms * 1000, std::memory_order_relaxed);
  }

 private:
  std::atomic<int64_t> wall_ms_;
  std::atomic<int64_t> monotonic_us_{0};
};

// RFC 3339 in UTC with milliseconds: "2026-11-22T10:15:30.123Z".
std::string format_rfc3339(int64_t wall_ms);

}  // namespace compozy
