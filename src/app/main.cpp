// SPDX-License-Identifier: Apache-2.0
#include <cstdlib>

#include "app/redis_server.hpp"
#include "app/server.hpp"
#include "cli/cli.hpp"

int main(int argc, char** argv) {
  const compozy::cli::Ports ports{
      .serve =
          [](compozy::cli::Settings settings) { return compozy::app::serve(std::move(settings), COMPOZY_VERSION); },
      .redis_server = [](const std::vector<std::string>& args) { return compozy::app::run_redis_server(args); },
      .getenv = [](const std::string& name) -> const char* { return std::getenv(name.c_str()); },
      .version = COMPOZY_VERSION};
  return compozy::cli::run(argc, argv, ports);
}
