// SPDX-License-Identifier: Apache-2.0
//
// RESTORE payloads nobody would write: they are refused, or give a value that can be read and dumped again.
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/assert.hpp"
#include "base/clock.hpp"
#include "base/random.hpp"
#include "redis/keyspace/keyspace.hpp"
#include "redis/rdb/crc64.hpp"
#include "redis/rdb/value_codec.hpp"

using namespace compozy;
using namespace compozy::redis;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > 65536) return 0;
  // The checksum is made here, or no input would get past it.
  std::string payload(reinterpret_cast<const char*>(data), size);
  RdbWriter footer(payload);
  footer.little_endian(kRdbVersion, 2);
  footer.little_endian(crc64(0, payload), 8);
  ManualClock clock;
  SeededRandom random(1);
  Keyspace space(clock, random, 1);
  const AccountScope account(space.memory());
  LoadedValue value;
  if (read_payload(payload, space.limits, value) != PayloadError::none) return 0;
  Database& database = space.database(0);
  value.add_to(database, "key", -1);
  const std::string again = dump_payload(*database.peek("key"));
  LoadedValue copy;
  ASSERT(read_payload(again, space.limits, copy) == PayloadError::none);
  return 0;
}
