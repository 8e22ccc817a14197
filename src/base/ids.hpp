// SPDX-License-Identifier: Apache-2.0
//
// Ids that sort by time: ULID (github.com/ulid/spec), 26 characters of Crockford base 32: 48 bits of milliseconds, 80
// of chance. UUIDs are version 4 (RFC 9562). Neither carries meaning beyond order and uniqueness.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/random.hpp"

namespace compozy {

std::string make_ulid(int64_t wall_ms, Random& random);
bool is_ulid(std::string_view text);
std::string make_uuid4(Random& random);

// Gives ids; one per process, or a deterministic one in tests. Thread: as its Random.
class IdSource {
 public:
  IdSource(const Clock& clock, Random& random) : clock_(clock), random_(random) {}
  std::string next() { return make_ulid(clock_.wall_ms(), random_); }

 private:
  const Clock& clock_;
  Random& random_;
};

}  // namespace compozy
