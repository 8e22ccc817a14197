// SPDX-License-Identifier: Apache-2.0
#include "cli/command.hpp"
#include "cli/output.hpp"

namespace compozy::cli {

Result<void> run_start(Invocation& invocation) {
  TRY(Settings settings,
      load_settings(invocation.value("--cwd"), invocation.config_flags(), invocation.ports().getenv));
  for (const std::string& remark : settings.config.notes()) note("note: " + remark);
  for (const Error& error : settings.project.skipped) note("skipped: " + error.to_string());
  return invocation.ports().serve(std::move(settings));
}

}  // namespace compozy::cli
