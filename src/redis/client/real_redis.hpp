// SPDX-License-Identifier: Apache-2.0
//
// RealRedis: a redis-server that a test starts, on a unix socket in a temporary directory, and stops by its pid.
// Test support; links nothing. Thread: one.
#pragma once

#include <array>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include <fcntl.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/assert.hpp"
#include "redis/resp/reply_parser.hpp"
#include "redis/resp/reply_writer.hpp"

namespace compozy::redis {

class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string name = (std::filesystem::temp_directory_path() / "compozy-redis-XXXXXX").string();
    ASSERT(mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  ~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

class RealRedis {
 public:
  // In `directory`, or in one of its own.
  explicit RealRedis(std::vector<std::string> options = {}, std::string directory = {}) {
    directory_ = directory.empty() ? own_directory_.path() : std::move(directory);
    socket_ = own_directory_.path() + "/redis.sock";
    std::vector<std::string> args{"redis-server", "--port", "0",     "--unixsocket", socket_,
                                  "--save",       "",       "--dir", directory_,     "--enable-debug-command",
                                  "yes"};
    for (auto& option : options) args.push_back(std::move(option));
    start(args);
  }
  ~RealRedis() { stop(); }
  RealRedis(const RealRedis&) = delete;
  RealRedis& operator=(const RealRedis&) = delete;

  const std::string& socket() const { return socket_; }
  const std::string& log() const { return log_; }
  bool running() const { return pid_ > 0; }

  void stop(int signal = SIGTERM) {
    if (pid_ <= 0) return;
    kill(pid_, signal);
    int status = 0;
    waitpid(pid_, &status, 0);
    pid_ = -1;
    close(output_);
  }

 private:
  void start(const std::vector<std::string>& args) {
    std::array<int, 2> ends{};
    ASSERT(pipe2(ends.data(), O_CLOEXEC) == 0);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    std::vector<char*> argv;
    for (const auto& arg : args) argv.push_back(const_cast<char*>(arg.c_str()));
    argv.push_back(nullptr);
    const int failed = posix_spawnp(&pid_, "redis-server", &actions, nullptr, argv.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    output_ = ends[0];
    ASSERT(failed == 0);
    // The log is how it says that it is ready, or why it gives up.
    std::array<char, 4096> part;
    while (log_.find("eady to accept connections") == std::string::npos) {
      const ssize_t size = read(output_, part.data(), part.size());
      if (size <= 0) {
        stop();
        return;
      }
      log_.append(part.data(), static_cast<size_t>(size));
    }
  }

  TemporaryDirectory own_directory_;
  std::string directory_;
  std::string socket_;
  std::string log_;
  pid_t pid_ = -1;
  int output_ = -1;
};

// A blocking connection for tests.
class RawConnection {
 public:
  explicit RawConnection(const std::string& path) : fd_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof(address.sun_path) - 1);
    ASSERT(connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  }
  ~RawConnection() { close(fd_); }
  RawConnection(const RawConnection&) = delete;
  RawConnection& operator=(const RawConnection&) = delete;

  void send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return;
      bytes.remove_prefix(static_cast<size_t>(sent));
    }
  }
  Reply receive() {
    std::array<char, 65536> part;
    while (true) {
      auto reply = parser_.next();
      if (!reply) return Reply::error(reply.error().message);
      if (*reply) return **std::move(reply);
      const ssize_t size = read(fd_, part.data(), part.size());
      if (size <= 0) return Reply::error("CLOSED the connection has ended");
      parser_.feed({part.data(), static_cast<size_t>(size)});
    }
  }
  Reply run(const std::vector<std::string>& args) {
    std::string bytes;
    append_command(bytes, args);
    send(bytes);
    return receive();
  }

 private:
  int fd_;
  ReplyParser parser_;
};

}  // namespace compozy::redis
