// SPDX-License-Identifier: Apache-2.0
#include <cstdlib>

#include "app/server.hpp"
#include "cli/cli.hpp"

int main(int argc, char** argv) {
  const compozy::cli::Ports ports{
      .serve =
          [](compozy::cli::Settings settings) { return compozy::app::serve(std::move(settings), COMPOZY_VERSION); },
      .getenv = [](const std::string& name) -> const char* { return std::getenv(name.c_str()); },
      .version = COMPOZY_VERSION};
  return compozy::cli::run(argc, argv, ports);
}
