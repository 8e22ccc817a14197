// SPDX-License-Identifier: Apache-2.0
#include "redis/rdb/crc64.hpp"

#include <array>
#include <cstring>

namespace compozy::redis {

namespace {

constexpr uint64_t kReflectedPolynomial = 0x95ac9329ac4bc9b5ULL;  // 0xad93d23594c935a9, bits in reverse
constexpr size_t kSlices = 8;
using Tables = std::array<std::array<uint64_t, 256>, kSlices>;

// tables[n] advances a byte over n more zero bytes, so that eight bytes are taken at a time.
constexpr Tables make_tables() {
  Tables tables{};
  for (uint64_t i = 0; i < 256; ++i) {
    uint64_t crc = i;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? kReflectedPolynomial : 0);
    tables[0][i] = crc;
  }
  for (size_t n = 1; n < kSlices; ++n) {
    for (size_t i = 0; i < 256; ++i) tables[n][i] = tables[0][tables[n - 1][i] & 0xff] ^ (tables[n - 1][i] >> 8);
  }
  return tables;
}

constexpr Tables kTables = make_tables();

}  // namespace

uint64_t crc64(uint64_t crc, std::string_view bytes) {
  size_t i = 0;
  for (; i + 8 <= bytes.size(); i += 8) {
    uint64_t word = 0;
    std::memcpy(&word, bytes.data() + i, sizeof word);
    word ^= crc;
    crc = 0;
    for (size_t n = 0; n < kSlices; ++n) crc ^= kTables[kSlices - 1 - n][(word >> (8 * n)) & 0xff];
  }
  for (; i < bytes.size(); ++i) crc = kTables[0][(crc ^ static_cast<uint8_t>(bytes[i])) & 0xff] ^ (crc >> 8);
  return crc;
}

}  // namespace compozy::redis
