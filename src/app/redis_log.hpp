// SPDX-License-Identifier: Apache-2.0
//
// RedisLog: log lines as redis-server writes them, because suites read them:
//   4711:M 22 Nov 2026 04:05:06.789 * Ready to accept connections
// The file is opened for each line, so that it can be moved away. Thread: any.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>

namespace compozy::app {

class RedisLog {
 public:
  enum class Level : uint8_t { debug, verbose, notice, warning };

  void set_file(std::string path) { path_ = std::move(path); }  // empty: standard output; before others log
  void set_level(std::string_view name);                        // as `loglevel`
  void write(Level level, std::string_view text);
  bool can_write();  // the file can be opened

 private:
  std::string path_;
  std::atomic<Level> level_{Level::notice};
  std::mutex mutex_;
};

}  // namespace compozy::app
