// SPDX-License-Identifier: Apache-2.0
//
// GET /api/v0/memory/{memory_ref}/read?key=…&offset=…&limit=…: a conversation, page by page, oldest first.
#include "api/respond.hpp"
#include "api/routes.hpp"

namespace compozy::api {

namespace {

io::Task<http::Response> read(const Context& context, http::Request request) {
  const std::string key = request.query_value("key").value_or("");
  if (key.empty())
    co_return problem(
        Error{.code = Errc::invalid_argument, .message = "the conversation's key is missing: ?key=…", .field = "key"});
  const auto limit = query_integer(request, "limit", 50, 1, 1'000);
  const auto offset = query_integer(request, "offset", 0, 0, INT64_MAX);
  if (!limit || !offset) co_return problem(!limit ? limit.error() : offset.error());
  auto page = co_await context.read_memory(std::string(request.param("memory_ref")), key, *offset, *limit);
  if (!page) co_return problem(page.error());
  co_return success(200, "messages", std::move(*page));
}

}  // namespace

void add_memory_routes(http::Router& router, const Context& context) {
  add_secured(router, context, "GET", "/api/v0/memory/{memory_ref}/read", with_context(context, read));
}

}  // namespace compozy::api
