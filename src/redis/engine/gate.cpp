// SPDX-License-Identifier: Apache-2.0
#include "redis/engine/gate.hpp"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace compozy::redis {

namespace {

constexpr int kSpins = 300;

void pause_briefly() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

}  // namespace

void Gate::enter() {
  uint32_t expected = 0;
  if (word_.compare_exchange_strong(expected, 1, std::memory_order_acquire)) return;
  for (int i = 0; i < kSpins; ++i) {
    pause_briefly();
    expected = 0;
    if (word_.load(std::memory_order_relaxed) == 0 &&
        word_.compare_exchange_weak(expected, 1, std::memory_order_acquire)) {
      return;
    }
  }
  // From here on the word says that somebody sleeps, so the leaver wakes one.
  while (word_.exchange(2, std::memory_order_acquire) != 0) {
    syscall(SYS_futex, &word_, FUTEX_WAIT_PRIVATE, 2, nullptr, nullptr, 0);
  }
}

void Gate::leave() {
  if (word_.exchange(0, std::memory_order_release) == 2) {
    syscall(SYS_futex, &word_, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
  }
}

}  // namespace compozy::redis
