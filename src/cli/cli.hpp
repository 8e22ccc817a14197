// SPDX-License-Identifier: Apache-2.0
//
// The command line: `compozy COMMAND …`. What needs the whole server is passed in by app/.
//
// Output: answers on standard output, in lines for people or with --json as one JSON document; everything else on
// standard error. Exit codes are ExitCode (errc_table.hpp) and never change their meaning.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "cli/settings.hpp"

namespace compozy::cli {

struct Ports {
  std::function<Result<void>(Settings settings)> serve;                   // returns when the server has stopped
  std::function<int(const std::vector<std::string>& args)> redis_server;  // the same; gives the exit code
  std::function<const char*(const std::string& name)> getenv;
  std::string version;
};

int run(int argc, const char* const* argv, const Ports& ports);

// docs/cli.md, from the command table.
std::string reference();

}  // namespace compozy::cli
