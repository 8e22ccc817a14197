// SPDX-License-Identifier: Apache-2.0
#include "io/orphans.hpp"

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <mutex>
#include <set>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

namespace compozy::io {

namespace {

constexpr int kRoundsMax = 32;  // each kill may orphan another generation
constexpr int kLooksMax = 200;  // at one that is starting a program; together 20 ms
constexpr auto kBetweenLooks = std::chrono::microseconds(100);

std::mutex mutex;
bool adopting = false;
std::set<pid_t> started;

std::vector<pid_t> strange_children() {
  std::vector<pid_t> found;
  std::error_code ec;
  for (const auto& thread : std::filesystem::directory_iterator("/proc/self/task", ec)) {
    std::ifstream list(thread.path() / "children");
    pid_t pid = 0;
    while (list >> pid) {
      if (!started.contains(pid) && ::getpgid(pid) != ::getpgrp()) found.push_back(pid);
    }
  }
  return found;
}

std::string read_whole(pid_t pid, const std::string& name) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/" + name, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// In the middle of execve(2) a process has its new memory, but no environment yet, and what is read of it is empty:
// env_end, field 51 of /proc/PID/stat (proc(5)), is zero then. One that was given no variables has field 50 there, too.
bool has_no_environment(pid_t pid) {
  const std::string all = read_whole(pid, "stat");
  const size_t name_end = all.rfind(')');
  if (name_end == std::string::npos) return true;
  std::istringstream fields(all.substr(name_end + 1));
  const std::vector<std::string> values{std::istream_iterator<std::string>(fields), {}};
  constexpr size_t kBefore = 3;  // fields up to the name, counted from one
  if (values.size() <= 51 - kBefore) return true;
  const std::string& start = values[50 - kBefore];
  const std::string& end = values[51 - kBefore];
  return values[0] == "Z" || (end != "0" && start == end);
}

bool carries(pid_t pid, const std::string& mark) {
  std::string environment = read_whole(pid, "environ");
  for (int look = 0; environment.empty() && look < kLooksMax && !has_no_environment(pid); ++look) {
    std::this_thread::sleep_for(kBetweenLooks);
    environment = read_whole(pid, "environ");
  }
  const std::string whole = std::string(1, '\0') + environment;
  return whole.contains(std::string(1, '\0') + mark + std::string(1, '\0'));
}

}  // namespace

void begin_adopting() {
  const std::lock_guard lock(mutex);
  adopting = ::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0;
}

void child_started(pid_t pid) {
  const std::lock_guard lock(mutex);
  started.insert(pid);
}

void child_ended(pid_t pid, const std::string& mark) {
  const std::lock_guard lock(mutex);
  started.erase(pid);
  if (!adopting) return;
  for (int round = 0; round < kRoundsMax; ++round) {
    bool killed = false;
    for (const pid_t orphan : strange_children()) {
      if (!started.empty() && (mark.empty() || !carries(orphan, mark))) continue;
      ::kill(orphan, SIGKILL);
      while (::waitpid(orphan, nullptr, 0) < 0 && errno == EINTR) {
      }
      killed = true;
    }
    if (!killed) return;
  }
}

}  // namespace compozy::io
