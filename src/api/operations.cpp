// SPDX-License-Identifier: Apache-2.0
//
// Is it alive, is it ready, what does it count: /livez /readyz /healthz /api/v0/health /metrics.
#include "api/respond.hpp"
#include "api/routes.hpp"
#include "observe/metrics.hpp"

namespace compozy::api {

namespace {

io::Task<http::Response> ready(const Context& context) {
  json::Value checks = json::Value::object();
  bool all = true;
  for (const Probe& probe : context.probes) {
    const int64_t began_us = context.clock.monotonic_us();
    const Result<void> result = co_await probe.check();
    json::Value check =
        json::Value::object({{"ready", result.has_value()}, {"latency_us", context.clock.monotonic_us() - began_us}});
    if (!result) check.set("error", result.error().to_string());
    all = all && result;
    checks.set(probe.name, std::move(check));
  }
  const int status = all ? 200 : 503;
  json::Value data = json::Value::object({{"status", all ? "healthy" : "not_ready"},
                                          {"ready", all},
                                          {"version", context.version},
                                          {"mode", context.mode},
                                          {"checks", std::move(checks)}});
  co_return success(status, all ? "ready" : "not ready", std::move(data));
}

}  // namespace

void add_operation_routes(http::Router& router, const Context& context) {
  const http::Handler health = [&context](const http::Request&) { return ready(context); };
  for (const char* path : {"/readyz", "/healthz", "/api/v0/health"}) router.add("GET", path, health);
  router.add("GET", "/livez",
             [](http::Request) -> io::Task<http::Response> { co_return http::Response::text(200, "ok\n"); });
  add_secured(router, context, "GET", "/metrics", [](http::Request) -> io::Task<http::Response> {
    co_return http::Response::with_type(200, "text/plain; version=0.0.4", metrics::render());
  });
}

}  // namespace compozy::api
