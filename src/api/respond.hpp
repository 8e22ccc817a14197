// SPDX-License-Identifier: Apache-2.0
//
// How answers look, and how requests are read. Private to api/.
#pragma once

#include <optional>
#include <string>

#include "base/result.hpp"
#include "http/message.hpp"
#include "json/value.hpp"

namespace compozy::api {

http::Response success(int status, std::string_view message, json::Value data);

// problem+json (RFC 9457): {type, title, status, detail, code, field?, location?}.
http::Response problem(const Error& error);

// The body as a JSON object; an empty body is an empty object.
Result<json::Value> read_object(const http::Request& request);

// A member that a request's body may have. Null stands for an absent one, whatever the type.
struct Member {
  enum Type : uint8_t { any, text, flag, integer };
  std::string_view name;
  Type type = any;

  Member(const char* n, Type t = any) : name(n), type(t) {}
};

// Unknown members of an object, and those of another type, are refused by name: nothing is accepted and ignored.
Result<void> check_members(const json::Value& object, std::initializer_list<Member> known);

// A whole number in the query, within bounds; the fallback where it is absent.
Result<int64_t> query_integer(const http::Request& request, std::string_view name, int64_t fallback, int64_t min,
                              int64_t max);

// Which page of a list that goes by key, newest first: `limit` rows below `before`; 0 = from the newest.
struct PageAsked {
  int64_t limit = 50;
  int64_t before = 0;
};
Result<PageAsked> query_page(const http::Request& request);

// A time in the query: RFC 3339, or a duration ago as in "24h"; 0 where it is absent.
Result<int64_t> query_time(const http::Request& request, std::string_view name, int64_t now_ms);

// A stored JSON column: null where the text is empty.
json::Value stored_json(const std::string& text);

}  // namespace compozy::api
