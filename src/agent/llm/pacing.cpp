// SPDX-License-Identifier: Apache-2.0
#include "agent/llm/pacing.hpp"

#include <algorithm>

namespace compozy::agent {

namespace {

constexpr int64_t kMinuteMs = 60'000;
constexpr int64_t kFullQueueRetryMs = 1'000;

io::RateDemand per_minute(std::string key, int64_t limit, int64_t burst, int64_t cost) {
  return {.key = std::move(key),
          .limit = limit,
          .period_ms = kMinuteMs,
          .burst = std::max<int64_t>(1, burst),
          .cost = cost};
}

io::Demand demand_of(const std::string& key, const Pace& pace) {
  io::Demand demand;
  if (pace.concurrency > 0) demand.slots.push_back({.key = key, .holders_max = pace.concurrency});
  if (pace.requests_per_minute > 0)
    demand.rates.push_back(per_minute(key + "/requests", pace.requests_per_minute, pace.request_burst, 1));
  if (pace.tokens_per_minute > 0)
    demand.rates.push_back(per_minute(key + "/tokens", pace.tokens_per_minute, pace.token_burst, 0));
  return demand;
}

size_t waiting(const io::Limiter& limiter, const io::Demand& demand) {
  size_t sum = 0;
  for (const io::SlotDemand& slot : demand.slots) sum += limiter.waiting(slot.key);
  for (const io::RateDemand& rate : demand.rates) sum += limiter.waiting(rate.key);
  return sum;
}

}  // namespace

Pace pace_of(const json::Value& rate_limit, const Pace& defaults) {
  return {.concurrency = rate_limit["concurrency"].integer_or(defaults.concurrency),
          .queue_size = rate_limit["queue_size"].integer_or(defaults.queue_size),
          .requests_per_minute = rate_limit["requests_per_minute"].integer_or(defaults.requests_per_minute),
          .request_burst = rate_limit["request_burst"].integer_or(defaults.request_burst),
          .tokens_per_minute = rate_limit["tokens_per_minute"].integer_or(defaults.tokens_per_minute),
          .token_burst = rate_limit["token_burst"].integer_or(defaults.token_burst)};
}

io::Task<ModelReply> PacedProvider::ask(ModelRequest request, DeltaSink on_delta, std::stop_token stop) {
  const project::ModelConfig& model = request.model;
  const Pace pace = pace_of(model.rate_limit, defaults_);
  const std::string key = model.provider + '/' + model.api_url + '/' + (model.id.empty() ? model.model : model.id);
  io::Demand demand = demand_of(key, pace);
  if (pace.queue_size > 0 && std::cmp_greater_equal(waiting(limiter_, demand), pace.queue_size)) {
    const std::string why = "the queue of model '" + model.model + "' is full: " + std::to_string(pace.queue_size) +
                            " calls wait for its rate_limit";
    co_return std::unexpected(ModelFailure{.error = {.code = Errc::limit_exceeded, .message = why},
                                           .kind = ModelFailure::Kind::unavailable,
                                           .retry_after_ms = kFullQueueRetryMs});
  }
  const bool counts_tokens = pace.tokens_per_minute > 0;
  const io::RateDemand tokens = counts_tokens ? demand.rates.back() : io::RateDemand{};
  auto hold = co_await limiter_.enter(std::move(demand), stop);
  if (!hold) co_return std::unexpected(ModelFailure{.error = hold.error(), .kind = ModelFailure::Kind::retry});
  auto reply = co_await inner_->ask(std::move(request), std::move(on_delta), stop);
  if (reply && counts_tokens) limiter_.charge(tokens, reply->usage.total_tokens);
  co_return reply;
}

}  // namespace compozy::agent
