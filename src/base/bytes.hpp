// SPDX-License-Identifier: Apache-2.0
//
// Bytes: binary-safe strings. std::string owns them and std::string_view borrows them, as Redis values and HTTP bodies
// are both text and not. The names below say which one a signature means.
#pragma once

#include <string>
#include <string_view>

namespace compozy {

using Bytes = std::string;
using BytesView = std::string_view;

// Lower-case hexadecimal.
std::string to_hex(BytesView bytes);

}  // namespace compozy
