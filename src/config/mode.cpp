// SPDX-License-Identifier: Apache-2.0
#include "config/mode.hpp"

namespace compozy::config {

namespace {

Mode component_mode(const Config& config, std::string_view path) {
  const std::string& text = config.is_set(path) ? config.text(path) : config.text("mode");
  return text == "standalone" ? Mode::standalone : Mode::distributed;
}

}  // namespace

Modes resolve_modes(const Config& config) {
  return {.redis = component_mode(config, "redis.mode"),
          .temporal = component_mode(config, "temporal.mode"),
          .mcpproxy = component_mode(config, "mcpproxy.mode")};
}

std::string_view mode_name(Mode mode) { return mode == Mode::standalone ? "standalone" : "distributed"; }

}  // namespace compozy::config
