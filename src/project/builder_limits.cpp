// SPDX-License-Identifier: Apache-2.0
//
// How much of a task's work may be under way at once: concurrency, rate_limit, priority.
#include <array>

#include "project/builder.hpp"

namespace compozy::project {

void Builder::build_limits(const Node& node, Task& task, const std::string& path, const std::string& qualified) {
  const bool performs = task.type == TaskType::basic || task.type == TaskType::memory || task.type == TaskType::signal;
  for (const char* field : {"concurrency", "rate_limit", "priority"}) {
    const Node* found = node.find(field);
    if (found == nullptr || performs) continue;
    diagnostics_.add(*found, path + '.' + field,
                     "belongs to a task that performs something itself (basic, memory, signal); put it on the tasks "
                     "inside");
  }
  if (!performs) return;
  if (const Node* limits = node.find("concurrency"); limits != nullptr && limits->is_list()) {
    for (size_t i = 0; i < limits->items.size(); ++i) {
      const Node& limit = limits->items[i];
      const std::string where = path + ".concurrency[" + std::to_string(i) + ']';
      if (!check_fields(limit, kConcurrencyFields, where, diagnostics_)) continue;
      task.policy.concurrency.push_back({.scope = limit_scope(limit, where, qualified),
                                         .key = limit_key(limit, where),
                                         .limit = positive(limit, "limit", where)});
    }
    if (limits->items.size() > kConcurrencyLimitsMax) {
      diagnostics_.add(*limits, path + ".concurrency",
                       "a task has at most " + std::to_string(kConcurrencyLimitsMax) + " concurrency limits");
    }
  }
  const Node* rate = node.find("rate_limit");
  const std::string where = path + ".rate_limit";
  if (rate != nullptr && check_fields(*rate, kRateLimitFields, where, diagnostics_)) {
    RateLimit limit{.scope = limit_scope(*rate, where, qualified),
                    .key = limit_key(*rate, where),
                    .limit = positive(*rate, "limit", where)};
    if (const int64_t period_ms = duration_of(*rate, "period"); period_ms > 0) limit.period_ms = period_ms;
    if (rate->find("burst") != nullptr) limit.burst = positive(*rate, "burst", where);
    task.policy.rate_limit = std::move(limit);
  }
  if (const Node* priority = node.find("priority")) {
    const json::Value& value = priority->scalar;
    if (value.is_integer() && std::abs(value.as_integer()) <= kPriorityMax) {
      task.policy.priority = value.as_integer();
    } else {
      const std::string most = std::to_string(kPriorityMax);
      diagnostics_.add(*priority, path + ".priority",
                       "expected a whole number of seconds from -" + most + " to " + most);
    }
  }
}

// Equal keys of different tasks are different, unless they say that they share.
std::string Builder::limit_scope(const Node& node, const std::string& path, const std::string& qualified) {
  constexpr std::array<std::string_view, 3> kScopes{"task", "workflow", "project"};
  const std::string scope = node.find("scope") != nullptr ? node.text("scope") : "task";
  const std::string workflow = file_.text("id");
  if (scope == "task") return "task:" + workflow + '/' + qualified;
  if (scope == "workflow") return "workflow:" + workflow;
  if (scope == "project") return "project";
  diagnostics_.add(
      *node.find("scope"), path + ".scope",
      "unknown scope '" + scope + "'" + did_you_mean(scope, kScopes) + "; expected 'task', 'workflow' or 'project'");
  return {};
}

std::string Builder::limit_key(const Node& node, const std::string& path) {
  const Node* key = node.find("key");
  if (key == nullptr) return {};
  check_condition(*key, path + ".key", {});
  return scalar_text(*key);
}

int64_t Builder::positive(const Node& node, std::string_view field, const std::string& path) {
  const int64_t value = integer_of(node, field, 1);
  if (value < 1) {
    diagnostics_.add(*node.find(field), path + '.' + std::string(field), "expected a whole number from 1");
    return 1;
  }
  return value;
}

}  // namespace compozy::project
