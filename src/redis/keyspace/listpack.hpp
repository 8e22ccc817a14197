// SPDX-License-Identifier: Apache-2.0
//
// Listpack: a sequence of byte strings and integers in one buffer, walkable both ways, in the format that Redis keeps
// in memory and in RDB files (see docs/formats/rdb.md). Streams are made of them; other values take this form when they
// are dumped.
//
//   u32 bytes in all, u16 elements (65535: many), elements, 0xff
//   element = encoding with its data, then the length of both, readable backwards
//
// A text that is the canonical form of an integer is kept as an integer. Positions are byte offsets; any change
// invalidates positions behind it. Only valid() may be called on foreign bytes; the rest trusts them.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "redis/keyspace/memory.hpp"

namespace compozy::redis {

// One element: a text, or an integer.
struct ListpackItem {
  std::string_view bytes;
  int64_t number = 0;
  bool is_number = false;

  using Digits = std::array<char, 24>;
  std::string_view text(Digits& digits) const;  // an integer is printed into the digits
  std::string to_string() const;
  bool operator==(std::string_view other) const;
};

// Reading, on any bytes that valid() accepted.
class ListpackView {
 public:
  static constexpr uint32_t kHeader = 6;

  explicit ListpackView(std::string_view bytes) : bytes_(bytes) {}
  // Whether the bytes are one complete listpack; never reads outside them.
  static bool valid(std::string_view bytes);

  uint32_t begin() const { return kHeader; }
  uint32_t end() const { return static_cast<uint32_t>(bytes_.size()) - 1; }
  size_t count() const;
  ListpackItem get(uint32_t at) const;
  int64_t number(uint32_t at) const;  // 0 for a text that is none
  uint32_t next(uint32_t at) const;
  uint32_t previous(uint32_t at) const;
  std::string_view bytes() const { return bytes_; }

 private:
  std::string_view bytes_;
};

class Listpack {
 public:
  Listpack();
  explicit Listpack(std::string_view bytes) : data_(bytes.begin(), bytes.end()) {}

  ListpackView view() const { return ListpackView({data_.data(), data_.size()}); }
  std::string_view bytes() const { return {data_.data(), data_.size()}; }
  size_t size() const { return data_.size(); }
  void append(std::string_view text);
  void append(int64_t number);
  void replace(uint32_t at, int64_t number);
  void shrink_to_fit() { data_.shrink_to_fit(); }

 private:
  void append_element(std::string_view encoded);
  void store_size();
  void store_count(size_t count);

  CountedVector<char> data_;
};

}  // namespace compozy::redis
