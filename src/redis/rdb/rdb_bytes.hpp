// SPDX-License-Identifier: Apache-2.0
//
// The primitives of RDB: lengths, strings, numbers. docs/formats/rdb.md describes them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace compozy::redis {

inline constexpr int kRdbVersion = 10;

// What a value's first byte says.
enum class RdbType : uint8_t {
  string = 0,
  list = 1,
  set = 2,
  zset_text = 3,
  hash = 4,
  zset = 5,
  hash_zipmap = 9,
  list_ziplist = 10,
  set_intset = 11,
  zset_ziplist = 12,
  hash_ziplist = 13,
  list_quicklist = 14,
  stream = 15,
  hash_listpack = 16,
  zset_listpack = 17,
  list_quicklist_2 = 18,
  stream_2 = 19,
};

class RdbWriter {
 public:
  explicit RdbWriter(std::string& out, bool compress = true) : out_(out), compress_(compress) {}

  void byte(uint8_t value) { out_ += static_cast<char>(value); }
  void type(RdbType value) { byte(static_cast<uint8_t>(value)); }
  void length(uint64_t value);
  void string(std::string_view text);  // small integers and what LZF makes shorter take fewer bytes
  void raw(std::string_view bytes) { out_.append(bytes); }
  void little_endian(uint64_t value, size_t bytes);
  void binary_double(double value);

 private:
  std::string& out_;
  bool compress_;
};

// Reads within given bytes. After a failure every further call fails too.
class RdbReader {
 public:
  explicit RdbReader(std::string_view bytes) : bytes_(bytes) {}

  bool failed() const { return failed_; }
  // The failure was that there are not enough bytes: what was begun may be well formed.
  bool ran_out() const { return ran_out_; }
  bool at_end() const { return at_ == bytes_.size(); }
  size_t position() const { return at_; }

  bool fail() {
    failed_ = true;
    return false;
  }
  bool byte(uint8_t& value);
  bool length(uint64_t& value);
  bool string(std::string& text);
  bool raw(size_t size, std::string_view& bytes);
  bool little_endian(size_t bytes, uint64_t& value);
  bool binary_double(double& value);
  bool text_double(double& value);

 private:
  // `special`: the two highest bits were set; value is then the kind of encoding.
  bool length_or_encoding(uint64_t& value, bool& special);

  std::string_view bytes_;
  size_t at_ = 0;
  bool failed_ = false;
  bool ran_out_ = false;
};

}  // namespace compozy::redis
