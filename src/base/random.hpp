// SPDX-License-Identifier: Apache-2.0
//
// Random: the only source of chance. The process passes system_random() (getrandom(2)), tests a SeededRandom whose seed
// they print. Thread: system_random() any; a SeededRandom belongs to one thread.
#pragma once

#include <cstdint>
#include <span>

namespace compozy {

class Random {
 public:
  virtual ~Random() = default;
  virtual uint64_t next() = 0;
  void fill(std::span<uint8_t> bytes);
  uint64_t below(uint64_t bound);  // uniform in [0, bound); bound > 0
};

Random& system_random();

// splitmix64: the same seed gives the same sequence on every machine.
class SeededRandom final : public Random {
 public:
  explicit SeededRandom(uint64_t seed) : state_(seed) {}
  uint64_t next() override;

 private:
  uint64_t state_;
};

}  // namespace compozy
