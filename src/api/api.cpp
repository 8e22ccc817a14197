// SPDX-License-Identifier: Apache-2.0
#include "api/api.hpp"

#include "api/respond.hpp"
#include "api/routes.hpp"

namespace compozy::api {

http::Handler secured(const Context& context, http::Handler handler) {
  if (context.keys == nullptr) return handler;
  return [&context, handler = std::move(handler)](http::Request request) -> io::Task<http::Response> {
    constexpr std::string_view kScheme = "Bearer ";
    const auto header = request.headers.get("Authorization");
    Result<auth::Identity> identity =
        fail(Errc::unauthenticated, "this needs an API key: send `Authorization: Bearer cpzy_…`");
    if (header && header->starts_with(kScheme)) identity = context.keys->check(header->substr(kScheme.size()));
    if (!identity) {
      http::Response refused = problem(identity.error());
      refused.headers.set("WWW-Authenticate", "Bearer");
      co_return refused;
    }
    request.user = identity->user_id;
    request.key_name = identity->name;
    co_return co_await handler(std::move(request));
  };
}

void add_routes(http::Router& router, const Context& context) {
  add_operation_routes(router, context);
  add_workflow_routes(router, context);
  add_execution_routes(router, context);
  add_direct_routes(router, context);
  add_stream_routes(router, context);
  add_memory_routes(router, context);
  add_audit_routes(router, context);
  add_hook_routes(router, context);
  add_schedule_routes(router, context);
}

}  // namespace compozy::api
