// SPDX-License-Identifier: Apache-2.0
#include "redis/engine/gate.hpp"

#include <thread>
#include <vector>

namespace compozy::redis {
namespace {

TEST(Gate, LetsOneInAtATime) {
  Gate gate;
  int64_t counter = 0;  // Not atomic: only the gate protects it.
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 50'000; ++i) {
        gate.enter();
        ++counter;
        gate.leave();
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(counter, 200'000);
}

}  // namespace
}  // namespace compozy::redis
