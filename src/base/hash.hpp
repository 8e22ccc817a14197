// SPDX-License-Identifier: Apache-2.0
//
// Hashes for integrity and identity. SHA-256 (FIPS 180-4) names content: definitions, blobs, etags.
// CRC-64/Jones is Redis' checksum for RDB and DUMP. hash64 is for in-memory tables and is never stored.
#pragma once

#include <array>
#include <cstdint>
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

// Fast and well mixed (wyhash construction); seeded per process by callers that face hostile keys.
uint64_t hash64(BytesView bytes, uint64_t seed = 0);

}  // namespace compozy
