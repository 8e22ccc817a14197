// SPDX-License-Identifier: Apache-2.0
//
// How long an activity may take and how often it is tried. The names are Temporal's; times in milliseconds.
#pragma once

#include <cstdint>
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

// Limits of one activity. 0 = none.
struct Policy {
  int64_t start_to_close_ms = 300'000;    // one attempt
  int64_t schedule_to_close_ms = 0;       // all attempts and the pauses between; the loader derives it so that all fit
  int64_t schedule_to_start_ms = 60'000;  // waiting for a free slot
  int64_t heartbeat_ms = 0;
  RetryPolicy retry;

  // What schedule_to_close_ms has to be for all attempts to fit.
  int64_t all_attempts_ms() const;
};

}  // namespace compozy::project
