// SPDX-License-Identifier: Apache-2.0
//
// The composition root: chooses a side for each seam, wires everything, serves until SIGINT or SIGTERM, and stops in
// the reverse order. Nobody includes this but main.cpp.
#pragma once

#include <string>

#include "base/result.hpp"
#include "cli/settings.hpp"

namespace compozy::app {

// Returns when the server has stopped. Errors that keep it from starting are one clear line: data_dir_locked,
// address_in_use, permission_denied, unavailable (what the mode needs and how to go on), validation_failed.
Result<void> serve(cli::Settings settings, const std::string& version);

}  // namespace compozy::app
