// SPDX-License-Identifier: Apache-2.0
//
// What starts runs of a workflow by itself: a signal, a webhook, a schedule. Parts of a resolved definition.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "json/value.hpp"

namespace compozy::project {

enum class Verification : uint8_t { none, hmac, stripe, github };

// One kind of delivery: the first event whose filter holds gives the run its input.
struct WebhookEvent {
  std::string name;
  std::string filter;  // CEL over payload, headers (names in lower case) and query; empty = always
  json::Value input;   // templates over the same
  json::Value schema;  // of the rendered input
};

struct Webhook {
  std::string slug;  // POST /api/v0/hooks/{slug}; unique in the project
  std::string method = "POST";
  Verification verification = Verification::none;
  std::string secret;         // template; names the host's environment only as a SecretRef
  std::string header;         // hmac: which holds the signature, in hexadecimal
  int64_t skew_ms = 300'000;  // stripe: how old a signature may be
  bool dedupe = false;
  int64_t dedupe_ttl_ms = 600'000;
  std::string dedupe_key;  // dotted path in the body, where X-Idempotency-Key is absent
  std::vector<WebhookEvent> events;
};

// One of both: a signal has a name.
struct Trigger {
  std::string name;
  json::Value schema;
  std::vector<Webhook> webhook;  // none or one
};

enum class Overlap : uint8_t { skip, allow, buffer_one, cancel_other };
std::string_view overlap_name(Overlap overlap);

struct Schedule {
  std::string cron;
  std::string timezone = "UTC";
  bool enabled = true;
  int64_t jitter_ms = 0;  // each run starts up to so much later
  Overlap overlap = Overlap::skip;
  int64_t start_ms = 0;  // 0 = no bound
  int64_t end_ms = 0;
  int64_t catch_up_ms = 3'600'000;  // what was due while the server was away runs if it is not older
  json::Value input;
};

}  // namespace compozy::project
