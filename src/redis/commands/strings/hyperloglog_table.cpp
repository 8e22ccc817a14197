// SPDX-License-Identifier: Apache-2.0
//
// The rows of the HyperLogLog commands. Data only; see row.hpp.
#include "redis/commands/handlers.hpp"
#include "redis/commands/row.hpp"

namespace compozy::redis {

namespace {

constexpr Row kRows[] = {
    {.name = "pfadd",
     .parent = "",
     .group = "hyperloglog",
     .since = "2.8.9",
     .arity = -2,
     .run = run_pfadd,
     .summary = "Adds elements to a HyperLogLog.",
     .complexity = "O(1) to add every element",
     .flags = kWrite | kDenyOom | kFast,
     .acl = kAclWrite | kAclHyperLogLog | kAclFast,
     .keys = {{.flags = "RW insert", .first = 1, .last = 0, .step = 1}}},
    {.name = "pfcount",
     .parent = "",
     .group = "hyperloglog",
     .since = "2.8.9",
     .arity = -2,
     .run = run_pfcount,
     .summary = "Estimates how many different elements HyperLogLogs have seen.",
     .complexity = "O(1) for one key, O(N) for N keys",
     .flags = kReadonly | kMayReplicate,
     .acl = kAclRead | kAclHyperLogLog | kAclSlow,
     .keys = {{.flags = "RW access", .first = 1, .last = -1, .step = 1}}},
    {.name = "pfdebug",
     .parent = "",
     .group = "hyperloglog",
     .since = "2.8.9",
     .arity = 3,
     .run = run_pfdebug,
     .summary = "Looks inside a HyperLogLog.",
     .complexity = "N/A",
     .flags = kWrite | kDenyOom | kAdmin,
     .acl = kAclWrite | kAclHyperLogLog | kAclAdmin | kAclSlow | kAclDangerous,
     .keys = {{.flags = "RW access", .first = 2, .last = 0, .step = 1}}},
    {.name = "pfmerge",
     .parent = "",
     .group = "hyperloglog",
     .since = "2.8.9",
     .arity = -2,
     .run = run_pfmerge,
     .summary = "Merges HyperLogLogs into one.",
     .complexity = "O(N)",
     .flags = kWrite | kDenyOom,
     .acl = kAclWrite | kAclHyperLogLog | kAclSlow,
     .keys = {{.flags = "RW access insert", .first = 1, .last = 0, .step = 1},
              {.flags = "RO access", .first = 2, .last = -1, .step = 1}}},
    {.name = "pfselftest",
     .parent = "",
     .group = "hyperloglog",
     .since = "2.8.9",
     .arity = 1,
     .run = run_pfselftest,
     .summary = "Checks the HyperLogLog implementation.",
     .complexity = "N/A",
     .flags = kAdmin,
     .acl = kAclHyperLogLog | kAclAdmin | kAclSlow | kAclDangerous},
};

}  // namespace

std::span<const Row> hyperloglog_rows() { return kRows; }

}  // namespace compozy::redis
