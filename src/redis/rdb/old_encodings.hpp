// SPDX-License-Identifier: Apache-2.0
//
// Encodings inside values that older versions of Redis wrote: ziplist, zipmap; and intset. Read only.
// False: the bytes are not well formed; nothing is read outside of them.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

namespace compozy::redis {

using VisitText = std::function<void(std::string_view text)>;

// u32 bytes, u32 offset of the last element, u16 count, elements (length of the one before, encoding, data), 0xff
bool read_ziplist(std::string_view bytes, const VisitText& visit);
// u8 count, (length, field, length, unused, value, unused bytes)…, 0xff; visited as field, value, field, value …
bool read_zipmap(std::string_view bytes, const VisitText& visit);
// u32 width (2, 4, 8), u32 count, integers in order
bool read_intset(std::string_view bytes, const std::function<void(int64_t)>& visit);

}  // namespace compozy::redis
