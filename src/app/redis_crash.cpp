// SPDX-License-Identifier: Apache-2.0
#include "app/redis_crash.hpp"

#include <array>
#include <csignal>
#include <string_view>

#include <execinfo.h>
#include <fcntl.h>
#include <unistd.h>

namespace compozy::app {

namespace {

// What a handler may touch: no allocation, no locks.
std::array<char, 4096> path{};

void put(int fd, std::string_view text) {
  if (::write(fd, text.data(), text.size()) < 0) return;
}

void put_number(int fd, int number) {
  std::array<char, 12> digits{};
  size_t at = digits.size();
  do {
    digits[--at] = static_cast<char>('0' + number % 10);
    number /= 10;
  } while (number > 0);
  put(fd, std::string_view(digits.data() + at, digits.size() - at));
}

void report(int number) {
  const int fd = path[0] == '\0' ? STDOUT_FILENO : ::open(path.data(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
  if (fd >= 0) {
    put(fd, "\n\n=== REDIS BUG REPORT START: Cut & paste starting from here ===\n");
    put(fd, "Compozy crashed by signal: ");
    put_number(fd, number);
    put(fd, "\n\n------ STACK TRACE ------\n");
    std::array<void*, 64> frames;
    ::backtrace_symbols_fd(frames.data(), ::backtrace(frames.data(), static_cast<int>(frames.size())), fd);
    put(fd, "\n=== REDIS BUG REPORT END. ===\n");
  }
  // The handler is gone by now: the system does what it does.
  ::raise(number);
}

}  // namespace

void report_crashes(const std::string& log_path) {
  log_path.copy(path.data(), path.size() - 1);
  std::array<void*, 2> warm;
  ::backtrace(warm.data(), static_cast<int>(warm.size()));  // loads what it needs, which a handler must not
  struct sigaction action{};
  action.sa_handler = report;
  action.sa_flags = static_cast<int>(SA_RESETHAND | SA_NODEFER);
  for (const int number : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT}) ::sigaction(number, &action, nullptr);
}

}  // namespace compozy::app
