// SPDX-License-Identifier: Apache-2.0
//
// Connection: one client's socket with what came in and what has to go out. Input is parsed where it lies; replies are
// taken from the session after the gate.
// Owner: Server. Thread: the poller's.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "redis/engine/engine.hpp"
#include "redis/resp/request_parser.hpp"
#include "redis/server/listen.hpp"

namespace compozy::redis {

class Connection {
 public:
  Connection(Fd fd, Session& session) : fd_(std::move(fd)), session_(&session) {}

  enum class Io : uint8_t { fine, again, closed };

  Io read_some();   // one read of up to 64 KB
  Io write_some();  // until everything is out or the socket is full

  // Executes what is complete, at most `limit` commands; returns how many. Under the gate.
  size_t execute(Engine& engine, size_t limit);
  bool has_command_waiting() const { return more_; }

  // Tells the session what its buffers hold, for CLIENT LIST and limits.
  void account(bool running);
  bool over_query_limit(size_t limit) const { return unread() > limit; }

  // Takes the session's outbox over; under the gate.
  void collect();
  size_t unsent() const { return output_.size() - sent_; }
  uint64_t lsn() const { return lsn_; }
  bool finished() const { return closing_ && unsent() == 0; }

  int fd() const { return fd_.get(); }
  Session& session() { return *session_; }
  size_t unread() const { return input_.size() - used_; }
  void refuse(std::string_view text);  // an error, and then the end

  bool listening_for_write = false;
  bool dead = false;
  bool queued = false;  // in the server's list for this turn

 private:
  Fd fd_;
  Session* session_;
  RequestParser parser_;
  std::string input_;
  size_t used_ = 0;
  std::string output_;
  size_t sent_ = 0;
  uint64_t lsn_ = 0;
  bool more_ = false;  // complete commands may lie in the input still
  bool closing_ = false;
};

}  // namespace compozy::redis
