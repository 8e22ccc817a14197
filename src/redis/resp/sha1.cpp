// SPDX-License-Identifier: Apache-2.0
#include "redis/resp/sha1.hpp"

#include <array>

#include <openssl/evp.h>

#include "base/assert.hpp"
#include "base/bytes.hpp"

namespace compozy::redis {

std::string sha1_hex(std::string_view text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  ASSERT(EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha1(), nullptr) == 1);
  return to_hex({reinterpret_cast<const char*>(digest.data()), size});
}

}  // namespace compozy::redis
