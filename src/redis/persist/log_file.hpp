// SPDX-License-Identifier: Apache-2.0
//
// LogFile: one file of the append-only log, as the log needs it; an interface so that tests can fill the disk.
// Thread: one at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace compozy::redis {

class LogFile {
 public:
  virtual ~LogFile() = default;
  // All or nothing: after a failure the file is as long as before.
  virtual Result<void> append(std::string_view bytes) = 0;
  virtual Result<void> sync() = 0;
  // Makes sure that `bytes` more than are written have room on the disk.
  virtual Result<void> reserve(uint64_t bytes) = 0;
  virtual uint64_t size() const = 0;
  // Whoever writes it is gone: what follows will fail.
  virtual bool broken() const { return false; }
};
using OpenFile = std::function<Result<std::unique_ptr<LogFile>>(const std::string& path)>;

// Opens for appending, creating it if needed.
Result<std::unique_ptr<LogFile>> open_log_file(const std::string& path);

// The whole content becomes visible at once: temporary file, fsync, rename, fsync of the directory.
Result<void> replace_file(const std::string& path, std::string_view content);
Result<void> rename_file(const std::string& from, const std::string& to);
Result<void> sync_directory(const std::string& path);
Result<void> truncate_file(const std::string& path, uint64_t size);
Result<std::string> read_small_file(const std::string& path);  // not_found when absent

}  // namespace compozy::redis
