// SPDX-License-Identifier: Apache-2.0
#include "workflow/webhook/webhook.hpp"

#include <array>
#include <cstdlib>

#include "base/hash.hpp"
#include "base/text.hpp"
#include "expression/cel/cel.hpp"
#include "expression/template/template.hpp"
#include "json/parse.hpp"
#include "json/print.hpp"
#include "json/schema.hpp"

namespace compozy::workflow {

namespace {

std::string header_of(const Delivery& delivery, std::string_view name) {
  const auto found = delivery.headers.find(to_lower(name));
  return found == delivery.headers.end() ? std::string() : found->second;
}

Failure unsigned_because(const std::string& why) { return fail(Errc::unauthenticated, "the signature: " + why); }

Result<void> expect_signature(std::string_view given, const std::string& secret, std::string_view signed_text) {
  if (equal_in_constant_time(to_lower(given), hmac_sha256_hex(secret, signed_text))) return {};
  return unsigned_because("it does not fit the body");
}

// "t=1492774577,v1=5257a8…,v1=…": one of them must fit.
Result<void> verify_stripe(const Delivery& delivery, const std::string& secret, int64_t skew_ms) {
  const std::string header = header_of(delivery, "Stripe-Signature");
  if (header.empty()) return unsigned_because("the header Stripe-Signature is missing");
  int64_t seconds = 0;
  std::vector<std::string_view> signatures;
  for (const std::string_view part : split(header, ',')) {
    const std::string_view text = trim(part);
    if (text.starts_with("t=") && !parse_int64(text.substr(2), seconds))
      return unsigned_because("its time is no number");
    if (text.starts_with("v1=")) signatures.push_back(text.substr(3));
  }
  if (std::abs(delivery.at_ms - seconds * 1'000) > skew_ms) return unsigned_because("it is too old");
  const std::string signed_text = std::to_string(seconds) + "." + delivery.body;
  for (const std::string_view signature : signatures) {
    if (expect_signature(signature, secret, signed_text)) return {};
  }
  return unsigned_because("it does not fit the body");
}

json::Value object_of(const std::map<std::string, std::string>& texts) {
  json::Value object = json::Value::object();
  for (const auto& [name, text] : texts) object.set(name, expression::without_secret_marks(std::string_view(text)));
  return object;
}

// The text at a dotted path of the body; empty where there is none.
std::string text_at(const json::Value& payload, const std::string& path) {
  const json::Value* at = &payload;
  for (const std::string_view name : split(path, '.')) {
    at = at->is_object() ? at->find(name) : nullptr;
    if (at == nullptr) return {};
  }
  return at->is_string() ? at->as_string() : at->is_null() ? std::string() : json::print(*at);
}

}  // namespace

Result<void> verify(const project::Webhook& webhook, const Delivery& delivery, const json::Value& host_env,
                    const expression::SecretLookup& lookup) {
  if (webhook.verification == project::Verification::none) return {};
  TRY(const expression::Template parsed, expression::cached_template(webhook.secret));
  TRY(const std::string sealed, parsed.render(json::Value::object({{"env", host_env}}), {.now_ms = delivery.at_ms}));
  TRY(const std::string secret, expression::resolve_secrets(std::string_view(sealed), lookup));
  if (secret.empty()) return fail(Errc::unauthenticated, "the secret of the webhook '" + webhook.slug + "' is empty");
  if (webhook.verification == project::Verification::stripe) return verify_stripe(delivery, secret, webhook.skew_ms);
  const bool github = webhook.verification == project::Verification::github;
  const std::string name = github ? "X-Hub-Signature-256" : webhook.header;
  std::string given = header_of(delivery, name);
  if (given.empty()) return unsigned_because("the header " + name + " is missing");
  if (github && !given.starts_with("sha256="))
    return unsigned_because("the header " + name + " must begin with sha256=");
  if (given.starts_with("sha256=")) given.erase(0, 7);
  return expect_signature(given, secret, delivery.body);
}

Result<Accepted> accept(const project::Webhook& webhook, const Delivery& delivery) {
  auto body = json::parse(delivery.body.empty() ? "{}" : delivery.body);
  if (!body) return fail(std::move(body).error().with_context("the body"));
  const json::Value payload = expression::without_secret_marks(*body);
  const json::Value context = json::Value::object(
      {{"payload", payload}, {"headers", object_of(delivery.headers)}, {"query", object_of(delivery.query)}});
  const expression::Environment environment{.now_ms = delivery.at_ms};
  Accepted accepted;
  if (webhook.dedupe) {
    accepted.dedupe_key = header_of(delivery, "X-Idempotency-Key");
    if (accepted.dedupe_key.empty() && !webhook.dedupe_key.empty())
      accepted.dedupe_key = text_at(payload, webhook.dedupe_key);
  }
  constexpr std::array<std::string_view, 3> kNames{"payload", "headers", "query"};
  for (const project::WebhookEvent& event : webhook.events) {
    if (!event.filter.empty()) {
      TRY(const expression::Cel filter, expression::Cel::compile(event.filter, kNames));
      auto holds = filter.evaluate_bool(context, environment);
      // A body without what a filter asks about is another event.
      if (!holds && holds.error().code == Errc::not_found) continue;
      if (!holds) return fail(std::move(holds).error().with_context("filter of event '" + event.name + "'"));
      if (!*holds) continue;
    }
    auto input = event.input.is_null() ? Result<json::Value>(payload)
                                       : expression::render_tree(event.input, context, environment);
    if (!input) {
      Error error = std::move(input).error().with_context("input of event '" + event.name + "'");
      error.code = Errc::validation_failed;
      return fail(std::move(error));
    }
    if (!event.schema.is_null()) {
      TRY(const json::Schema schema, json::Schema::compile(event.schema));
      if (auto fits = schema.check(*input); !fits)
        return fail(std::move(fits).error().with_context("input of event '" + event.name + "'"));
    }
    accepted.event = event.name;
    accepted.input = std::move(*input);
    return accepted;
  }
  return accepted;
}

}  // namespace compozy::workflow
