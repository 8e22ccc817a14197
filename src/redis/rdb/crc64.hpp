// SPDX-License-Identifier: Apache-2.0
//
// CRC-64 as RDB files and DUMP payloads carry it: the Jones polynomial 0xad93d23594c935a9, reflected, from 0.
#pragma once

#include <cstdint>
#include <string_view>

namespace compozy::redis {

uint64_t crc64(uint64_t crc, std::string_view bytes);

}  // namespace compozy::redis
