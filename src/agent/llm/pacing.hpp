// SPDX-License-Identifier: Apache-2.0
//
// Pacing: how fast a provider is asked. A model's `rate_limit` says it, field by field over the process's defaults:
// so many calls at once, so many calls and tokens a minute. Who finds no room waits in order; when `queue_size` wait
// already, the call is refused as unavailable, and tried again later.
//
// Calls count before they are made, tokens after the answer, by what the provider says it used: so a minute's tokens
// may be passed by one answer, and the next waits until that is paid off. Models with the same provider, address and id
// share their limits. Owner: Providers. Thread: the loop.
#pragma once

#include <memory>
#include <string>

#include "agent/llm/provider.hpp"
#include "io/limiter.hpp"

namespace compozy::agent {

// 0 = no limit.
struct Pace {
  int64_t concurrency = 0;
  int64_t queue_size = 0;
  int64_t requests_per_minute = 0;
  int64_t request_burst = 0;
  int64_t tokens_per_minute = 0;
  int64_t token_burst = 0;
};

// What `rate_limit` of a model says, over `defaults`.
Pace pace_of(const json::Value& rate_limit, const Pace& defaults);

class PacedProvider final : public Provider {
 public:
  PacedProvider(std::unique_ptr<Provider> inner, io::Limiter& limiter, Pace defaults)
      : inner_(std::move(inner)), limiter_(limiter), defaults_(defaults) {}

  io::Task<ModelReply> ask(ModelRequest request, DeltaSink on_delta, std::stop_token stop) override;

 private:
  std::unique_ptr<Provider> inner_;
  io::Limiter& limiter_;
  Pace defaults_;
};

}  // namespace compozy::agent
