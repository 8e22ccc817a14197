// SPDX-License-Identifier: Apache-2.0
#include "agent/tools/file_sandbox.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>

#include "base/text.hpp"

namespace compozy::agent {
namespace {

constexpr size_t kDepthMax = 32;

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  int get() const { return fd_; }
  int release() { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

Failure refuse(std::string_view path, int error) {
  if (error == ELOOP) {
    return fail(Errc::permission_denied,
                "'" + std::string(path) + "' goes through a symbolic link; links are not followed");
  }
  return fail(system_error("open", path, error));
}

// The names of a relative path; refuses what leads upwards.
Result<std::vector<std::string>> names_of(std::string_view path) {
  std::vector<std::string> out;
  if (path.starts_with('/')) {
    return fail(Errc::permission_denied, "'" + std::string(path) + "' must be relative to the project's folder");
  }
  for (std::string_view name : split(path, '/')) {
    if (name.empty() || name == ".") continue;
    if (name == "..")
      return fail(Errc::permission_denied, "'" + std::string(path) + "' leads out of the project's folder");
    if (name.find('\0') != std::string_view::npos) return fail(Errc::invalid_argument, "a path holds no NUL");
    out.emplace_back(name);
  }
  return out;
}

std::pair<std::string, std::string> folder_and_name(std::string_view path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string_view::npos) return {"", std::string(path)};
  return {std::string(path.substr(0, slash)), std::string(path.substr(slash + 1))};
}

FileEntry entry_of(int folder, const std::string& name, const std::string& path) {
  struct stat status{};
  FileEntry out{.path = path, .type = "other"};
  if (::fstatat(folder, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) return out;
  out.type = S_ISREG(status.st_mode)   ? "file"
             : S_ISDIR(status.st_mode) ? "dir"
             : S_ISLNK(status.st_mode) ? "link"
                                       : "other";
  if (out.type == "file") out.size = status.st_size;
  return out;
}

Result<std::vector<FileEntry>> entries(int fd, const std::string& prefix) {
  struct Closer {
    void operator()(DIR* dir) const { ::closedir(dir); }
  };
  const std::unique_ptr<DIR, Closer> dir(::fdopendir(fd));
  if (!dir) {
    ::close(fd);
    return fail(system_error("list", prefix, errno));
  }
  std::vector<FileEntry> out;
  while (const dirent* entry = ::readdir(dir.get())) {
    const std::string name(static_cast<const char*>(entry->d_name));
    if (name != "." && name != "..") out.push_back(entry_of(::dirfd(dir.get()), name, prefix + name));
  }
  std::ranges::sort(out, {}, &FileEntry::path);
  return out;
}

}  // namespace

Result<int> FileSandbox::open_folder(std::string_view path, bool create) const {
  TRY(std::vector<std::string> names, names_of(path));
  if (names.size() > kDepthMax) return fail(Errc::invalid_argument, "'" + std::string(path) + "' is too deep");
  Descriptor at(::open(root_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (at.get() < 0) return refuse(root_, errno);
  for (const std::string& name : names) {
    if (create) ::mkdirat(at.get(), name.c_str(), 0755);
    Descriptor next(::openat(at.get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (next.get() < 0) {
      const int error = errno;
      struct stat status{};
      const bool is_link =
          ::fstatat(at.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(status.st_mode);
      return refuse(path, is_link ? ELOOP : error);
    }
    at = std::move(next);
  }
  return at.release();
}

Result<FileSandbox::Content> FileSandbox::read(std::string_view path, size_t bytes_max) const {
  const auto [folder, name] = folder_and_name(path);
  TRY(names_of(path));
  TRY(int folder_fd, open_folder(folder, false));
  const Descriptor parent(folder_fd);
  const Descriptor file(::openat(parent.get(), name.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK));
  if (file.get() < 0) return refuse(path, errno);
  struct stat status{};
  if (::fstat(file.get(), &status) != 0) return refuse(path, errno);
  if (!S_ISREG(status.st_mode))
    return fail(Errc::invalid_argument, "'" + std::string(path) + "' is not a regular file");
  Content out{.bytes = std::string(std::min(bytes_max, static_cast<size_t>(status.st_size)), '\0'),
              .size = status.st_size};
  size_t filled = 0;
  while (filled < out.bytes.size()) {
    const ssize_t got = ::read(file.get(), out.bytes.data() + filled, out.bytes.size() - filled);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail(system_error("read", path, errno));
    if (got == 0) break;
    filled += static_cast<size_t>(got);
  }
  out.bytes.resize(filled);
  return out;
}

Result<void> FileSandbox::write(std::string_view path, std::string_view content, bool append) const {
  const auto [folder, name] = folder_and_name(path);
  TRY(names_of(path));
  if (name.empty() || name == ".") return fail(Errc::invalid_argument, "'" + std::string(path) + "' names no file");
  TRY(int folder_fd, open_folder(folder, true));
  const Descriptor parent(folder_fd);
  const int mode = append ? O_APPEND : O_TRUNC;
  const Descriptor file(
      ::openat(parent.get(), name.c_str(), O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | mode, 0644));
  if (file.get() < 0) return refuse(path, errno);
  while (!content.empty()) {
    const ssize_t put = ::write(file.get(), content.data(), content.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return fail(system_error("write", path, errno));
    content.remove_prefix(static_cast<size_t>(put));
  }
  return {};
}

Result<std::vector<FileEntry>> FileSandbox::list(std::string_view path) const {
  TRY(int fd, open_folder(path, false));
  return entries(fd, "");
}

Result<std::vector<FileEntry>> FileSandbox::walk(std::string_view path, size_t files_max) const {
  std::vector<FileEntry> out;
  std::vector<std::string> open{""};
  while (!open.empty()) {
    const std::string folder = std::move(open.back());
    open.pop_back();
    TRY(int fd, open_folder(std::string(path.empty() ? "." : path) + "/" + folder, false));
    TRY(auto found, entries(fd, folder.empty() ? "" : folder + '/'));
    for (FileEntry& entry : found) {
      const std::string name = folder_and_name(entry.path).second;
      if (entry.type == "dir" && !name.starts_with('.') && name != "node_modules") open.push_back(entry.path);
      if (entry.type != "file") continue;
      if (out.size() >= files_max) {
        return fail(Errc::limit_exceeded,
                    "there are more than " + std::to_string(files_max) + " files below '" + std::string(path) + "'");
      }
      out.push_back(std::move(entry));
    }
  }
  std::ranges::sort(out, {}, &FileEntry::path);
  return out;
}

}  // namespace compozy::agent
