// SPDX-License-Identifier: Apache-2.0
//
// What the bitmap and bitfield commands share.
#pragma once

#include <cstdint>
#include <string_view>

namespace compozy::redis {

struct Context;

// "17", or "#3" for the third integer of `width` bits; a width of 0 knows no "#". Bounded by proto-max-bulk-len.
bool parse_bit_offset(Context& ctx, std::string_view text, int64_t width, uint64_t& offset);

}  // namespace compozy::redis
