// SPDX-License-Identifier: Apache-2.0
#include "app/housekeeping.hpp"

#include <algorithm>

#include "io/timer.hpp"
#include "observe/log.hpp"

namespace compozy::app {

namespace {

constexpr int64_t kFirstSweepMs = 60'000;
constexpr int64_t kSweepMs = 600'000;
constexpr int64_t kDefinitionMs = 3'600'000;  // so long it stays in any case

}  // namespace

io::Task<void> Housekeeping::keep(std::stop_token stop) {
  for (int64_t pause_ms = kFirstSweepMs; co_await io::sleep(loop_, pause_ms, stop); pause_ms = kSweepMs) {
    if (const auto swept = co_await sweep({}, false); !swept)
      log::warn("old runs could not be deleted; trying again later", {{"error", swept.error().to_string()}});
  }
}

io::Task<Result<json::Value>> Housekeeping::sweep(std::string workflow, bool dry_run) {
  CO_TRY(const std::vector<std::string> workflows, co_await retention_.workflows());
  if (!workflow.empty() && std::ranges::find(workflows, workflow) == workflows.end())
    co_return fail(Errc::not_found, "no workflow '" + workflow + "' has runs" + did_you_mean(workflow, workflows));
  json::Value list = json::Value::array();
  for (const std::string& id : workflows) {
    if (!workflow.empty() && id != workflow) continue;
    CO_TRY(const store::Purged purged, co_await retention_.purge(id, rule_of(id), clock_.wall_ms(), dry_run));
    if (purged.succeeded + purged.failed == 0) continue;
    list.push_back(
        json::Value::object({{"workflow_id", id}, {"succeeded", purged.succeeded}, {"failed", purged.failed}}));
    if (!dry_run)
      log::info("runs deleted", {{"workflow", id}, {"succeeded", purged.succeeded}, {"failed", purged.failed}});
  }
  CO_TRY(const int64_t definitions, co_await sweep_definitions(dry_run));
  co_return json::Value::object({{"dry_run", dry_run}, {"purged", std::move(list)}, {"definitions", definitions}});
}

io::Task<Result<int64_t>> Housekeeping::sweep_definitions(bool dry_run) {
  std::vector<std::string> kept;
  for (const auto& program : programs_.all()) kept.push_back(program->hash());
  CO_TRY(const int64_t gone,
         co_await retention_.purge_definitions(std::move(kept), clock_.wall_ms() - kDefinitionMs, dry_run));
  if (gone > 0 && !dry_run) log::info("definitions that no run has deleted", {{"count", gone}});
  co_return gone;
}

store::RetentionRule Housekeeping::rule_of(const std::string& workflow) const {
  store::RetentionRule rule = fallback_;
  if (const auto program = programs_.latest(workflow)) {
    const project::RunRetention& own = (*program)->workflow().retention;
    if (own.succeeded_ms >= 0) rule.succeeded_ms = own.succeeded_ms;
    if (own.failed_ms >= 0) rule.failed_ms = own.failed_ms;
  }
  return rule;
}

}  // namespace compozy::app
