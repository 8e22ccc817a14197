// SPDX-License-Identifier: Apache-2.0
#include "redis/persist/log_file.hpp"

#include <array>
#include <cerrno>
#include <cstdio>
#include <filesystem>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace compozy::redis {

namespace {

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

class PosixLogFile final : public LogFile {
 public:
  PosixLogFile(std::string path, int fd, uint64_t size)
      : path_(std::move(path)), fd_(fd), size_(size), reserved_(size) {}

  Result<void> append(std::string_view bytes) override {
    size_t done = 0;
    while (done < bytes.size()) {
      const ssize_t written = ::write(fd_.get(), bytes.data() + done, bytes.size() - done);
      if (written < 0 && errno == EINTR) continue;
      if (written <= 0) {
        const int reason = written == 0 ? EIO : errno;
        // A part of a command must not stay: the next attempt starts at its beginning.
        if (done > 0 && ::ftruncate(fd_.get(), static_cast<off_t>(size_)) != 0)
          return fail(system_error("truncate", path_, errno));
        return fail(system_error("write", path_, reason));
      }
      done += static_cast<size_t>(written);
    }
    size_ += bytes.size();
    return {};
  }
  Result<void> sync() override {
    if (::fdatasync(fd_.get()) != 0) return fail(system_error("fdatasync", path_, errno));
    return {};
  }
  Result<void> reserve(uint64_t bytes) override {
    if (reserved_ >= size_ + bytes) return {};
    for (const uint64_t ahead : {bytes * 4, bytes}) {  // more than asked for, where the disk has it
      if (::fallocate(fd_.get(), FALLOC_FL_KEEP_SIZE, static_cast<off_t>(size_), static_cast<off_t>(ahead)) == 0) {
        reserved_ = size_ + ahead;
        return {};
      }
      if (errno != ENOSPC && errno != EDQUOT) break;
    }
    if (errno != EOPNOTSUPP && errno != ENOSYS) return fail(system_error("reserve space for", path_, errno));
    reserved_ = UINT64_MAX;  // This file system cannot promise room.
    return {};
  }
  uint64_t size() const override { return size_; }

 private:
  std::string path_;
  Descriptor fd_;
  uint64_t size_;
  uint64_t reserved_;
};

}  // namespace

Result<std::unique_ptr<LogFile>> open_log_file(const std::string& path) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (fd < 0) return fail(system_error("open", path, errno));
  struct stat status{};
  if (::fstat(fd, &status) != 0) {
    const int reason = errno;
    ::close(fd);
    return fail(system_error("stat", path, reason));
  }
  return std::make_unique<PosixLogFile>(path, fd, static_cast<uint64_t>(status.st_size));
}

Result<void> sync_directory(const std::string& path) {
  const Descriptor directory(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (directory.get() < 0 || ::fsync(directory.get()) != 0) return fail(system_error("fsync", path, errno));
  return {};
}

Result<void> rename_file(const std::string& from, const std::string& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) return fail(system_error("rename", from, errno));
  return sync_directory(std::filesystem::path(to).parent_path().string());
}

Result<void> replace_file(const std::string& path, std::string_view content) {
  const std::filesystem::path whole(path);
  const std::string temporary = (whole.parent_path() / ("temp-" + whole.filename().string())).string();
  ::unlink(temporary.c_str());
  {
    TRY(auto file, open_log_file(temporary));
    TRY(file->append(content));
    TRY(file->sync());
  }
  return rename_file(temporary, path);
}

Result<void> truncate_file(const std::string& path, uint64_t size) {
  if (::truncate(path.c_str(), static_cast<off_t>(size)) != 0) return fail(system_error("truncate", path, errno));
  return {};
}

Result<std::string> read_small_file(const std::string& path) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) return fail(system_error("open", path, errno));
  std::string content;
  std::array<char, 65536> part;
  while (true) {
    const ssize_t size = ::read(file.get(), part.data(), part.size());
    if (size < 0) return fail(system_error("read", path, errno));
    if (size == 0) return content;
    content.append(part.data(), static_cast<size_t>(size));
  }
}

}  // namespace compozy::redis
