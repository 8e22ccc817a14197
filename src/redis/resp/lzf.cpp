// SPDX-License-Identifier: Apache-2.0
#include "redis/resp/lzf.hpp"

namespace compozy::redis {

std::optional<std::string> lzf_decompress(std::string_view input, size_t size) {
  // Three bytes give at most 264: a size beyond that is a lie, and no memory is reserved for it.
  if (size > input.size() * 88 + 264) return std::nullopt;
  std::string out;
  out.reserve(size);
  size_t at = 0;
  const auto byte = [&] { return static_cast<unsigned char>(input[at++]); };
  while (at < input.size()) {
    const unsigned control = byte();
    if (control < 32) {  // literals
      const size_t count = control + 1;
      if (input.size() - at < count || out.size() + count > size) return std::nullopt;
      out.append(input.substr(at, count));
      at += count;
      continue;
    }
    size_t count = control >> 5;  // a copy of what was there
    if (count == 7) {
      if (at == input.size()) return std::nullopt;
      count += byte();
    }
    if (at == input.size()) return std::nullopt;
    const size_t distance = ((control & 0x1f) << 8 | byte()) + 1;
    count += 2;
    if (distance > out.size() || out.size() + count > size) return std::nullopt;
    for (size_t i = 0; i < count; ++i) out += out[out.size() - distance];
  }
  if (out.size() != size) return std::nullopt;
  return out;
}

}  // namespace compozy::redis
