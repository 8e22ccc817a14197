// SPDX-License-Identifier: Apache-2.0
//
// The rows of the transactions commands. Data only; see row.hpp.
#include "redis/commands/handlers.hpp"
#include "redis/commands/row.hpp"

namespace compozy::redis {

namespace {

constexpr Row kRows[] = {
    {.name = "discard",
     .parent = "",
     .group = "transactions",
     .since = "2.0.0",
     .arity = 1,
     .run = run_discard,
     .summary = "Drops the queued commands of a transaction.",
     .complexity = "O(N),",
     .flags = kNoScript | kLoading | kStale | kFast | kAllowBusy,
     .acl = kAclFast | kAclTransaction},
    {.name = "exec",
     .parent = "",
     .group = "transactions",
     .since = "1.2.0",
     .arity = 1,
     .run = run_exec,
     .summary = "Runs the queued commands of a transaction.",
     .complexity = "Depends on commands in the transaction",
     .flags = kNoScript | kLoading | kStale | kSkipSlowlog,
     .acl = kAclSlow | kAclTransaction},
    {.name = "multi",
     .parent = "",
     .group = "transactions",
     .since = "1.2.0",
     .arity = 1,
     .run = run_multi,
     .summary = "Starts a transaction.",
     .complexity = "O(1)",
     .flags = kNoScript | kLoading | kStale | kFast | kAllowBusy,
     .acl = kAclFast | kAclTransaction},
    {.name = "unwatch",
     .parent = "",
     .group = "transactions",
     .since = "2.2.0",
     .arity = 1,
     .run = run_unwatch,
     .summary = "Forgets all watched keys.",
     .complexity = "O(1)",
     .flags = kNoScript | kLoading | kStale | kFast | kAllowBusy,
     .acl = kAclFast | kAclTransaction},
    {.name = "watch",
     .parent = "",
     .group = "transactions",
     .since = "2.2.0",
     .arity = -2,
     .run = run_watch,
     .summary = "Makes the next transaction depend on keys staying unchanged.",
     .complexity = "O(1)",
     .flags = kNoScript | kLoading | kStale | kFast | kAllowBusy,
     .acl = kAclFast | kAclTransaction,
     .keys = {{.flags = "RO", .first = 1, .last = -1, .step = 1}}},
};

}  // namespace

std::span<const Row> transactions_rows() { return kRows; }

}  // namespace compozy::redis
