// SPDX-License-Identifier: Apache-2.0
//
// The fields of a policy's structs; definition_fields.hpp holds those of the rest. Private to definition*.cpp.
#pragma once

#include <type_traits>

#include "project/policy.hpp"

namespace compozy::project {

template <class T, class S>
concept Is = std::is_same_v<std::remove_const_t<T>, S>;

template <class V, Is<RetryPolicy> T>
void fields(V& v, T& x) {
  v("initial_ms", x.initial_ms);
  v("backoff", x.backoff);
  v("maximum_ms", x.maximum_ms);
  v("attempts", x.attempts);
  v("non_retryable", x.non_retryable);
}

template <class V, Is<ConcurrencyLimit> T>
void fields(V& v, T& x) {
  v("scope", x.scope);
  v("key", x.key);
  v("limit", x.limit);
}

template <class V, Is<RateLimit> T>
void fields(V& v, T& x) {
  v("scope", x.scope);
  v("key", x.key);
  v("limit", x.limit);
  v("period_ms", x.period_ms);
  v("burst", x.burst);
}

template <class V, Is<Policy> T>
void fields(V& v, T& x) {
  v("start_to_close_ms", x.start_to_close_ms);
  v("schedule_to_close_ms", x.schedule_to_close_ms);
  v("schedule_to_start_ms", x.schedule_to_start_ms);
  v("heartbeat_ms", x.heartbeat_ms);
  v("retry", x.retry);
  v("concurrency", x.concurrency);
  v("rate_limit", x.rate_limit);
  v("priority", x.priority);
}

}  // namespace compozy::project
