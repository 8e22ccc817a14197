// SPDX-License-Identifier: Apache-2.0
//
// Base 64 (RFC 4648 section 4), with padding. Private to expression/.
#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"

namespace compozy::expression {

std::string base64_encode(std::string_view bytes);
Result<std::string> base64_decode(std::string_view text);  // also the URL alphabet, and without padding

}  // namespace compozy::expression
