// SPDX-License-Identifier: Apache-2.0
#include "redis/resp/crc64.hpp"

#include <array>
#include <bit>
#include <cstring>

namespace compozy::redis {

namespace {

constexpr uint64_t kPolynomial = 0x95ac9329ac4bc9b5;  // reflected

// tables[k][b]: what byte b contributes when k more bytes follow it.
using Tables = std::array<std::array<uint64_t, 256>, 8>;

constexpr Tables make_tables() {
  Tables tables{};
  for (uint64_t byte = 0; byte < 256; ++byte) {
    uint64_t crc = byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc & 1) != 0 ? crc >> 1 ^ kPolynomial : crc >> 1;
    tables[0][byte] = crc;
  }
  for (size_t k = 1; k < tables.size(); ++k) {
    for (size_t byte = 0; byte < 256; ++byte) {
      const uint64_t before = tables[k - 1][byte];
      tables[k][byte] = before >> 8 ^ tables[0][before & 0xff];
    }
  }
  return tables;
}

constexpr Tables kTables = make_tables();

}  // namespace

uint64_t crc64(std::string_view bytes, uint64_t crc) {
  static_assert(std::endian::native == std::endian::little);
  size_t at = 0;
  for (; at + 8 <= bytes.size(); at += 8) {
    uint64_t word = 0;
    std::memcpy(&word, bytes.data() + at, sizeof word);
    word ^= crc;
    crc = 0;
    for (size_t k = 0; k < 8; ++k) crc ^= kTables[7 - k][word >> (8 * k) & 0xff];
  }
  for (; at < bytes.size(); ++at) crc = crc >> 8 ^ kTables[0][(crc ^ static_cast<unsigned char>(bytes[at])) & 0xff];
  return crc;
}

}  // namespace compozy::redis
