// SPDX-License-Identifier: Apache-2.0
//
// `compozy redis-server [redis.conf] [-] [--option value …]`: the engine alone, for tools and suites that start a
// redis-server: its configuration, its log lines, its signals. It ends with SIGTERM, SIGINT or SHUTDOWN.
// Source: redis.io/docs/management/config.
#pragma once

#include <span>
#include <string>

namespace compozy::app {

// Runs until the server ends; returns the exit code of the process.
int run_redis_server(std::span<const std::string> args);

}  // namespace compozy::app
