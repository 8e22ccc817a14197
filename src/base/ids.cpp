// SPDX-License-Identifier: Apache-2.0
#include "base/ids.hpp"

#include <algorithm>
#include <array>

#include "base/bytes.hpp"

namespace compozy {

namespace {
constexpr std::string_view kCrockford = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
}

std::string make_ulid(int64_t wall_ms, Random& random) {
  std::string id(26, '0');
  auto time = static_cast<uint64_t>(wall_ms);
  for (size_t i = 10; i-- > 0;) {
    id[i] = kCrockford[time & 31];
    time >>= 5;
  }
  uint64_t word = 0;
  for (size_t i = 10; i < 26; ++i) {
    if ((i - 10) % 8 == 0) word = random.next();
    id[i] = kCrockford[word & 31];
    word >>= 5;
  }
  return id;
}

bool is_ulid(std::string_view text) {
  return text.size() == 26 && text[0] <= '7' &&
         std::ranges::all_of(text, [](char c) { return kCrockford.contains(c); });
}

std::string make_uuid4(Random& random) {
  std::array<uint8_t, 16> bytes{};
  random.fill(bytes);
  bytes[6] = static_cast<uint8_t>((bytes[6] & 0x0f) | 0x40);
  bytes[8] = static_cast<uint8_t>((bytes[8] & 0x3f) | 0x80);
  std::string hex = to_hex(std::string(bytes.begin(), bytes.end()));
  for (const size_t dash : {8U, 13U, 18U, 23U}) hex.insert(dash, "-");
  return hex;
}

}  // namespace compozy
