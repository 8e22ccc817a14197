// SPDX-License-Identifier: Apache-2.0
//
// The numbers of math.random: the 48-bit generator of POSIX' lrand48(), so that a seed gives the same sequence as in
// Redis, on any machine. Source: pubs.opengroup.org, drand48().
#pragma once

#include <cstdint>

namespace compozy::redis {

class ScriptRandom {
 public:
  void seed(int32_t seed) { state_ = (static_cast<uint64_t>(static_cast<uint32_t>(seed)) << 16) | 0x330E; }
  // 0 … 2^31 - 1
  int32_t next() {
    state_ = (state_ * 0x5DEECE66DULL + 0xB) & 0xFFFFFFFFFFFFULL;
    return static_cast<int32_t>(state_ >> 17);
  }

 private:
  uint64_t state_ = 0x1234ABCD330E;
};

}  // namespace compozy::redis
