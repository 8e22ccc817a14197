// SPDX-License-Identifier: Apache-2.0
//
// TimerQueue: durable timers that fall due within the next minute. The rest stay rows: a page of them is read every
// half minute, so that a million sleeping runs cost no memory. A timer that was overdue at start fires at once.
//
// A timer may fire twice, or after it was cleared; the machine ignores an op that is closed. Due times are the wall
// clock's. When that clock is set back, the timers that are here keep their length: a sleep of a second must not take
// the hours of the jump. Thread: the loop.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <set>

#include "base/clock.hpp"
#include "io/loop.hpp"
#include "io/timer.hpp"
#include "sql/database.hpp"

namespace compozy::workflow {

class TimerQueue {
 public:
  using Fire = std::function<void(int64_t run_no, int64_t op)>;

  TimerQueue(sql::Database& database, io::TaskScope& scope, const Clock& clock, Fire fire);

  void start();  // reads the first page
  void add(int64_t due_ms, int64_t run_no, int64_t op);
  void stop();

 private:
  struct Entry {
    int64_t due_ms = 0;
    int64_t run_no = 0;
    int64_t op = 0;
    auto operator<=>(const Entry&) const = default;
  };

  int64_t now();
  void arm();
  void run_due();
  io::Task<void> read_page();

  static constexpr int64_t kHorizonMs = 60'000;
  static constexpr int64_t kRefreshMs = 30'000;
  static constexpr int64_t kPageRows = 10'000;
  static constexpr int64_t kJumpMs = 1'000;  // less is a correction like any other

  sql::Database& database_;
  io::TaskScope& scope_;
  const Clock& clock_;
  Fire fire_;
  std::set<Entry> due_;
  int64_t base_ms_;  // what the wall clock was ahead of the monotonic one at the last look
  int64_t next_page_ms_ = 0;
  int64_t horizon_ms_ = 0;
  bool reading_ = false;
  bool stopped_ = false;
  io::Timer timer_;
};

}  // namespace compozy::workflow
