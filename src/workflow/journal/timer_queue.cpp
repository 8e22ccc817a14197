// SPDX-License-Identifier: Apache-2.0
#include "workflow/journal/timer_queue.hpp"

#include <algorithm>
#include <utility>

#include "base/duration.hpp"
#include "observe/log.hpp"
#include "store/run_log.hpp"

namespace compozy::workflow {

TimerQueue::TimerQueue(sql::Database& database, io::TaskScope& scope, const Clock& clock, Fire fire)
    : database_(database),
      scope_(scope),
      clock_(clock),
      fire_(std::move(fire)),
      base_ms_(clock.wall_ms() - clock.monotonic_us() / 1'000),
      timer_(scope.loop()) {}

void TimerQueue::start() { scope_.spawn(read_page()); }

void TimerQueue::stop() {
  stopped_ = true;
  timer_.cancel();
}

int64_t TimerQueue::now() {
  const int64_t now_ms = clock_.wall_ms();
  const int64_t before_ms = std::exchange(base_ms_, now_ms - clock_.monotonic_us() / 1'000);
  if (before_ms - kJumpMs > base_ms_) {
    const int64_t back_ms = before_ms - base_ms_;
    log::warn("the clock was set back; timers that are due within a minute keep their length",
              {{"by", format_duration_ms(back_ms)}});
    std::set<Entry> moved;
    for (Entry entry : std::exchange(due_, {})) {
      entry.due_ms -= back_ms;
      moved.insert(entry);
    }
    due_ = std::move(moved);
    next_page_ms_ -= back_ms;
    horizon_ms_ -= back_ms;
  }
  return now_ms;
}

void TimerQueue::add(int64_t due_ms, int64_t run_no, int64_t op) {
  (void)now();
  if (due_ms >= horizon_ms_) return;  // a later page brings it
  due_.insert({.due_ms = due_ms, .run_no = run_no, .op = op});
  arm();
}

void TimerQueue::arm() {
  if (stopped_) return;
  int64_t wake_ms = next_page_ms_;
  if (!due_.empty()) wake_ms = std::min(wake_ms, due_.begin()->due_ms);
  timer_.start(std::clamp<int64_t>(wake_ms - clock_.wall_ms(), 0, kRefreshMs), [this] { run_due(); });
}

void TimerQueue::run_due() {
  const int64_t now_ms = now();
  while (!due_.empty() && due_.begin()->due_ms <= now_ms) {
    const Entry entry = *due_.begin();
    due_.erase(due_.begin());
    fire_(entry.run_no, entry.op);
  }
  if (now_ms >= next_page_ms_ && !reading_) {
    scope_.spawn(read_page());
  } else {
    arm();
  }
}

io::Task<void> TimerQueue::read_page() {
  reading_ = true;
  // What is added from now on is within the new horizon, so nothing falls between the page and add().
  const int64_t now_ms = now();
  horizon_ms_ = now_ms + kHorizonMs;
  next_page_ms_ = now_ms + kRefreshMs;
  auto page = co_await database_.read(
      [before = horizon_ms_](sql::Reader& reader) { return store::read_timers(reader, before, kPageRows); });
  reading_ = false;
  if (!page) {
    log::warn("timers could not be read; trying again", {{"error", page.error().to_string()}});
    next_page_ms_ = now_ms + 1'000;
  } else {
    for (const store::DueTimer& timer : *page)
      due_.insert({.due_ms = timer.due_ms, .run_no = timer.run_no, .op = timer.op});
    if (std::cmp_equal(page->size(), kPageRows)) next_page_ms_ = std::min(next_page_ms_, page->back().due_ms);
  }
  arm();
}

}  // namespace compozy::workflow
