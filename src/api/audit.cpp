// SPDX-License-Identifier: Apache-2.0
//
// The audit trail: GET /api/v0/audit?since=&subject=, newest first, and /api/v0/audit/check, which follows its chain of
// hashes.
#include <algorithm>

#include "api/respond.hpp"
#include "api/routes.hpp"
#include "observe/log.hpp"

namespace compozy::api {

namespace {

io::Task<http::Response> list(const Context& context, http::Request request) {
  const auto page = query_page(request);
  if (!page) co_return problem(page.error());
  const auto since = query_time(request, "since", context.clock.wall_ms());
  if (!since) co_return problem(since.error());
  const auto entries = co_await context.audit.list({.before = page->before,
                                                    .since_ms = *since,
                                                    .subject = request.query_value("subject").value_or(""),
                                                    .limit = page->limit});
  if (!entries) co_return problem(entries.error());
  json::Value rows = json::Value::array();
  for (const store::AuditEntry& entry : *entries) {
    json::Value row = json::Value::object({{"n", entry.n},
                                           {"at", format_rfc3339(entry.at_ms)},
                                           {"actor", entry.actor},
                                           {"action", entry.action},
                                           {"subject", entry.subject}});
    if (!entry.detail.empty()) row.set("detail", stored_json(entry.detail));
    rows.push_back(row.set("hash", entry.hash));
  }
  json::Value data = json::Value::object({{"entries", std::move(rows)}});
  if (std::cmp_equal(entries->size(), page->limit)) data.set("next_before", entries->back().n);
  co_return success(200, "audit", std::move(data));
}

io::Task<http::Response> check(const Context& context) {
  const auto checked = co_await context.audit.check();
  if (!checked) co_return problem(checked.error());
  json::Value data = json::Value::object(
      {{"rows", checked->rows}, {"whole", checked->first_broken == 0}, {"newest_hash", checked->newest_hash}});
  if (checked->first_broken != 0) data.set("first_broken", checked->first_broken);
  co_return success(200, checked->first_broken == 0 ? "whole" : "broken", std::move(data));
}

}  // namespace

// Without keys nobody has shown who they are; what a client says of itself is kept as no more than that.
std::string actor_of(const http::Request& request) {
  constexpr size_t kNameMax = 64;
  if (!request.user.empty()) return request.user + (request.key_name.empty() ? "" : " (key " + request.key_name + ")");
  const std::string said(request.headers.get("X-Compozy-User").value_or(""));
  const bool is_name = !said.empty() && said.size() <= kNameMax && std::ranges::all_of(said, [](unsigned char c) {
    return c > ' ' && c != '(' && c != ')' && c < 127;
  });
  return is_name ? "anonymous (" + said + ")" : "anonymous";
}

http::Handler audited(const Context& context, std::string action, http::Handler handler) {
  return [&context, action = std::move(action),
          handler = std::move(handler)](http::Request request) -> io::Task<http::Response> {
    store::AuditEntry entry{.at_ms = context.clock.wall_ms(),
                            .actor = actor_of(request),
                            .action = action,
                            .subject = request.params.empty() ? std::string() : request.params.front().second,
                            .detail = request.body.size() <= kAuditDetailMax ? request.body : std::string(),
                            .hash = {}};
    http::Response response = co_await handler(std::move(request));
    if (response.status >= 400) co_return response;
    // What has been done cannot be refused any more.
    if (const auto kept = co_await context.audit.add(std::move(entry)); !kept)
      log::error("an entry of the audit trail could not be stored",
                 {{"action", action}, {"error", kept.error().to_string()}});
    co_return response;
  };
}

void add_audit_routes(http::Router& router, const Context& context) {
  add_secured(router, context, "GET", "/api/v0/audit", with_context(context, list));
  add_secured(router, context, "GET", "/api/v0/audit/check",
              [&context](const http::Request&) { return check(context); });
}

}  // namespace compozy::api
