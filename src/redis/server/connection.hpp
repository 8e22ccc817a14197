// SPDX-License-Identifier: Apache-2.0
//
// Connection: one client's socket with what came in and what has to go out. Input is parsed where it lies, several
// commands ahead of the one that runs, so that the keys of all are in the cache when their turn comes; replies are
// taken from the session after the gate.
// Owner: Server. Thread: the poller's.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "redis/engine/engine.hpp"
#include "redis/resp/request_parser.hpp"
#include "redis/server/listen.hpp"
#include "redis/server/tls.hpp"

namespace compozy::redis {

class Connection {
 public:
  // With a context: over TLS.
  Connection(Fd fd, Session& session, const TlsContext* tls = nullptr) : fd_(std::move(fd)), session_(&session) {
    if (tls != nullptr) tls_ = std::make_unique<TlsLink>(*tls);
  }

  enum class Io : uint8_t { fine, again, closed };

  Io read_some();   // what has come, up to about a megabyte
  Io write_some();  // until everything is out or the socket is full

  // Parses what is complete, at most `limit` commands, for execute(); returns how many wait for it. Under the gate.
  size_t prepare(Engine& engine, size_t limit);
  void prefetch(const Engine& engine) const;
  // Executes what is prepared until the hold has lasted long enough; true: there is more to do now. Under the gate.
  bool execute(Engine& engine, const Engine::Turn& turn);
  bool has_command_waiting() const { return more_; }

  // Other threads may kill or wake the session between this one's holds, and say so: it goes by what the end of its own
  // last hold has noted. Under the gate.
  void note_session(const ServerState& state) {
    killed_ = session_->killed;
    waits_ = session_->blocked || session_->postponed;
    stream_goes_on_ =
        session_->replica && session_->follower.streams() && session_->follower.position < state.replication.offset();
  }
  // A replica has more to get, and room for it.
  bool goes_on() const { return unsent() == 0 && (stream_goes_on_ || file_sent_); }
  bool killed() const { return killed_; }
  bool waits() const { return waits_; }

  // Nothing is kept of a reply beyond the hard limit of its client's class. Under the gate.
  void bound_output(const ServerState& state);
  // The debugger of scripts: sends what there is, and waits for a command for a moment. What came before it is left.
  SessionOwner::Debugging next_debugger_command(std::vector<std::string>& command);
  // Takes the session's outbox over, and for a replica what comes next; under the gate.
  void collect(ServerState& state);
  size_t unsent() const { return output_.size() - sent_; }
  // Whether the peer has still to show that it speaks TLS.
  bool in_handshake() const { return tls_ != nullptr && !tls_->established(); }
  // Brings what the clients' buffers take up to date; under the gate. `gone`: the connection ends.
  void recount(ServerState& state, bool gone = false);
  // What write_some() sent since the last call.
  uint64_t take_sent() { return std::exchange(sent_bytes_, 0); }
  uint64_t lsn() const { return lsn_; }
  bool finished() const { return closing_ && unsent() == 0; }

  int fd() const { return fd_.get(); }
  Session& session() { return *session_; }
  const Session& session() const { return *session_; }
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
  struct DebuggerInput {
    std::string bytes;
    RequestParser parser;
  };
  size_t read_part(size_t room);
  Io write_part(std::string_view bytes, size_t& done);
  Io write_sealed();
  Io write_output();
  bool read_file_part();
  void serve_replica(ServerState& state);

  Fd fd_;
  Session* session_;
  std::unique_ptr<TlsLink> tls_;
  std::unique_ptr<DebuggerInput> debugger_;
  int64_t counted_ = 0;         // of the clients' memory, for this one
  int64_t counted_output_ = 0;  // the same of that for replicas
  uint64_t sent_bytes_ = 0;
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
  bool killed_ = false;
  bool waits_ = false;
  bool stream_goes_on_ = false;
  std::shared_ptr<FileInTransfer> file_;  // goes to this replica
  uint64_t file_read_ = 0;
  bool file_sent_ = false;
};

}  // namespace compozy::redis
