// SPDX-License-Identifier: Apache-2.0
//
// SHA-1 as Redis uses it: to name a script (EVALSHA). Not for security.
#pragma once

#include <string>
#include <string_view>

namespace compozy::redis {

std::string sha1_hex(std::string_view text);  // 40 lower-case digits

}  // namespace compozy::redis
