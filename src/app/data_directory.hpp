// SPDX-License-Identifier: Apache-2.0
//
// The data directory of a standalone server: 0700, one process at a time.
//
//   lock           who holds it            compozy.db*   runs (SQLite)
//   api_key        the first key, 0600     redis/        the embedded engine's log
//   redis.sock     its unix socket
#pragma once

#include <string>

#include "base/result.hpp"
#include "io/file.hpp"

namespace compozy::app {

class DataDirectory {
 public:
  // Errors: data_dir_locked with the holder's pid, permission_denied for a read-only place; each names the path.
  static Result<DataDirectory> open(const std::string& path);

  const std::string& path() const { return path_; }
  std::string file(const std::string& name) const { return path_ + "/" + name; }

 private:
  DataDirectory(std::string path, io::DirectoryLock lock) : path_(std::move(path)), lock_(std::move(lock)) {}

  std::string path_;
  io::DirectoryLock lock_;
};

}  // namespace compozy::app
