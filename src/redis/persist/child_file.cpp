// SPDX-License-Identifier: Apache-2.0
#include "redis/persist/child_file.hpp"

#include <array>
#include <cerrno>
#include <csignal>

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

extern char** environ;

namespace compozy::redis {

namespace {

class ChildFile final : public LogFile {
 public:
  ChildFile(std::string path, pid_t child, int pipe) : path_(std::move(path)), child_(child), pipe_(pipe) {}
  ~ChildFile() override {
    close_pipe();
    if (child_ < 0) return;
    ::kill(child_, SIGKILL);
    (void)wait();
  }

  Result<void> append(std::string_view bytes) override {
    size_ += bytes.size();
    while (!bytes.empty()) {
      const ssize_t written = ::write(pipe_, bytes.data(), bytes.size());
      if (written < 0 && errno == EINTR) continue;
      if (written <= 0) return fail(system_error("write", path_, errno));
      bytes.remove_prefix(static_cast<size_t>(written));
    }
    return {};
  }
  Result<void> sync() override {
    close_pipe();
    const int status = wait();
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
    return fail(Errc::io_error,
                "the process that writes '" + path_ + "' " +
                    (WIFSIGNALED(status) ? "was ended by signal " + std::to_string(WTERMSIG(status))
                                         : "failed with status " + std::to_string(WEXITSTATUS(status))));
  }
  Result<void> reserve(uint64_t) override { return {}; }
  uint64_t size() const override { return size_; }
  bool broken() const override {
    pollfd one{.fd = pipe_, .events = 0, .revents = 0};
    return pipe_ >= 0 && ::poll(&one, 1, 0) > 0 && (one.revents & POLLERR) != 0;
  }

 private:
  void close_pipe() {
    if (pipe_ >= 0) ::close(pipe_);
    pipe_ = -1;
  }
  int wait() {
    int status = 0;
    while (::waitpid(child_, &status, 0) < 0 && errno == EINTR) {
    }
    child_ = -1;
    return status;
  }

  std::string path_;
  pid_t child_;
  int pipe_;
  uint64_t size_ = 0;
};

}  // namespace

Result<std::unique_ptr<LogFile>> open_child_file(const std::string& program, const std::string& path) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return fail(system_error("pipe", path, errno));
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[0], STDIN_FILENO);
  std::array<std::string, 4> words{program, "redis-server", "--write-file", path};
  std::array<char*, 5> args{words[0].data(), words[1].data(), words[2].data(), words[3].data(), nullptr};
  pid_t child = -1;
  const int problem = ::posix_spawn(&child, program.c_str(), &actions, nullptr, args.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  ::close(ends[0]);
  if (problem != 0) {
    ::close(ends[1]);
    return fail(system_error("start", program, problem));
  }
  return std::make_unique<ChildFile>(path, child, ends[1]);
}

int run_child_writer(const std::string& path) {
  auto file = open_log_file(path);
  if (!file) return 1;
  std::array<char, 65536> part;
  while (true) {
    const ssize_t size = ::read(STDIN_FILENO, part.data(), part.size());
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return 1;
    if (size == 0) break;
    if (!(*file)->append({part.data(), static_cast<size_t>(size)})) return 1;
  }
  return (*file)->sync() ? 0 : 1;
}

}  // namespace compozy::redis
