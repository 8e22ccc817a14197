// SPDX-License-Identifier: Apache-2.0
//
// A file that a process of its own writes: the bytes go to it through a pipe, and sync() waits until it has written,
// synced and ended. When it dies, only the file is lost: append() and sync() fail, and broken() says so before.
// The process is this program again, which knows by its argument what it is for (run_child_writer).
// Owner: whoever saves. Thread: one at a time.
#pragma once

#include <memory>
#include <string>

#include "base/result.hpp"
#include "redis/persist/log_file.hpp"

namespace compozy::redis {

// `program` is started as `program redis-server --write-file PATH`.
Result<std::unique_ptr<LogFile>> open_child_file(const std::string& program, const std::string& path);

// The other side: standard input to the file. The exit status.
int run_child_writer(const std::string& path);

}  // namespace compozy::redis
