// SPDX-License-Identifier: Apache-2.0
//
// Rate: how fast a counter grows, as the mean over the last 16 samples; INFO's instantaneous figures.
// Thread: whoever holds the gate.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace compozy::redis {

class Rate {
 public:
  // The counter's value now. One that went back (CONFIG RESETSTAT) counts as no growth.
  void sample(int64_t now_us, uint64_t counter) {
    if (last_us_ != 0 && now_us > last_us_) {
      const uint64_t grown = counter < last_ ? 0 : counter - last_;
      samples_[next_++ % samples_.size()] = static_cast<double>(grown) * 1e6 / static_cast<double>(now_us - last_us_);
    }
    last_us_ = now_us;
    last_ = counter;
  }
  double per_second() const {
    double sum = 0;
    for (const double sample : samples_) sum += sample;
    return sum / static_cast<double>(samples_.size());
  }

 private:
  std::array<double, 16> samples_{};
  size_t next_ = 0;
  int64_t last_us_ = 0;
  uint64_t last_ = 0;
};

}  // namespace compozy::redis
