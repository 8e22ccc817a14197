// SPDX-License-Identifier: Apache-2.0
#include "api/api.hpp"

#include <optional>

#include "api/respond.hpp"
#include "api/routes.hpp"
#include "base/text.hpp"

namespace compozy::api {

namespace {

constexpr std::string_view kScheme = "Bearer ";

bool is_loopback_name(std::string_view authority) {
  const std::string_view name = authority.starts_with('[') ? authority.substr(0, authority.find(']') + 1)
                                                           : authority.substr(0, authority.find(':'));
  return equals_ignoring_case(name, "localhost") || name == "[::1]" || name.starts_with("127.");
}

// Without keys a server trusts whoever sits at this machine. A page from elsewhere that their browser shows is not
// them: it comes with its own Origin, or under a name that its owner points here.
Result<auth::Identity> check_origin(const http::Request& request) {
  const std::string_view host = request.headers.get("Host").value_or("localhost");
  if (!is_loopback_name(host)) {
    return fail(Errc::permission_denied,
                "server.auth.enabled is false, so this server answers to 'localhost' and "
                "loopback addresses only, not to '" +
                    std::string(host) + "'");
  }
  const auto origin = request.headers.get("Origin");
  if (origin && *origin != "http://" + std::string(host)) {
    return fail(Errc::permission_denied,
                "server.auth.enabled is false, so this server takes no requests from the page "
                "of another origin, '" +
                    std::string(*origin) + "'");
  }
  return auth::Identity{};
}

Result<auth::Identity> identify(const Context& context, const http::Request& request) {
  if (context.keys == nullptr) return check_origin(request);
  const auto header = request.headers.get("Authorization");
  if (!header || !equals_ignoring_case(header->substr(0, kScheme.size()), kScheme))
    return fail(Errc::unauthenticated, "this needs an API key: send `Authorization: Bearer cpzy_…`");
  return context.keys->check(header->substr(kScheme.size()));
}

http::Response refusal(const Error& error) {
  http::Response refused = problem(error);
  if (error.code == Errc::unauthenticated) refused.headers.set("WWW-Authenticate", "Bearer");
  return refused;
}

}  // namespace

void add_secured(http::Router& router, const Context& context, std::string method, std::string pattern,
                 http::Handler handler, http::RouteOptions options) {
  options.admit = [&context](http::Request& head) -> std::optional<http::Response> {
    auto identity = identify(context, head);
    if (!identity) return refusal(identity.error());
    head.user = std::move(identity->user_id);
    head.key_name = std::move(identity->name);
    return std::nullopt;
  };
  router.add(std::move(method), std::move(pattern), std::move(handler), std::move(options));
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
