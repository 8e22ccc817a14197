// SPDX-License-Identifier: Apache-2.0
//
// Reply: what a Redis answers, as a value. The kinds are RESP3's; a RESP2 peer uses a part of them. A reply that is an
// error is still a reply: only a broken connection or protocol is an Error of Result<Reply>.
//
//   if (reply.is_error()) return reply.to_failure();
//   TRY(int64_t n, reply.as_integer());
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"

namespace compozy::redis {

struct Reply {
  enum class Kind : uint8_t {
    null,
    simple,
    error,
    bulk,
    integer,
    number,
    boolean,
    big_number,
    verbatim,
    array,
    map,
    set,
    push
  };

  Kind kind = Kind::null;
  std::string text = {};          // simple, error, bulk, big_number, verbatim (without its "txt:")
  int64_t integer = 0;            // integer; boolean as 0 or 1
  double number = 0;              // number
  std::vector<Reply> items = {};  // array, set, push; map as key, value, key, value

  bool is_null() const { return kind == Kind::null; }
  bool is_error() const { return kind == Kind::error; }
  bool is_ok() const { return kind == Kind::simple && text == "OK"; }
  bool is_text() const;
  bool is_aggregate() const { return kind >= Kind::array; }

  // The code of an error: "WRONGTYPE" of "WRONGTYPE Operation against …".
  std::string_view error_code() const;

  // The value, or an Error that says what was there instead. An error reply becomes that Error.
  Result<std::string> as_text() const;  // texts, integers and numbers as text; null is not_found
  Result<int64_t> as_integer() const;   // integers, and texts that are one
  Result<double> as_number() const;
  Result<std::vector<std::pair<std::string, std::string>>> as_pairs() const;  // a map, or RESP2's flat array
  Result<std::vector<std::string>> as_texts() const;
  Failure to_failure() const;  // the Error for an error reply

  // redis-cli's way of showing it on one line; for messages and tests.
  std::string to_string() const;

  static Reply null() { return {}; }
  static Reply error(std::string text) { return {.kind = Kind::error, .text = std::move(text)}; }
  static Reply bulk(std::string text) { return {.kind = Kind::bulk, .text = std::move(text)}; }
  static Reply of(int64_t value) { return {.kind = Kind::integer, .integer = value}; }

  bool operator==(const Reply&) const = default;
};

}  // namespace compozy::redis
