// SPDX-License-Identifier: Apache-2.0
//
// The rows of DEBUG's subcommands about data. Data only; see row.hpp.
#include "redis/commands/handlers.hpp"
#include "redis/commands/row.hpp"
#include "redis/commands/server/debug_values.hpp"

namespace compozy::redis {

namespace {

constexpr Row kRows[] = {
    {.name = "digest",
     .parent = "debug",
     .group = "server",
     .since = "1.0.0",
     .arity = 2,
     .run = debug_digest,
     .summary = "Looks into data for tests.",
     .complexity = "O(N)",
     .flags = kAdmin | kNoScript | kLoading | kStale,
     .acl = kAclAdmin | kAclSlow | kAclDangerous},
    {.name = "digest-value",
     .parent = "debug",
     .group = "server",
     .since = "1.0.0",
     .arity = -2,
     .run = debug_digest_value,
     .summary = "Looks into data for tests.",
     .complexity = "O(N)",
     .flags = kAdmin | kNoScript | kLoading | kStale,
     .acl = kAclAdmin | kAclSlow | kAclDangerous},
    {.name = "htstats",
     .parent = "debug",
     .group = "server",
     .since = "1.0.0",
     .arity = 3,
     .run = debug_htstats,
     .summary = "Looks into data for tests.",
     .complexity = "O(N)",
     .flags = kAdmin | kNoScript | kLoading | kStale,
     .acl = kAclAdmin | kAclSlow | kAclDangerous},
    {.name = "htstats-key",
     .parent = "debug",
     .group = "server",
     .since = "1.0.0",
     .arity = 3,
     .run = debug_htstats_key,
     .summary = "Looks into data for tests.",
     .complexity = "O(N)",
     .flags = kAdmin | kNoScript | kLoading | kStale,
     .acl = kAclAdmin | kAclSlow | kAclDangerous},
    {.name = "listpack",
     .parent = "debug",
     .group = "server",
     .since = "1.0.0",
     .arity = 3,
     .run = debug_listpack,
     .summary = "Looks into data for tests.",
     .complexity = "O(N)",
     .flags = kAdmin | kNoScript | kLoading | kStale,
     .acl = kAclAdmin | kAclSlow | kAclDangerous},
    {.name = "loadaof",
     .parent = "debug",
     .group = "server",
     .since = "1.0.0",
     .arity = 2,
     .run = debug_load_log,
     .summary = "Looks into data for tests.",
     .complexity = "O(N)",
     .flags = kAdmin | kNoScript | kLoading | kStale,
     .acl = kAclAdmin | kAclSlow | kAclDangerous},
    {.name = "quicklist-packed-threshold",
     .parent = "debug",
     .group = "server",
     .since = "1.0.0",
     .arity = 3,
     .run = debug_quicklist_packed_threshold,
     .summary = "Looks into data for tests.",
     .complexity = "O(N)",
     .flags = kAdmin | kNoScript | kLoading | kStale,
     .acl = kAclAdmin | kAclSlow | kAclDangerous},
    {.name = "reload",
     .parent = "debug",
     .group = "server",
     .since = "1.0.0",
     .arity = -2,
     .run = debug_reload,
     .summary = "Looks into data for tests.",
     .complexity = "O(N)",
     .flags = kAdmin | kNoScript | kLoading | kStale,
     .acl = kAclAdmin | kAclSlow | kAclDangerous},
};

}  // namespace

std::span<const Row> debug_values_rows() { return kRows; }

}  // namespace compozy::redis
