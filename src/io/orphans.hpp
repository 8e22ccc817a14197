// SPDX-License-Identifier: Apache-2.0
//
// Orphans: what programs leave behind that went out of their process groups (setsid, daemons). Private to io/.
//
// The kernel gives a subreaper the orphans of its descendants (prctl(2)). A child that we did not start, in another
// process group than ours, is one: no program of ours can join our group, for each has a session of its own.
// Thread: any.
#pragma once

#include <sys/types.h>

#include <string>

namespace compozy::io {

void begin_adopting();
void child_started(pid_t pid);
void child_ended(pid_t pid, const std::string& mark);  // kills orphans with the mark; all of them when no child runs

}  // namespace compozy::io
