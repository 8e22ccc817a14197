// SPDX-License-Identifier: Apache-2.0
//
// /api/v0/hooks/{slug}: deliveries of webhooks. They carry a signature in place of an API key.
//
//   202 {event, exec_id}   the run is durable
//   204                    no event's filter holds
//   409                    this key came before, within the dedupe's ttl
//   400 401 405 422        the body, the signature, the method, the input
//
// What is refused after its signature held is kept as a dead letter. The run and its key are one transaction: a start
// that fails leaves nothing that would turn the sender's repeat away.
#include <algorithm>

#include "api/respond.hpp"
#include "api/routes.hpp"
#include "base/text.hpp"
#include "observe/metrics.hpp"
#include "workflow/webhook/webhook.hpp"

namespace compozy::api {

namespace {

constexpr uint64_t kHookBytesMax = 1U << 20U;
constexpr size_t kDeadBodyMax = 16U << 10U;
constexpr int kRepeatsMax = 1'000;  // runs under one key, each older than the ttl

metrics::Counter& deliveries(const char* what) {
  return metrics::counter(std::string("compozy_webhook_") + what + "_total",
                          "Deliveries of webhooks, by what became of them.");
}

struct Hook {
  std::shared_ptr<const workflow::Program> program;
  const project::Webhook* webhook = nullptr;
};

Result<Hook> find_hook(const Context& context, const std::string& slug) {
  std::vector<std::string> slugs;
  for (const auto& program : context.programs.all()) {
    for (const project::Trigger& trigger : program->workflow().triggers) {
      for (const project::Webhook& webhook : trigger.webhook) {
        if (webhook.slug == slug) return Hook{.program = program, .webhook = &webhook};
        slugs.push_back(webhook.slug);
      }
    }
  }
  return fail(Errc::not_found, "no webhook '" + slug + "'");  // the nearest name is not for strangers
}

workflow::Delivery delivery_of(const Context& context, const http::Request& request) {
  workflow::Delivery delivery{.body = request.body, .headers = {}, .query = {}, .at_ms = context.clock.wall_ms()};
  for (const auto& [name, value] : request.headers) delivery.headers[to_lower(name)] = value;
  for (const auto& [name, value] : request.query_values()) delivery.query[name] = value;
  return delivery;
}

// A webhook without a signature takes what strangers send, so the beginning of a large body has to do.
io::Task<void> keep_dead(const Context& context, std::string slug, const Error& error, std::string body) {
  const size_t bytes = body.size();
  if (bytes > kDeadBodyMax) body = shorten(body, kDeadBodyMax) + " (" + std::to_string(bytes) + " bytes)";
  const auto kept = co_await context.dead_letters.add({.n = 0,
                                                       .at_ms = context.clock.wall_ms(),
                                                       .source = "webhook/" + slug,
                                                       .reason = error.to_string(),
                                                       .body = std::move(body)});
  static_cast<void>(kept);  // the sender hears what was wrong in any case
}

// Starts the run under the delivery's key. A key whose run is older than the ttl may start another, under a key that
// names that run, so that of two deliveries at once only one does.
io::Task<Result<workflow::StartedRun>> start(const Context& context, const Hook& hook, workflow::Accepted accepted) {
  std::string key;
  if (!accepted.dedupe_key.empty()) key = "hook/" + hook.webhook->slug + "/" + accepted.dedupe_key;
  for (int repeat = 0; repeat < kRepeatsMax; ++repeat) {
    CO_TRY(workflow::StartedRun started, co_await context.driver.start({.workflow = hook.program->workflow().id,
                                                                        .input = accepted.input,
                                                                        .first_task = {},
                                                                        .idempotency_key = key,
                                                                        .idempotency_hash = "hook",
                                                                        .actor = "webhook/" + hook.webhook->slug}));
    if (!started.existed) co_return started;
    CO_TRY(const store::Run run, co_await context.runs.get(started.run_id));
    if (context.clock.wall_ms() - run.started_ms < hook.webhook->dedupe_ttl_ms) co_return started;
    key = "hook/" + hook.webhook->slug + "/" + accepted.dedupe_key + "/after/" + started.run_id;
  }
  co_return fail(Errc::limit_exceeded, "this key came too often");
}

io::Task<http::Response> deliver(const Context& context, http::Request request) {
  deliveries("received").add();
  const std::string slug(request.param("slug"));
  const auto hook = find_hook(context, slug);
  if (!hook) co_return problem(hook.error());
  if (request.method != hook->webhook->method) {
    http::Response refused =
        problem(405, Error{.code = Errc::unsupported, .message = "this webhook takes " + hook->webhook->method});
    refused.headers.set("Allow", hook->webhook->method);
    co_return refused;
  }
  const workflow::Delivery delivery = delivery_of(context, request);
  if (auto known = workflow::verify(*hook->webhook, delivery, hook->program->host_env(), context.host_env); !known)
    co_return problem(known.error());
  deliveries("verified").add();
  auto accepted = workflow::accept(*hook->webhook, delivery);
  if (!accepted) {
    deliveries("failed").add();
    co_await keep_dead(context, slug, accepted.error(), request.body);
    co_return problem(accepted.error());
  }
  if (accepted->event.empty()) {
    deliveries("no_match").add();
    co_return http::Response{.status = 204};
  }
  const std::string event = accepted->event;
  const auto started = co_await start(context, *hook, std::move(*accepted));
  if (!started) {
    deliveries("failed").add();
    co_await keep_dead(context, slug, started.error(), request.body);
    co_return problem(started.error());
  }
  if (started->existed) {
    deliveries("duplicate").add();
    co_return problem(Error{.code = Errc::conflict,
                            .message = "this delivery came before; it started run '" + started->run_id + "'"});
  }
  deliveries("dispatched").add();
  co_return success(202, "accepted",
                    json::Value::object({{"status", "accepted"}, {"event", event}, {"exec_id", started->run_id}}));
}

io::Task<http::Response> list_dead(const Context& context, http::Request request) {
  const auto page = query_page(request);
  if (!page) co_return problem(page.error());
  const auto letters = co_await context.dead_letters.list(page->before, page->limit);
  if (!letters) co_return problem(letters.error());
  json::Value list = json::Value::array();
  for (const store::DeadLetter& letter : *letters) {
    list.push_back(json::Value::object({{"n", letter.n},
                                        {"at", format_rfc3339(letter.at_ms)},
                                        {"source", letter.source},
                                        {"reason", letter.reason},
                                        {"body", letter.body}}));
  }
  json::Value data = json::Value::object({{"dead_letters", std::move(list)}});
  if (std::cmp_equal(letters->size(), page->limit)) data.set("next_before", letters->back().n);
  co_return success(200, "dead letters", std::move(data));
}

}  // namespace

void add_hook_routes(http::Router& router, const Context& context) {
  const http::RouteOptions body{.body_bytes_max = std::min(context.body_bytes_max, kHookBytesMax)};
  for (const char* method : {"POST", "PUT", "PATCH"}) {
    router.add(method, "/api/v0/hooks/{slug}", with_context(context, deliver), body);
  }
  add_secured(router, context, "GET", "/api/v0/dead-letters", with_context(context, list_dead));
}

}  // namespace compozy::api
