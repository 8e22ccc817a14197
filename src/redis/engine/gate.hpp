// SPDX-License-Identifier: Apache-2.0
//
// Gate: who may touch the engine. One word: 0 free, 1 held, 2 held with sleepers. Entering tries once, spins shortly,
// then sleeps on a futex; whoever comes first gets in (no queue, no hand-off), and fairness comes from short holds.
// Nothing under the gate makes a blocking system call or waits.
//
// Thread: any. Not recursive.
#pragma once

#include <atomic>
#include <cstdint>

namespace compozy::redis {

class Gate {
 public:
  void enter();
  void leave();
  bool contended() const { return word_.load(std::memory_order_relaxed) == 2; }

 private:
  std::atomic<uint32_t> word_{0};
};

}  // namespace compozy::redis
