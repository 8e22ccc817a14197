// SPDX-License-Identifier: Apache-2.0
//
// The hash of the keyspace's tables. Thread: any.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/hash.hpp"
#include "base/random.hpp"

namespace compozy::redis {

// One seed per process, so that nobody outside can choose colliding keys.
inline uint64_t table_hash(std::string_view key) {
  static const uint64_t seed = system_random().next();
  return hash64(key, seed);
}

}  // namespace compozy::redis
