// SPDX-License-Identifier: Apache-2.0
//
// Watching a run: every event as a line, or with --json as one JSON object a line.
#pragma once

#include "cli/client.hpp"

namespace compozy::cli {

// Until the run ends. Errc::task_failed or Errc::cancelled when it did not succeed, so that the exit code says so.
Result<void> watch_run(ApiClient& client, const std::string& exec_id, int64_t from, bool as_json);

// The same verdict for a run that is known.
Result<void> verdict_of(const json::Value& run);

}  // namespace compozy::cli
