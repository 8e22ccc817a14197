// SPDX-License-Identifier: Apache-2.0
#include "api/respond.hpp"

#include <algorithm>
#include <vector>

#include "api/api.hpp"
#include "base/duration.hpp"
#include "base/text.hpp"
#include "json/parse.hpp"
#include "json/print.hpp"

namespace compozy::api {

http::Response success(int status, std::string_view message, json::Value data) {
  const json::Value body = json::Value::object({{"status", status}, {"message", message}, {"data", std::move(data)}});
  return http::Response::json(status, json::print(body));
}

http::Response problem(int status, const Error& error) {
  const ErrcRow& row = errc_row(error.code);
  json::Value body = json::Value::object({{"type", "about:blank"},
                                          {"title", row.meaning},
                                          {"status", status},
                                          {"detail", error.to_string()},
                                          {"code", row.name},
                                          {"remedy", row.remedy}});
  if (!error.field.empty()) body.set("field", error.field);
  if (error.where.known()) body.set("location", error.where.to_string());
  return http::Response::with_type(status, "application/problem+json", json::print(body));
}

http::Response problem(const Error& error) { return problem(errc_row(error.code).http_status, error); }

Result<json::Value> read_object(const http::Request& request) {
  if (trim(request.body).empty()) return json::Value::object();
  auto body = json::parse(request.body);
  if (!body) return fail(std::move(body).error().with_context("request body"));
  if (!body->is_object()) {
    return fail(Errc::invalid_argument,
                "the request body must be a JSON object, found " + std::string(json::kind_name(body->kind())));
  }
  return body;
}

namespace {

bool has_type(const json::Value& value, Member::Type type) {
  switch (type) {
    case Member::any: return true;
    case Member::text: return value.is_string();
    case Member::flag: return value.is_bool();
    case Member::integer: return value.is_integer();
  }
  return false;
}

constexpr std::string_view name_of(Member::Type type) {
  return type == Member::text ? "a text" : type == Member::flag ? "true or false" : "a whole number";
}

}  // namespace

Result<void> check_members(const json::Value& object, std::initializer_list<Member> known) {
  for (const auto& [name, value] : object.as_object()) {
    const auto member = std::ranges::find(known, std::string_view(name), &Member::name);
    if (member == known.end()) {
      std::vector<std::string_view> names;
      for (const Member& row : known) names.push_back(row.name);
      return fail(Error{.code = Errc::invalid_argument,
                        .message = "unknown field '" + name + "'" + did_you_mean(name, names),
                        .field = name});
    }
    if (value.is_null() || has_type(value, member->type)) continue;
    return fail(Error{.code = Errc::invalid_argument,
                      .message = "expected " + std::string(name_of(member->type)) + ", found " +
                                 std::string(json::kind_name(value.kind())),
                      .field = name});
  }
  return {};
}

Result<int64_t> query_integer(const http::Request& request, std::string_view name, int64_t fallback, int64_t min,
                              int64_t max) {
  const auto text = request.query_value(name);
  if (!text) return fallback;
  int64_t value = 0;
  if (!parse_int64(*text, value) || value < min || value > max) {
    return fail(Error{.code = Errc::invalid_argument,
                      .message = "expected a whole number from " + std::to_string(min) + " to " + std::to_string(max) +
                                 ", found '" + *text + "'",
                      .field = std::string(name)});
  }
  return value;
}

Result<PageAsked> query_page(const http::Request& request) {
  PageAsked page;
  TRY(page.limit, query_integer(request, "limit", page.limit, 1, store::kPageMax));
  TRY(page.before, query_integer(request, "before", page.before, 0, INT64_MAX));
  return page;
}

Result<int64_t> query_time(const http::Request& request, std::string_view name, int64_t now_ms) {
  const std::string text = request.query_value(name).value_or("");
  if (text.empty()) return int64_t{0};
  if (const auto at = project::parse_instant_ms(text)) return *at;
  if (const auto ago = parse_duration_ms(text)) return now_ms - *ago;
  return fail(
      Error{.code = Errc::invalid_argument,
            .message = "expected a time as in 2026-11-22T10:15:00Z or a duration ago as in 24h, found '" + text + "'",
            .field = std::string(name)});
}

json::Value stored_json(const std::string& text) {
  if (text.empty()) return {};
  auto value = json::parse(text, json::kStoredDepthMax);
  return value ? *value : json::Value(text);
}

}  // namespace compozy::api
