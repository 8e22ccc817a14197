// SPDX-License-Identifier: Apache-2.0
//
// Link: one connection to a Redis: connected, authenticated, in RESP3 where the server offers it (RESP2 otherwise), and
// on the wanted database.
// Owner: whoever connected. Thread: its loop. One reader and one writer at a time, which may overlap.
#pragma once

#include <cstdint>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "io/stream.hpp"
#include "io/task.hpp"
#include "redis/resp/reply_parser.hpp"

namespace compozy::redis {

struct RemoteOptions {
  std::string unix_socket = {};  // if set, host and port are not used
  std::string host = "127.0.0.1";
  uint16_t port = 6379;
  std::string user = "default";
  std::string password = {};
  size_t database = 0;
  std::string name = "compozy";  // shown by CLIENT LIST
  int64_t connect_timeout_ms = 5000;
  int64_t backoff_min_ms = 20;
  int64_t backoff_max_ms = 2000;
  size_t pending_max = 16'384;  // calls that wait to be sent

  std::string address() const;  // for messages
};

class Link {
 public:
  static io::Task<Result<std::unique_ptr<Link>>> connect(io::Loop& loop, RemoteOptions options, std::stop_token stop);

  io::Task<Result<void>> send(std::string bytes, std::stop_token stop);
  io::Task<Result<Reply>> receive(std::stop_token stop);
  io::Task<Result<Reply>> exchange(std::vector<std::string> command, std::stop_token stop);
  void close() { stream_->close(); }

 private:
  Link(std::unique_ptr<io::Stream> stream, std::string address)
      : stream_(std::move(stream)), address_(std::move(address)) {}
  static io::Task<Result<void>> greet(Link& link, RemoteOptions options, std::stop_token stop);

  std::unique_ptr<io::Stream> stream_;
  std::string address_;
  ReplyParser parser_;
  std::string part_ = std::string(64UL * 1024, '\0');
};

}  // namespace compozy::redis
