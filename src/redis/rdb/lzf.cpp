// SPDX-License-Identifier: Apache-2.0
#include "redis/rdb/lzf.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

namespace compozy::redis {

namespace {

constexpr size_t kLiteralsMax = 32;
constexpr size_t kMatchMin = 3;
constexpr size_t kMatchMax = 264;
constexpr size_t kBackMax = 8192;
constexpr size_t kHashBits = 14;

size_t hash_of(std::string_view bytes, size_t at) {
  const uint32_t three = static_cast<uint32_t>(static_cast<uint8_t>(bytes[at])) << 16 |
                         static_cast<uint32_t>(static_cast<uint8_t>(bytes[at + 1])) << 8 |
                         static_cast<uint8_t>(bytes[at + 2]);
  return (three * 2654435761U) >> (32 - kHashBits);
}

void append_literals(std::string& out, std::string_view literals) {
  while (!literals.empty()) {
    const size_t size = std::min(literals.size(), kLiteralsMax);
    out += static_cast<char>(size - 1);
    out.append(literals.substr(0, size));
    literals.remove_prefix(size);
  }
}

void append_match(std::string& out, size_t back, size_t size) {
  const size_t told = size - 2;
  const size_t distance = back - 1;
  out += static_cast<char>((std::min<size_t>(told, 7) << 5) | (distance >> 8));
  if (told >= 7) out += static_cast<char>(told - 7);
  out += static_cast<char>(distance & 0xff);
}

}  // namespace

std::string lzf_compress(std::string_view bytes, size_t limit) {
  std::array<uint32_t, size_t{1} << kHashBits> places{};  // where three such bytes stood last, plus 1
  std::string out;
  size_t literal_from = 0;
  size_t at = 0;
  while (at + kMatchMin <= bytes.size()) {
    uint32_t& place = places[hash_of(bytes, at)];
    const size_t candidate = place;
    place = static_cast<uint32_t>(at + 1);
    if (candidate == 0 || at - (candidate - 1) > kBackMax ||
        bytes.substr(candidate - 1, kMatchMin) != bytes.substr(at, kMatchMin)) {
      ++at;
      continue;
    }
    const size_t from = candidate - 1;
    size_t size = kMatchMin;
    while (size < kMatchMax && at + size < bytes.size() && bytes[from + size] == bytes[at + size]) ++size;
    append_literals(out, bytes.substr(literal_from, at - literal_from));
    append_match(out, at - from, size);
    at += size;
    literal_from = at;
    if (out.size() > limit) return {};
  }
  append_literals(out, bytes.substr(literal_from));
  return out.size() > limit ? std::string() : out;
}

bool lzf_decompress(std::string_view bytes, size_t size, std::string& out) {
  out.clear();
  if (size > bytes.size() * kMatchMax) return false;  // No such bytes can say so much.
  out.reserve(size);
  for (size_t at = 0; at < bytes.size();) {
    const auto control = static_cast<uint8_t>(bytes[at++]);
    if (control < kLiteralsMax) {
      const size_t literals = control + 1U;
      if (literals > bytes.size() - at || literals > size - out.size()) return false;
      out.append(bytes.substr(at, literals));
      at += literals;
      continue;
    }
    size_t match = (control >> 5) + 2U;
    if (match == 9) {
      if (at >= bytes.size()) return false;
      match += static_cast<uint8_t>(bytes[at++]);
    }
    if (at >= bytes.size()) return false;
    const size_t back = ((control & 31U) << 8 | static_cast<uint8_t>(bytes[at++])) + 1;
    if (back > out.size() || match > size - out.size()) return false;
    for (size_t i = 0; i < match; ++i) out += out[out.size() - back];
  }
  return out.size() == size;
}

}  // namespace compozy::redis
