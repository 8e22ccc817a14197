// SPDX-License-Identifier: Apache-2.0
//
// What a delivery to a webhook means: who sent it, whether it came before, which event it is, what the run gets.
//
//   body is JSON ─> signature ─> first event whose filter holds ─> input rendered ─> schema
//
// Signatures are HMAC-SHA-256 over the body as it came, compared in constant time:
//   hmac    hexadecimal in the header that the definition names
//   github  X-Hub-Signature-256: sha256=HEX                        (docs.github.com, "Validating webhook deliveries")
//   stripe  Stripe-Signature: t=SECONDS,v1=HEX of "SECONDS.body"   (docs.stripe.com/webhooks, "Verify signatures")
//
// Errors: parse_error (the body), unauthenticated (the signature), validation_failed (the input and its schema),
// whatever a filter or template says. Pure: time and secrets are given. Thread: any.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "base/result.hpp"
#include "expression/secret.hpp"
#include "json/value.hpp"
#include "project/definition.hpp"

namespace compozy::workflow {

struct Delivery {
  std::string body;
  std::map<std::string, std::string> headers;  // names in lower case
  std::map<std::string, std::string> query;
  int64_t at_ms = 0;
};

struct Accepted {
  std::string event;  // empty: no filter holds
  json::Value input;
  std::string dedupe_key;  // empty: this delivery is not compared with others
};

Result<void> verify(const project::Webhook& webhook, const Delivery& delivery, const json::Value& host_env,
                    const expression::SecretLookup& lookup);

// After verify(). The key of X-Idempotency-Key goes before that of the body.
Result<Accepted> accept(const project::Webhook& webhook, const Delivery& delivery);

}  // namespace compozy::workflow
