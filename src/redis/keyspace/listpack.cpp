// SPDX-License-Identifier: Apache-2.0
#include "redis/keyspace/listpack.hpp"

#include <charconv>
#include <cstring>

#include "redis/keyspace/set_value.hpp"

namespace compozy::redis {

namespace {

constexpr uint8_t kEnd = 0xff;
constexpr uint16_t kManyElements = 65535;

// What the first byte of an element says.
struct Lead {
  uint32_t header = 1;  // bytes before the data
  uint64_t data = 0;    // bytes of data
  bool is_number = true;
  bool known = true;
};

uint64_t load(const char* bytes, size_t size) {
  uint64_t value = 0;
  std::memcpy(&value, bytes, size);
  return value;
}

// `left` bytes may be read.
Lead read_lead(const char* at, size_t left) {
  const auto first = static_cast<uint8_t>(at[0]);
  if (first < 0x80) return {};
  if (first < 0xc0) return {.data = first & 63U, .is_number = false};
  if (first < 0xe0) return {.data = 1};
  if (first < 0xf0) {
    if (left < 2) return {.known = false};
    return {.header = 2, .data = ((first & 15U) << 8) | static_cast<uint8_t>(at[1]), .is_number = false};
  }
  switch (first) {
    case 0xf0:
      if (left < 5) return {.known = false};
      return {.header = 5, .data = load(at + 1, 4), .is_number = false};
    case 0xf1: return {.data = 2};
    case 0xf2: return {.data = 3};
    case 0xf3: return {.data = 4};
    case 0xf4: return {.data = 8};
    default: return {.known = false};
  }
}

uint32_t length_bytes(uint64_t length) {
  uint32_t bytes = 1;
  for (uint64_t limit = 127; length > limit && bytes < 5; limit = (limit << 7) | 127) ++bytes;
  return bytes;
}

// The length of an element, so that it can be read from its end: seven bits a byte, the highest first; all but the
// first have their top bit set.
void append_length(std::string& out, uint64_t length) {
  for (int i = static_cast<int>(length_bytes(length)) - 1; i >= 0; --i) {
    const bool first = i == static_cast<int>(length_bytes(length)) - 1;
    out += static_cast<char>(((length >> (7 * i)) & 127) | (first ? 0U : 128U));
  }
}

int64_t sign_extend(uint64_t value, int bits) { return static_cast<int64_t>(value << (64 - bits)) >> (64 - bits); }

int64_t read_number(const char* at, const Lead& lead) {
  const auto first = static_cast<uint8_t>(at[0]);
  if (first < 0x80) return first;
  if (first < 0xe0) return sign_extend(((first & 31U) << 8) | static_cast<uint8_t>(at[1]), 13);
  return sign_extend(load(at + 1, lead.data), static_cast<int>(lead.data) * 8);
}

void encode_number(std::string& out, int64_t value) {
  const auto bits = static_cast<uint64_t>(value);
  const auto raw = [&](uint8_t lead, size_t size) {
    out += static_cast<char>(lead);
    for (size_t i = 0; i < size; ++i) out += static_cast<char>((bits >> (8 * i)) & 0xff);
  };
  if (value >= 0 && value <= 127) {
    out += static_cast<char>(value);
  } else if (value >= -4096 && value <= 4095) {
    out += static_cast<char>(0xc0U | ((bits >> 8) & 31));
    out += static_cast<char>(bits & 0xff);
  } else if (value >= INT16_MIN && value <= INT16_MAX) {
    raw(0xf1, 2);
  } else if (value >= -(1 << 23) && value < (1 << 23)) {
    raw(0xf2, 3);
  } else if (value >= INT32_MIN && value <= INT32_MAX) {
    raw(0xf3, 4);
  } else {
    raw(0xf4, 8);
  }
  append_length(out, out.size());
}

void encode_text(std::string& out, std::string_view text) {
  const size_t size = text.size();
  if (size < 64) {
    out += static_cast<char>(0x80U | size);
  } else if (size < 4096) {
    out += static_cast<char>(0xe0U | (size >> 8));
    out += static_cast<char>(size & 0xff);
  } else {
    out += static_cast<char>(0xf0);
    for (size_t i = 0; i < 4; ++i) out += static_cast<char>((size >> (8 * i)) & 0xff);
  }
  out.append(text);
  append_length(out, out.size());
}

}  // namespace

std::string_view ListpackItem::text(Digits& digits) const {
  if (!is_number) return bytes;
  const auto [end, error] = std::to_chars(digits.data(), digits.data() + digits.size(), number);
  return {digits.data(), static_cast<size_t>(end - digits.data())};
}

std::string ListpackItem::to_string() const {
  Digits digits;
  return std::string(text(digits));
}

bool ListpackItem::operator==(std::string_view other) const {
  Digits digits;
  return text(digits) == other;
}

bool ListpackView::valid(std::string_view bytes) {
  if (bytes.size() < kHeader + 1 || load(bytes.data(), 4) != bytes.size()) return false;
  const size_t end = bytes.size() - 1;
  if (static_cast<uint8_t>(bytes[end]) != kEnd) return false;
  size_t count = 0;
  size_t at = kHeader;
  while (at < end) {
    const Lead lead = read_lead(bytes.data() + at, end - at);
    const uint64_t length = lead.header + lead.data;
    if (!lead.known || length > end - at) return false;
    std::string backwards;
    append_length(backwards, length);
    at += length;
    if (backwards.size() > end - at || bytes.substr(at, backwards.size()) != backwards) return false;
    at += backwards.size();
    ++count;
  }
  const uint64_t told = load(bytes.data() + 4, 2);
  return told == kManyElements || told == count;
}

size_t ListpackView::count() const {
  const uint64_t told = load(bytes_.data() + 4, 2);
  if (told != kManyElements) return told;
  size_t counted = 0;
  for (uint32_t at = begin(); at < end(); at = next(at)) ++counted;
  return counted;
}

ListpackItem ListpackView::get(uint32_t at) const {
  const Lead lead = read_lead(bytes_.data() + at, bytes_.size() - at);
  if (!lead.is_number) return {.bytes = bytes_.substr(at + lead.header, lead.data)};
  return {.number = read_number(bytes_.data() + at, lead), .is_number = true};
}

int64_t ListpackView::number(uint32_t at) const {
  const ListpackItem item = get(at);
  int64_t value = item.number;
  if (!item.is_number && !is_canonical_integer(item.bytes, value)) return 0;
  return value;
}

uint32_t ListpackView::next(uint32_t at) const {
  const Lead lead = read_lead(bytes_.data() + at, bytes_.size() - at);
  const uint64_t length = lead.header + lead.data;
  return static_cast<uint32_t>(at + length + length_bytes(length));
}

uint32_t ListpackView::previous(uint32_t at) const {
  uint64_t length = 0;
  uint32_t last = at - 1;
  for (int shift = 0;; shift += 7, --last) {
    const auto byte = static_cast<uint8_t>(bytes_[last]);
    length |= static_cast<uint64_t>(byte & 127U) << shift;
    if ((byte & 128U) == 0) break;
  }
  return static_cast<uint32_t>(last - length);
}

Listpack::Listpack() {
  data_.resize(ListpackView::kHeader + 1, '\0');
  data_.back() = static_cast<char>(kEnd);
  store_size();
}

void Listpack::store_size() {
  const auto size = static_cast<uint32_t>(data_.size());
  std::memcpy(data_.data(), &size, sizeof size);
}

void Listpack::store_count(size_t count) {
  const auto told = static_cast<uint16_t>(count < kManyElements ? count : kManyElements);
  std::memcpy(data_.data() + 4, &told, sizeof told);
}

void Listpack::append_element(std::string_view encoded) {
  const uint64_t told = load(data_.data() + 4, 2);
  data_.insert(data_.end() - 1, encoded.begin(), encoded.end());
  store_size();
  if (told != kManyElements) store_count(told + 1);
}

void Listpack::append(std::string_view text) {
  int64_t number = 0;
  std::string encoded;
  if (is_canonical_integer(text, number)) {
    encode_number(encoded, number);
  } else {
    encode_text(encoded, text);
  }
  append_element(encoded);
}

void Listpack::append(int64_t number) {
  std::string encoded;
  encode_number(encoded, number);
  append_element(encoded);
}

void Listpack::replace(uint32_t at, int64_t number) {
  std::string encoded;
  encode_number(encoded, number);
  const uint32_t old = view().next(at) - at;
  if (encoded.size() > old) {
    data_.insert(data_.begin() + at, encoded.size() - old, '\0');
  } else if (encoded.size() < old) {
    data_.erase(data_.begin() + at, data_.begin() + static_cast<ptrdiff_t>(at + old - encoded.size()));
  }
  std::memcpy(data_.data() + at, encoded.data(), encoded.size());
  store_size();
}

}  // namespace compozy::redis
