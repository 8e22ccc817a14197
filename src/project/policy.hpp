// SPDX-License-Identifier: Apache-2.0
//
// How long an activity may take and how often it is tried. The names are Temporal's; times in milliseconds.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace compozy::project {

struct RetryPolicy {
  int64_t initial_ms = 1'000;
  double backoff = 2.0;
  int64_t maximum_ms = 60'000;
  int64_t attempts = 3;                    // in all, the first one included; at least 1
  std::vector<std::string> non_retryable;  // error codes
};

// How many activities with the same key may be under way at once. `key` is a template, or CEL where it has no braces;
// what it gives counts within `scope`, which the loader has made unique: one task, one workflow, or the project.
struct ConcurrencyLimit {
  std::string scope;
  std::string key;
  int64_t limit = 1;
};

// How many activities with the same key begin in a period; more wait.
struct RateLimit {
  std::string scope;
  std::string key;
  int64_t limit = 1;
  int64_t period_ms = 1'000;
  int64_t burst = 1;  // so many may begin at once
};

inline constexpr int64_t kRetriesMax = 1'000;
inline constexpr size_t kConcurrencyLimitsMax = 2;
inline constexpr int64_t kPriorityMax = 600;

// Limits of one activity. 0 = none.
struct Policy {
  int64_t start_to_close_ms = 300'000;  // one attempt
  int64_t schedule_to_close_ms = 0;     // all attempts and the pauses between; the loader derives it so that all fit
  int64_t schedule_to_start_ms = 0;     // waiting until every limit has room; this time counts for no other limit
  int64_t heartbeat_ms = 0;
  RetryPolicy retry;
  std::vector<ConcurrencyLimit> concurrency;
  std::optional<RateLimit> rate_limit;
  int64_t priority = 0;  // goes before what came up to so many seconds earlier; negative: after what comes later

  // What schedule_to_close_ms has to be for all attempts to fit.
  int64_t all_attempts_ms() const;
};

}  // namespace compozy::project
