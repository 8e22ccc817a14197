// SPDX-License-Identifier: Apache-2.0
//
// Which side of each seam a process takes: component.mode, else mode, else "distributed".
#pragma once

#include "config/config.hpp"

namespace compozy::config {

enum class Mode : uint8_t { standalone, distributed };

struct Modes {
  Mode redis = Mode::distributed;
  Mode temporal = Mode::distributed;
  Mode mcpproxy = Mode::distributed;
};

Modes resolve_modes(const Config& config);
std::string_view mode_name(Mode mode);

}  // namespace compozy::config
