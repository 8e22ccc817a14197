// SPDX-License-Identifier: Apache-2.0
//
// LZF, the byte format in which RDB keeps long strings: a control byte below 32 is followed by one literal more than it
// says; otherwise its upper three bits are the length of a match minus 2 (7: the next byte adds to it), and its lower
// five with the next byte how far back the match starts, minus 1.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace compozy::redis {

// Empty when the result would have more than `limit` bytes.
std::string lzf_compress(std::string_view bytes, size_t limit);
// False when the bytes are no LZF of exactly `size` bytes. Never reads or writes outside.
bool lzf_decompress(std::string_view bytes, size_t size, std::string& out);

}  // namespace compozy::redis
