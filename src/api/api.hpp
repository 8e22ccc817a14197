// SPDX-License-Identifier: Apache-2.0
//
// The HTTP API: /api/v0 and the operational paths beside it. One file per resource: validate, call, render.
//
// Answers: success is {status, message, data}; every failure is problem+json (RFC 9457) with `code` from the table of
// errors. All of /api/v0 but health asks for `Authorization: Bearer cpzy_…` when keys are on.
// Thread: the loop.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "auth/api_keys.hpp"
#include "base/clock.hpp"
#include "expression/secret.hpp"
#include "http/router.hpp"
#include "io/loop.hpp"
#include "project/project.hpp"
#include "store/audit.hpp"
#include "store/dead_letters.hpp"
#include "store/runs.hpp"
#include "workflow/run/activities.hpp"
#include "workflow/run/runs.hpp"
#include "workflow/schedule/scheduler.hpp"

namespace compozy::api {

// One thing that the server depends on, for /readyz.
struct Probe {
  std::string name;
  std::function<io::Task<Result<void>>()> check;
};

using MemoryRead =
    std::function<io::Task<Result<json::Value>>(std::string memory, std::string key, int64_t offset, int64_t limit)>;

using PurgeRuns = std::function<io::Task<Result<json::Value>>(std::string workflow, bool dry_run)>;

struct Context {
  io::Loop& loop;
  const Clock& clock;
  workflow::Runs& driver;
  workflow::Programs& programs;
  const project::Project& project;
  store::Runs& runs;
  store::DeadLetters& dead_letters;
  store::Audit& audit;
  workflow::Scheduler& scheduler;
  const auth::ApiKeys* keys = nullptr;  // null: open to everybody who can connect
  MemoryRead read_memory;
  PurgeRuns purge_runs;
  expression::SecretLookup host_env;  // the host's variables, for the secrets of webhooks
  std::vector<Probe> probes;
  std::string version;
  std::string mode;
  int64_t heartbeat_ms = 15'000;
  uint64_t body_bytes_max = 10U << 20U;
};

// The context outlives the server.
void add_routes(http::Router& router, const Context& context);

// What the HTTP server itself refuses, in the same form.
http::Response problem(int status, const Error& error);

}  // namespace compozy::api
