// SPDX-License-Identifier: Apache-2.0
//
// The rows of the scripting commands. Data only; see row.hpp.
#include "redis/commands/handlers.hpp"
#include "redis/commands/row.hpp"

namespace compozy::redis {

namespace {

constexpr Row kRows[] = {
    {.name = "eval", .parent = "", .group = "scripting", .since = "2.6.0",
     .arity = -3, .run = run_eval,
     .summary = "Runs a Lua script.",
     .complexity = "Depends on the script that is executed.",
     .flags = kNoScript | kStale | kSkipMonitor | kNoMandatoryKeys | kMovableKeys | kMayReplicate,
     .acl = kAclSlow | kAclScripting,
     .keys = {{.flags = "RW access update", .how = KeySpec::How::numkeys, .first = 2, .last = 1, .step = 1}}},
    {.name = "evalsha", .parent = "", .group = "scripting", .since = "2.6.0",
     .arity = -3, .run = run_evalsha,
     .summary = "Runs a Lua script by its SHA-1.",
     .complexity = "Depends on the script that is executed.",
     .flags = kNoScript | kStale | kSkipMonitor | kNoMandatoryKeys | kMovableKeys | kMayReplicate,
     .acl = kAclSlow | kAclScripting,
     .keys = {{.flags = "RW access update", .how = KeySpec::How::numkeys, .first = 2, .last = 1, .step = 1}}},
    {.name = "evalsha_ro", .parent = "", .group = "scripting", .since = "7.0.0",
     .arity = -3, .run = run_evalsha_ro,
     .summary = "Runs a read-only Lua script by its SHA-1.",
     .complexity = "Depends on the script that is executed.",
     .flags = kReadonly | kNoScript | kStale | kSkipMonitor | kNoMandatoryKeys | kMovableKeys | kMayReplicate,
     .acl = kAclSlow | kAclScripting,
     .keys = {{.flags = "RO access", .how = KeySpec::How::numkeys, .first = 2, .last = 1, .step = 1}}},
    {.name = "eval_ro", .parent = "", .group = "scripting", .since = "7.0.0",
     .arity = -3, .run = run_eval_ro,
     .summary = "Runs a read-only Lua script.",
     .complexity = "Depends on the script that is executed.",
     .flags = kReadonly | kNoScript | kStale | kSkipMonitor | kNoMandatoryKeys | kMovableKeys | kMayReplicate,
     .acl = kAclSlow | kAclScripting,
     .keys = {{.flags = "RO access", .how = KeySpec::How::numkeys, .first = 2, .last = 1, .step = 1}}},
    {.name = "script", .parent = "", .group = "scripting", .since = "2.6.0",
     .arity = -2, .run = nullptr,
     .summary = "Manages the cache of Lua scripts.",
     .complexity = "Depends on subcommand.",
     .flags = 0,
     .acl = kAclSlow},
    {.name = "exists", .parent = "script", .group = "scripting", .since = "2.6.0",
     .arity = -3, .run = run_script_exists,
     .summary = "Tells whether scripts are cached.",
     .complexity = "O(N)",
     .flags = kNoScript,
     .acl = kAclSlow | kAclScripting},
    {.name = "flush", .parent = "script", .group = "scripting", .since = "2.6.0",
     .arity = -2, .run = run_script_flush,
     .summary = "Empties the cache of scripts.",
     .complexity = "O(N)",
     .flags = kNoScript,
     .acl = kAclSlow | kAclScripting},
    {.name = "kill", .parent = "script", .group = "scripting", .since = "2.6.0",
     .arity = 2, .run = run_script_kill,
     .summary = "Stops a script that runs too long.",
     .complexity = "O(1)",
     .flags = kNoScript | kAllowBusy,
     .acl = kAclSlow | kAclScripting},
    {.name = "load", .parent = "script", .group = "scripting", .since = "2.6.0",
     .arity = 3, .run = run_script_load,
     .summary = "Caches a script.",
     .complexity = "O(N)",
     .flags = kNoScript | kStale,
     .acl = kAclSlow | kAclScripting},
};

}  // namespace

std::span<const Row> scripting_rows() { return kRows; }

}  // namespace compozy::redis
