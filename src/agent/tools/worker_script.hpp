// SPDX-License-Identifier: Apache-2.0
//
// The program that turns a JavaScript runtime into a worker: one line of JSON in, one line out, until its input ends.
// It imports a module once, and calls its function for each line.
#pragma once

#include <string_view>

namespace compozy::agent {

extern const std::string_view kWorkerScript;

}  // namespace compozy::agent
