// SPDX-License-Identifier: Apache-2.0
#include "io/orphans.hpp"

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <mutex>
#include <set>
#include <vector>

namespace compozy::io {

namespace {

constexpr int kRoundsMax = 32;  // each kill may orphan another generation

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

bool carries(pid_t pid, const std::string& mark) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/environ", std::ios::binary);
  const std::string environment((std::istreambuf_iterator<char>(file)), {});
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
