// SPDX-License-Identifier: Apache-2.0
#include "app/redis_log.hpp"

#include <array>
#include <cstdio>
#include <ctime>

#include <sys/time.h>
#include <unistd.h>

namespace compozy::app {

void RedisLog::set_level(std::string_view name) {
  constexpr std::array<std::string_view, 4> kNames{"debug", "verbose", "notice", "warning"};
  for (size_t i = 0; i < kNames.size(); ++i) {
    if (kNames[i] == name) level_ = static_cast<Level>(i);
  }
}

bool RedisLog::can_write() {
  if (path_.empty()) return true;
  std::FILE* file = std::fopen(path_.c_str(), "ae");
  if (file == nullptr) return false;
  std::fclose(file);
  return true;
}

void RedisLog::write(Level level, std::string_view text) {
  if (level < level_) return;
  timeval now{};
  gettimeofday(&now, nullptr);
  std::tm local{};
  localtime_r(&now.tv_sec, &local);
  std::array<char, 64> time{};
  std::strftime(time.data(), time.size(), "%d %b %Y %H:%M:%S", &local);
  constexpr std::string_view kMarks = ".-*#";
  const std::lock_guard lock(mutex_);
  std::FILE* file = path_.empty() ? stdout : std::fopen(path_.c_str(), "ae");
  if (file == nullptr) return;
  std::fprintf(file, "%d:M %s.%03d %c %.*s\n", static_cast<int>(getpid()), time.data(),
               static_cast<int>(now.tv_usec / 1000), kMarks[static_cast<size_t>(level)], static_cast<int>(text.size()),
               text.data());
  std::fflush(file);
  if (file != stdout) std::fclose(file);
}

}  // namespace compozy::app
