// SPDX-License-Identifier: Apache-2.0
//
// A report in the log when the process dies by a fault of its own: the signal and where each frame of the stack is.
// Thread: once, before others start.
#pragma once

#include <string>

namespace compozy::app {

// An empty path: standard output.
void report_crashes(const std::string& log_path);

}  // namespace compozy::app
