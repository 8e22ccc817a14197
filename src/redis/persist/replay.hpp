// SPDX-License-Identifier: Apache-2.0
//
// Replay: executes the commands of a log file. A command that is cut off at the end, or a transaction that is not
// closed there, is what a crash leaves: it is reported so that the caller can cut it. Anything wrong before the end is
// corruption, and an error that names the byte.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.hpp"
#include "redis/engine/engine.hpp"
#include "redis/persist/loading.hpp"

namespace compozy::redis {

struct Replayed {
  uint64_t commands = 0;
  uint64_t good_bytes = 0;  // up to here everything was whole
  uint64_t file_bytes = 0;
  bool truncated() const { return good_bytes < file_bytes; }
};

struct ReplayOptions {
  bool held = false;           // the caller holds the gate; otherwise it is taken for a part at a time
  Loading* loading = nullptr;  // is told how far it is, and may end it
};
// `session` keeps the selected database from file to file.
Result<Replayed> replay_file(Engine& engine, Session& session, const std::string& path, ReplayOptions options = {});

}  // namespace compozy::redis
