// SPDX-License-Identifier: Apache-2.0
//
// Files: the few operations that must be right everywhere. All of them block: call them at start-up or in a
// BlockingPool.
#pragma once

#include <sys/types.h>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace compozy::io {

// A file descriptor that closes itself.
class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(other.release()) {}
  Fd& operator=(Fd&& other) noexcept;
  ~Fd() { reset(); }
  int get() const { return fd_; }
  bool valid() const { return fd_ >= 0; }
  int release();
  void reset();

 private:
  int fd_ = -1;
};

// The whole file; Errc::too_large beyond `bytes_max`.
Result<std::string> read_file(const std::string& path, uint64_t bytes_max = 64U << 20U);

// All or nothing: writes a temporary file beside it, fsyncs it, renames it into place and fsyncs the directory. A crash
// leaves the old content or the new.
Result<void> write_file_atomic(const std::string& path, std::string_view bytes, mode_t mode = 0644);

// Makes an empty file that only its owner can read, where there is none yet; one that exists is left as it is.
Result<void> create_private(const std::string& path);

// mkdir -p; new directories get `mode`.
Result<void> make_directories(const std::string& path, mode_t mode = 0755);

Result<void> fsync_directory(const std::string& path);

// One process per data directory: holds flock on `<directory>/lock`, which names the holder's pid, until destroyed or
// until the process dies in whatever way. A second one gets Errc::data_dir_locked with the holder's pid.
class DirectoryLock {
 public:
  static Result<DirectoryLock> acquire(const std::string& directory);
  DirectoryLock(DirectoryLock&&) = default;
  DirectoryLock& operator=(DirectoryLock&&) = default;

 private:
  explicit DirectoryLock(Fd fd) : fd_(std::move(fd)) {}
  Fd fd_;
};

}  // namespace compozy::io
