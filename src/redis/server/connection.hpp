// SPDX-License-Identifier: Apache-2.0
//
// Connection: one client's socket with what came in and what has to go out. Input is parsed where it lies, several
// commands ahead of the one that runs, so that the keys of all are in the cache when their turn comes; replies are
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

  // Parses what is complete, at most `limit` commands, for execute(); returns how many wait for it. Under the gate.
  size_t prepare(Engine& engine, size_t limit);
  void prefetch(const Engine& engine) const;
  // Executes what is prepared until the hold has lasted long enough; true: there is more to do now. Under the gate.
  bool execute(Engine& engine, const Engine::Turn& turn);
  bool has_command_waiting() const { return more_; }

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
  // A command that was parsed and not executed yet: its arguments are views into input_.
  struct Ready {
    size_t first_arg;
    size_t arg_count;
    size_t size;  // of its bytes
    Engine::Prepared prepared;
  };

  Args args_of(const Ready& ready) const { return Args(args_).subspan(ready.first_arg, ready.arg_count); }
  bool runnable() const;
  bool run(Engine& engine, const Ready& ready);
  void forget_ready();
  // Tells the session what its buffers hold, for CLIENT LIST and limits.
  void account(const Ready* running);

  Fd fd_;
  Session* session_;
  RequestParser parser_;
  std::vector<Ready> ready_;
  std::vector<std::string_view> args_;  // of all that is ready
  size_t next_ready_ = 0;
  bool bad_request_ = false;  // behind what is ready
  std::string input_;
  size_t used_ = 0;    // executed
  size_t parsed_ = 0;  // executed or ready
  std::string output_;
  size_t sent_ = 0;
  uint64_t lsn_ = 0;
  bool more_ = false;  // complete commands may lie in the input still
  bool closing_ = false;
};

}  // namespace compozy::redis
