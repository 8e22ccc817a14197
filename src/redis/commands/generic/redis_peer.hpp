// SPDX-License-Identifier: Apache-2.0
//
// RedisPeer: a connection to another Redis server that is waited for, each step at most for the given time. For
// MIGRATE and for following a master. Thread: one.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace compozy::redis {

class RedisPeer {
 public:
  RedisPeer() = default;
  ~RedisPeer();
  RedisPeer(const RedisPeer&) = delete;
  RedisPeer& operator=(const RedisPeer&) = delete;

  // False: it did not work in time. `source`: the local address, or nothing.
  bool connect(const std::string& host, const std::string& port, int64_t timeout_ms, const std::string& source = {});
  bool write(std::string_view bytes);
  // A line without its end; what comes after it stays for the next read.
  bool read_line(std::string& line) { return read_line(line, timeout_ms_); }
  bool read_line(std::string& line, int64_t timeout_ms);
  // What has come, at least one byte; false: the end, an error, or nothing came in time.
  bool read_some(std::string& bytes, int64_t timeout_ms);
  bool timed_out() const { return timed_out_; }  // the last read: nothing came, the connection is as it was
  void give_back(std::string_view bytes) { buffer_.insert(0, bytes); }  // for the next read
  void close();

 private:
  bool wait(short events, int64_t timeout_ms);

  int fd_ = -1;
  int64_t timeout_ms_ = 0;
  std::string buffer_;
  bool timed_out_ = false;
};

}  // namespace compozy::redis
