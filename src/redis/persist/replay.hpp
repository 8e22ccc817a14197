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

namespace compozy::redis {

struct Replayed {
  uint64_t commands = 0;
  uint64_t good_bytes = 0;  // up to here everything was whole
  uint64_t file_bytes = 0;
  bool truncated() const { return good_bytes < file_bytes; }
};

// Takes the gate for each part. `session` keeps the selected database from file to file.
// `held`: the caller holds the gate; otherwise it is taken for a part at a time.
Result<Replayed> replay_file(Engine& engine, Session& session, const std::string& path, bool held = false);

}  // namespace compozy::redis
