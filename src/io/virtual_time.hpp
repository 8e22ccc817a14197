// SPDX-License-Identifier: Apache-2.0
//
// VirtualTime: time that passes only when nothing else can happen. A Loop made with one never waits: whenever it has
// nothing ready, time leaps to the next timer. So an hour of timers and retries takes milliseconds, and the same
// choices give the same order of events, to the byte. For simulations; sockets and files know nothing of it.
//
// It outlives the loops that run in it: a simulated crash destroys the loop, clears the timers, and time goes on.
// Thread: that of the loop.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <map>
#include <utility>

#include "base/clock.hpp"

namespace compozy::io {

class VirtualTime final : public Clock {
 public:
  struct Ticket {
    int64_t due_us = 0;
    uint64_t n = 0;  // those due at once go in the order in which they came
    auto operator<=>(const Ticket&) const = default;
  };

  explicit VirtualTime(int64_t wall_ms = 1'700'000'000'000) : start_ms_(wall_ms) {}

  int64_t wall_ms() const override { return start_ms_ + now_us_ / 1'000; }
  int64_t monotonic_us() const override { return now_us_; }

  Ticket call_in(int64_t us, std::move_only_function<void()> call);
  void cancel(const Ticket& ticket) { calls_.erase(ticket); }
  void clear() { calls_.clear(); }
  bool leap();  // to the next call, and makes it; false when there is none

 private:
  const int64_t start_ms_;
  int64_t now_us_ = 0;
  uint64_t last_ = 0;
  std::map<Ticket, std::move_only_function<void()>> calls_;
};

}  // namespace compozy::io
