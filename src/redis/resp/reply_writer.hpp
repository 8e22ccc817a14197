// SPDX-License-Identifier: Apache-2.0
//
// ReplyWriter: appends replies to a buffer in the protocol version the client speaks. RESP2 has no maps, sets, doubles,
// booleans or push: they become arrays, bulk strings and integers, exactly as Redis 7.0 downgrades them.
// Source: redis.io/docs/reference/protocol-spec.
//
// Thread: the one that owns the buffer. The buffer outlives the writer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace compozy::redis {

// A double as Redis 7.0 prints it in replies: "%.17g", "inf", "-inf", "nan".
std::string format_reply_double(double value);

// Appends the decimal digits of a number. Faster than going through a temporary string.
void append_int(std::string& out, int64_t value);

// One request in command form: "*<n>\r\n$<len>\r\n<arg>\r\n…".
template <class Range>
void append_command(std::string& out, const Range& args);

class ReplyWriter {
 public:
  // What would come after `limit` bytes of the buffer is dropped: such a reply is never sent, its client is closed.
  explicit ReplyWriter(std::string& out, int protocol = 2, size_t limit = std::string::npos)
      : out_(&out), limit_(limit), protocol_(protocol) {}

  // Commands that could go on for long ask whether anything of it still matters.
  bool full() const { return out_->size() > limit_; }

  int protocol() const { return protocol_; }
  void set_protocol(int protocol) { protocol_ = protocol; }
  bool resp3() const { return protocol_ >= 3; }
  std::string& buffer() { return *out_; }

  void ok() { raw("+OK\r\n"); }
  void simple(std::string_view text) { line('+', text); }
  void error(std::string_view text);  // with its code: "ERR no such key"; line breaks become spaces
  void integer(int64_t value);
  void bulk(std::string_view bytes);
  void bulk_int(int64_t value);
  void null();        // "_" or "$-1"
  void null_array();  // "_" or "*-1"
  void array(size_t count) { header('*', count); }
  void map(size_t pairs);
  void set(size_t count) { header(resp3() ? '~' : '*', count); }
  void push(size_t count) { header(resp3() ? '>' : '*', count); }
  void number(double value);
  void long_number(std::string_view digits);  // as its text: "13.36138933897018433"
  void boolean(bool value);
  void big_number(std::string_view digits);
  void verbatim(std::string_view format, std::string_view text);  // format has three characters: "txt"
  void raw(std::string_view bytes) {
    if (!full()) out_->append(bytes);
  }

  // For replies whose length is known only at the end: remembers where the header belongs.
  size_t begin_deferred() const { return out_->size(); }
  void end_array(size_t place, size_t count) { insert_header(place, '*', count); }
  void end_set(size_t place, size_t count) { insert_header(place, resp3() ? '~' : '*', count); }
  void end_map(size_t place, size_t pairs) { insert_header(place, resp3() ? '%' : '*', resp3() ? pairs : pairs * 2); }

 private:
  void line(char kind, std::string_view text);
  void header(char kind, size_t count);
  void insert_header(size_t place, char kind, size_t count);

  std::string* out_;
  size_t limit_;
  int protocol_;
};

template <class Range>
void append_command(std::string& out, const Range& args) {
  out += '*';
  append_int(out, static_cast<int64_t>(args.size()));
  out.append("\r\n");
  ReplyWriter writer(out);
  for (const auto& arg : args) writer.bulk(arg);
}

}  // namespace compozy::redis
