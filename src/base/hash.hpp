// SPDX-License-Identifier: Apache-2.0
//
// Hashes for integrity and identity. SHA-256 (FIPS 180-4) names content: definitions, blobs, etags.
// CRC-64/Jones is Redis' checksum for RDB and DUMP. hash64 is for in-memory tables and is never stored.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <string>

#include "base/bytes.hpp"

namespace compozy {

class Sha256 {
 public:
  Sha256();
  void update(BytesView bytes);
  std::array<uint8_t, 32> finish();

 private:
  void block(const uint8_t* data);

  std::array<uint32_t, 8> state_;
  std::array<uint8_t, 64> buffer_{};
  uint64_t length_ = 0;
};

std::string sha256_hex(BytesView bytes);

// HMAC-SHA-256 (RFC 2104), in hexadecimal.
std::string hmac_sha256_hex(BytesView key, BytesView bytes);

// Takes as long whatever the texts hold, so that a signature cannot be guessed piece by piece.
bool equal_in_constant_time(std::string_view a, std::string_view b);

// Fast and well mixed (wyhash construction); seeded per process by callers that face hostile keys. Inline: a look-up
// in memory that is near costs little more than this.
inline uint64_t hash64(BytesView bytes, uint64_t seed = 0) {
  constexpr uint64_t k0 = 0xa0761d6478bd642f;
  constexpr uint64_t k1 = 0xe7037ed1a0b428db;
  const auto read64 = [](const char* p) {
    uint64_t v = 0;
    std::memcpy(&v, p, sizeof v);
    return v;
  };
  const auto read32 = [](const char* p) {
    uint32_t v = 0;
    std::memcpy(&v, p, sizeof v);
    return uint64_t{v};
  };
  const auto mix = [](uint64_t a, uint64_t b) {
    const auto product = static_cast<unsigned __int128>(a) * b;
    return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
  };
  const char* p = bytes.data();
  size_t n = bytes.size();
  uint64_t h = seed ^ k0;
  while (n >= 16) {
    h = mix(read64(p) ^ k1, read64(p + 8) ^ h);
    p += 16;
    n -= 16;
  }
  uint64_t a = 0;
  uint64_t b = 0;
  if (n >= 8) {
    a = read64(p);
    b = read64(p + n - 8);
  } else if (n >= 4) {
    a = read32(p) << 32 | read32(p + n - 4);
  } else if (n > 0) {
    const auto byte = [p](size_t at) { return uint64_t{static_cast<uint8_t>(p[at])}; };
    a = byte(0) << 16 | byte(n / 2) << 8 | byte(n - 1);
  }
  return mix(k1 ^ bytes.size(), mix(a ^ k1, b ^ h));
}

}  // namespace compozy
