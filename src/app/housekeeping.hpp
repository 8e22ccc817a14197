// SPDX-License-Identifier: Apache-2.0
//
// Housekeeping: lets runs go that have been kept long enough, by their workflow's `retention` over the server's own.
// A sweep looks at one workflow after the other, once after the start and then every kSweepMs.
//
// Owner: the server. Thread: the loop.
#pragma once

#include <stop_token>
#include <string>

#include "base/clock.hpp"
#include "io/loop.hpp"
#include "json/value.hpp"
#include "store/retention.hpp"
#include "workflow/run/activities.hpp"

namespace compozy::app {

class Housekeeping {
 public:
  Housekeeping(io::Loop& loop, const Clock& clock, sql::Database& database, workflow::Programs& programs,
               store::RetentionRule fallback)
      : loop_(loop), clock_(clock), retention_(database), programs_(programs), fallback_(fallback) {}

  io::Task<void> keep(std::stop_token stop);

  // What was deleted, or would be: {purged: [{workflow_id, succeeded, failed}], definitions, dry_run}. `workflow`
  // empty: of all.
  io::Task<Result<json::Value>> sweep(std::string workflow, bool dry_run);

 private:
  io::Task<Result<int64_t>> sweep_definitions(bool dry_run);
  store::RetentionRule rule_of(const std::string& workflow) const;

  io::Loop& loop_;
  const Clock& clock_;
  store::Retention retention_;
  workflow::Programs& programs_;
  store::RetentionRule fallback_;
};

}  // namespace compozy::app
