// SPDX-License-Identifier: Apache-2.0
//
// Database on SQLite: WAL, synchronous=FULL, one writing connection with its own thread (writer.hpp), several reading
// ones that never checkpoint. Opening creates the file where it is missing and migrates it to the present schema.
//
// Errors of opening: not_found or permission_denied for its directory, corrupt_data when the file is no database,
// newer_format when a newer Compozy wrote it; each names the file.
// Rules: docs/durability.md section 3.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/result.hpp"
#include "sql/database.hpp"

namespace compozy::sql {

struct SqliteOptions {
  std::string path;
  size_t readers = 2;
  size_t queue_max = 16'384;      // waiting writes
  size_t read_queue_max = 1'024;  // waiting reads
  size_t works_per_commit = 256;
  uint64_t commits_per_checkpoint = 50;
  uint64_t pages_max = 0;  // of 4 KB; beyond it writes are storage_full. 0: the disk is the limit
};

Result<std::unique_ptr<Database>> open_sqlite(const SqliteOptions& options);

}  // namespace compozy::sql
