// SPDX-License-Identifier: Apache-2.0
#include "io/file.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <thread>
#include <utility>

#include "base/text.hpp"

namespace compozy::io {

Fd& Fd::operator=(Fd&& other) noexcept {
  if (this != &other) {
    reset();
    fd_ = other.release();
  }
  return *this;
}

int Fd::release() { return std::exchange(fd_, -1); }

void Fd::reset() {
  if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

Result<std::string> read_file(const std::string& path, uint64_t bytes_max) {
  const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return fail(system_error("open", path, errno));
  std::string text;
  std::array<char, 65536> chunk;
  for (;;) {
    const ssize_t n = ::read(fd.get(), chunk.data(), chunk.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail(system_error("read", path, errno));
    if (n == 0) return text;
    if (text.size() + static_cast<size_t>(n) > bytes_max) {
      return fail(Errc::too_large, "file '" + path + "' is larger than " + std::to_string(bytes_max) + " bytes");
    }
    text.append(chunk.data(), static_cast<size_t>(n));
  }
}

namespace {

std::string parent_of(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

Result<void> write_all_of(int fd, const std::string& path, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail(system_error("write", path, errno));
    bytes.remove_prefix(static_cast<size_t>(n));
  }
  return {};
}

Result<void> write_and_sync(const std::string& path, std::string_view bytes, mode_t mode) {
  const Fd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode));
  if (!fd.valid()) return fail(system_error("create", path, errno));
  TRY(write_all_of(fd.get(), path, bytes));
  if (::fsync(fd.get()) != 0) return fail(system_error("fsync", path, errno));
  return {};
}

}  // namespace

Result<void> write_file_atomic(const std::string& path, std::string_view bytes, mode_t mode) {
  static std::atomic<uint64_t> serial{0};
  const std::string temporary = path + ".tmp." + std::to_string(::getpid()) + "." + std::to_string(++serial);
  auto written = write_and_sync(temporary, bytes, mode);
  if (written && ::rename(temporary.c_str(), path.c_str()) != 0) {
    written = fail(system_error("rename into", path, errno));
  }
  if (!written) {
    ::unlink(temporary.c_str());
    return written;
  }
  return fsync_directory(parent_of(path));
}

Result<void> create_private(const std::string& path) {
  const Fd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  if (!fd.valid()) return fail(system_error("open", path, errno));
  return {};
}

Result<void> make_directories(const std::string& path, mode_t mode) {
  if (path.empty() || path == "/") return {};
  struct stat found{};
  if (::stat(path.c_str(), &found) == 0) {
    if (S_ISDIR(found.st_mode)) return {};
    return fail(system_error("create directory", path, ENOTDIR));
  }
  const std::string parent = parent_of(path);
  if (parent != path && parent != ".") TRY(make_directories(parent, mode));
  if (::mkdir(path.c_str(), mode) != 0 && errno != EEXIST) return fail(system_error("create directory", path, errno));
  return {};
}

Result<void> fsync_directory(const std::string& path) {
  const Fd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.valid()) return fail(system_error("open directory", path, errno));
  if (::fsync(fd.get()) != 0) return fail(system_error("fsync directory", path, errno));
  return {};
}

namespace {

constexpr int kOrphanWaitMs = 2'000;
constexpr int kOrphanStepMs = 10;

std::string lock_holder(int fd) {
  std::array<char, 32> text{};
  const ssize_t n = ::pread(fd, text.data(), text.size(), 0);
  return std::string(trim(std::string_view(text.data(), n > 0 ? static_cast<size_t>(n) : 0)));
}

}  // namespace

Result<DirectoryLock> DirectoryLock::acquire(const std::string& directory) {
  const std::string path = directory + "/lock";
  // What came with a project from elsewhere may be a link to a file that is not ours to write.
  Fd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!fd.valid()) return fail(system_error("open", path, errno));
  for (int waited_ms = 0; ::flock(fd.get(), LOCK_EX | LOCK_NB) != 0; waited_ms += kOrphanStepMs) {
    if (errno != EWOULDBLOCK) return fail(system_error("lock", path, errno));
    const std::string holder = lock_holder(fd.get());
    int64_t pid = 0;
    const bool is_dead = parse_int64(holder, pid) && ::kill(static_cast<pid_t>(pid), 0) != 0 && errno == ESRCH;
    if (!is_dead || waited_ms >= kOrphanWaitMs) {
      return fail(Errc::data_dir_locked,
                  "data directory '" + directory + "' is in use by process " + (holder.empty() ? "(unknown)" : holder));
    }
    // The holder died between fork and exec of a child: the child lets go as soon as it is the other program.
    std::this_thread::sleep_for(std::chrono::milliseconds(kOrphanStepMs));
  }
  // The file stays when the lock goes: deleting it would let two processes lock two files of the same name.
  const std::string pid = std::to_string(::getpid()) + "\n";
  if (::ftruncate(fd.get(), 0) != 0 || ::pwrite(fd.get(), pid.data(), pid.size(), 0) < 0) {
    return fail(system_error("write", path, errno));
  }
  return DirectoryLock(std::move(fd));
}

}  // namespace compozy::io
