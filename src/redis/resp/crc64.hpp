// SPDX-License-Identifier: Apache-2.0
//
// CRC-64 as DUMP payloads and RDB files carry it: the "Jones" polynomial, reflected, no inversion.
// Source: the public test vector of Redis' documentation: crc64("123456789") = e9c6d914c4b8d9ca.
#pragma once

#include <cstdint>
#include <string_view>

namespace compozy::redis {

uint64_t crc64(std::string_view bytes, uint64_t crc = 0);

}  // namespace compozy::redis
