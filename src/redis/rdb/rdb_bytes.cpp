// SPDX-License-Identifier: Apache-2.0
#include "redis/rdb/rdb_bytes.hpp"

#include <cstdlib>
#include <cstring>
#include <limits>

#include "redis/keyspace/set_value.hpp"
#include "redis/rdb/lzf.hpp"

namespace compozy::redis {

namespace {

constexpr uint8_t kLength32 = 0x80;
constexpr uint8_t kLength64 = 0x81;
constexpr uint8_t kSpecial = 0xc0;
enum Special : uint8_t { kInt8 = 0, kInt16 = 1, kInt32 = 2, kLzf = 3 };
constexpr size_t kIntegerTextMax = 11;
constexpr size_t kCompressMin = 20;
constexpr size_t kCompressGain = 4;

}  // namespace

void RdbWriter::length(uint64_t value) {
  if (value < 64) {
    byte(static_cast<uint8_t>(value));
  } else if (value < 16384) {
    byte(static_cast<uint8_t>(0x40 | (value >> 8)));
    byte(static_cast<uint8_t>(value & 0xff));
  } else {
    const bool wide = value > std::numeric_limits<uint32_t>::max();
    byte(wide ? kLength64 : kLength32);
    for (int shift = wide ? 56 : 24; shift >= 0; shift -= 8) byte(static_cast<uint8_t>((value >> shift) & 0xff));
  }
}

void RdbWriter::little_endian(uint64_t value, size_t bytes) {
  for (size_t i = 0; i < bytes; ++i) byte(static_cast<uint8_t>((value >> (8 * i)) & 0xff));
}

void RdbWriter::binary_double(double value) {
  uint64_t bits = 0;
  std::memcpy(&bits, &value, sizeof bits);
  little_endian(bits, 8);
}

void RdbWriter::string(std::string_view text) {
  int64_t number = 0;
  if (text.size() <= kIntegerTextMax && is_canonical_integer(text, number) && number >= INT32_MIN &&
      number <= INT32_MAX) {
    const bool one = number >= INT8_MIN && number <= INT8_MAX;
    const bool two = number >= INT16_MIN && number <= INT16_MAX;
    byte(static_cast<uint8_t>(kSpecial | (one ? kInt8 : two ? kInt16 : kInt32)));
    little_endian(static_cast<uint64_t>(number), one ? 1 : two ? 2 : 4);
    return;
  }
  if (compress_ && text.size() > kCompressMin) {
    const std::string packed = lzf_compress(text, text.size() - kCompressGain);
    if (!packed.empty()) {
      byte(kSpecial | kLzf);
      length(packed.size());
      length(text.size());
      raw(packed);
      return;
    }
  }
  length(text.size());
  raw(text);
}

bool RdbReader::raw(size_t size, std::string_view& bytes) {
  if (failed_) return false;
  if (size > bytes_.size() - at_) {
    ran_out_ = true;
    return fail();
  }
  bytes = bytes_.substr(at_, size);
  at_ += size;
  return true;
}

bool RdbReader::byte(uint8_t& value) {
  std::string_view bytes;
  if (!raw(1, bytes)) return false;
  value = static_cast<uint8_t>(bytes[0]);
  return true;
}

bool RdbReader::little_endian(size_t size, uint64_t& value) {
  std::string_view bytes;
  if (!raw(size, bytes)) return false;
  value = 0;
  std::memcpy(&value, bytes.data(), size);
  return true;
}

bool RdbReader::binary_double(double& value) {
  uint64_t bits = 0;
  if (!little_endian(8, bits)) return false;
  std::memcpy(&value, &bits, sizeof value);
  return true;
}

bool RdbReader::text_double(double& value) {
  uint8_t size = 0;
  if (!byte(size)) return false;
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  if (size >= 253) {
    value = size == 253 ? std::numeric_limits<double>::quiet_NaN() : size == 254 ? kInfinity : -kInfinity;
    return true;
  }
  std::string_view bytes;
  if (!raw(size, bytes)) return false;
  const std::string text(bytes);
  char* end = nullptr;
  value = std::strtod(text.c_str(), &end);
  return end == text.c_str() + text.size() || fail();
}

bool RdbReader::length_or_encoding(uint64_t& value, bool& special) {
  uint8_t first = 0;
  if (!byte(first)) return false;
  special = first >= kSpecial;
  if (special || first < 0x40) {
    value = first & 0x3f;
    return true;
  }
  if (first < 0x80) {
    uint8_t second = 0;
    if (!byte(second)) return false;
    value = (static_cast<uint64_t>(first & 0x3f) << 8) | second;
    return true;
  }
  if (first != kLength32 && first != kLength64) return fail();
  std::string_view bytes;
  if (!raw(first == kLength32 ? 4 : 8, bytes)) return false;
  value = 0;
  for (const char c : bytes) value = (value << 8) | static_cast<uint8_t>(c);
  return true;
}

bool RdbReader::length(uint64_t& value) {
  bool special = false;
  return length_or_encoding(value, special) && (!special || fail());
}

bool RdbReader::string(std::string& text) {
  uint64_t size = 0;
  bool special = false;
  if (!length_or_encoding(size, special)) return false;
  std::string_view bytes;
  if (!special) {
    if (!raw(size, bytes)) return false;
    text.assign(bytes);
    return true;
  }
  uint64_t number = 0;
  switch (size) {
    case kInt8: return little_endian(1, number) && (text = std::to_string(static_cast<int8_t>(number)), true);
    case kInt16: return little_endian(2, number) && (text = std::to_string(static_cast<int16_t>(number)), true);
    case kInt32: return little_endian(4, number) && (text = std::to_string(static_cast<int32_t>(number)), true);
    case kLzf: {
      uint64_t packed = 0;
      uint64_t whole = 0;
      if (!length(packed) || !length(whole) || !raw(packed, bytes)) return false;
      return lzf_decompress(bytes, whole, text) || fail();
    }
    default: return fail();
  }
}

}  // namespace compozy::redis
