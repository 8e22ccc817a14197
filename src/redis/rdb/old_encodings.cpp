// SPDX-License-Identifier: Apache-2.0
#include "redis/rdb/old_encodings.hpp"

#include <cstring>
#include <limits>
#include <optional>
#include <string>

namespace compozy::redis {

namespace {

constexpr uint8_t kEnd = 0xff;
constexpr uint8_t kLong = 0xfe;
constexpr size_t kZiplistHeader = 10;

uint64_t little_endian(std::string_view bytes) {
  uint64_t value = 0;
  std::memcpy(&value, bytes.data(), bytes.size());
  return value;
}

int64_t sign_extend(uint64_t value, size_t bytes) {
  const auto unused = static_cast<int>(64 - 8 * bytes);
  return static_cast<int64_t>(value << unused) >> unused;
}

// Takes bytes from the front; fails at their end.
class Cursor {
 public:
  explicit Cursor(std::string_view bytes) : left_(bytes) {}
  std::optional<std::string_view> take(size_t size) {
    if (size > left_.size()) return std::nullopt;
    const std::string_view taken = left_.substr(0, size);
    left_.remove_prefix(size);
    return taken;
  }
  std::optional<uint8_t> byte() {
    const auto taken = take(1);
    if (!taken) return std::nullopt;
    return static_cast<uint8_t>((*taken)[0]);
  }
  size_t left() const { return left_.size(); }

 private:
  std::string_view left_;
};

// The length of the element before, at the head of a ziplist's element.
bool read_previous(Cursor& cursor, size_t expected) {
  const auto first = cursor.byte();
  if (!first) return false;
  if (*first < kLong) return *first == expected;
  if (*first != kLong) return false;
  const auto four = cursor.take(4);
  return four && little_endian(*four) == expected;
}

bool read_element(Cursor& cursor, const VisitText& visit) {
  const auto lead = cursor.byte();
  if (!lead) return false;
  const uint8_t encoding = *lead;
  if (encoding < 0xc0) {
    uint64_t size = encoding & 0x3fU;
    if (encoding >= 0x40 && encoding < 0x80) {
      const auto second = cursor.byte();
      if (!second) return false;
      size = (size << 8) | *second;
    } else if (encoding >= 0x80) {
      const auto four = cursor.take(4);
      if (!four) return false;
      size = 0;
      for (const char c : *four) size = (size << 8) | static_cast<uint8_t>(c);
    }
    const auto text = cursor.take(size);
    if (text) visit(*text);
    return text.has_value();
  }
  if (encoding >= 0xf1 && encoding <= 0xfd) {
    visit(std::to_string(encoding - 0xf1));
    return true;
  }
  size_t width = 0;
  switch (encoding) {
    case 0xc0: width = 2; break;
    case 0xd0: width = 4; break;
    case 0xe0: width = 8; break;
    case 0xf0: width = 3; break;
    case 0xfe: width = 1; break;
    default: return false;
  }
  const auto data = cursor.take(width);
  if (data) visit(std::to_string(sign_extend(little_endian(*data), width)));
  return data.has_value();
}

}  // namespace

bool read_ziplist(std::string_view bytes, const VisitText& visit) {
  if (bytes.size() < kZiplistHeader + 1 || little_endian(bytes.substr(0, 4)) != bytes.size() ||
      static_cast<uint8_t>(bytes.back()) != kEnd) {
    return false;
  }
  Cursor cursor(bytes.substr(kZiplistHeader, bytes.size() - kZiplistHeader - 1));
  size_t previous = 0;
  size_t count = 0;
  size_t last_at = kZiplistHeader;
  while (cursor.left() > 0) {
    const size_t before = cursor.left();
    last_at = bytes.size() - 1 - before;
    if (!read_previous(cursor, previous) || !read_element(cursor, visit)) return false;
    previous = before - cursor.left();
    ++count;
  }
  const uint64_t told = little_endian(bytes.substr(8, 2));
  if (little_endian(bytes.substr(4, 4)) != last_at) return false;
  return told == std::numeric_limits<uint16_t>::max() || told == count;
}

bool read_zipmap(std::string_view bytes, const VisitText& visit) {
  if (bytes.size() < 2 || static_cast<uint8_t>(bytes.back()) != kEnd) return false;
  Cursor cursor(bytes.substr(1, bytes.size() - 2));
  const auto length = [&]() -> std::optional<uint64_t> {
    const auto first = cursor.byte();
    if (!first || *first < kLong) return first;
    const auto four = *first == kLong ? cursor.take(4) : std::nullopt;
    if (!four) return std::nullopt;
    return little_endian(*four);
  };
  size_t count = 0;
  for (; cursor.left() > 0; ++count) {
    const auto name_size = length();
    const auto name = name_size ? cursor.take(*name_size) : std::nullopt;
    const auto value_size = name ? length() : std::nullopt;
    const auto unused = value_size ? cursor.byte() : std::nullopt;
    const auto value = unused ? cursor.take(*value_size) : std::nullopt;
    if (!value || !cursor.take(*unused)) return false;
    visit(*name);
    visit(*value);
  }
  const auto told = static_cast<uint8_t>(bytes[0]);
  return told >= kLong || told == count;
}

bool read_intset(std::string_view bytes, const std::function<void(int64_t)>& visit) {
  constexpr size_t kHeader = 8;
  if (bytes.size() < kHeader) return false;
  const uint64_t width = little_endian(bytes.substr(0, 4));
  const uint64_t count = little_endian(bytes.substr(4, 4));
  if ((width != 2 && width != 4 && width != 8) || count == 0 || bytes.size() != kHeader + width * count) return false;
  int64_t previous = 0;
  for (uint64_t i = 0; i < count; ++i) {
    const int64_t value = sign_extend(little_endian(bytes.substr(kHeader + i * width, width)), width);
    if (i > 0 && value <= previous) return false;
    visit(value);
    previous = value;
  }
  return true;
}

}  // namespace compozy::redis
