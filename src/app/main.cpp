// SPDX-License-Identifier: Apache-2.0
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <new>

#include "app/redis_server.hpp"
#include "app/server.hpp"
#include "base/out_of_memory.hpp"
#include "cli/cli.hpp"

// jemalloc's own setting, read before main; the environment's MALLOC_CONF is read after it. An extent of small
// allocations is 16 pages (28 where 5 to 14 KB stand in it, so that no class leaves a rest), not the one or few of its
// default: jemalloc keeps 128 bytes of its own for each, which is 3 % of one page (ADR 25).
extern "C" {
extern const char* malloc_conf;
const char* malloc_conf = "slab_sizes:1-4096:16|5120-14336:28";
}

int main(int argc, char** argv) try {
  std::set_new_handler(compozy::out_of_memory);
  const compozy::cli::Ports ports{
      .serve =
          [](compozy::cli::Settings settings) { return compozy::app::serve(std::move(settings), COMPOZY_VERSION); },
      .redis_server = [](const std::vector<std::string>& args) { return compozy::app::run_redis_server(args); },
      .getenv = [](const std::string& name) -> const char* { return std::getenv(name.c_str()); },
      .version = COMPOZY_VERSION};
  return compozy::cli::run(argc, argv, ports);
} catch (const std::exception& problem) {
  // Only what a process needs to begin can fail so: descriptors and threads.
  std::fprintf(stderr, "compozy: cannot start: %s\n", problem.what());
  return static_cast<int>(compozy::ExitCode::failure);
}
