// SPDX-License-Identifier: Apache-2.0
//
// Damage of SQLite's write-ahead log. SQLite takes a log up to the first frame that fails its checksum and says nothing
// of what follows, for that is also what a crash leaves. Here each commit is on disk before the next begins, so a crash
// leaves at most one commit behind such a frame; several are acknowledged work that was damaged at rest.
//
// Format: sqlite.org/walformat.html and fileformat2.html, section 4. Thread: any; all of it reads files and blocks.
#pragma once

#include <string>

#include "base/result.hpp"

namespace compozy::sql {

// Before the database is opened, for SQLite then begins a log anew whose header is wrong. Errors: corrupt_data.
Result<void> check_log_header(const std::string& database_path);

// After the first read through a connection, which tells how far the log was taken. Errors: corrupt_data.
Result<void> check_log_tail(const std::string& database_path);

}  // namespace compozy::sql
