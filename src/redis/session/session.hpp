// SPDX-License-Identifier: Apache-2.0
//
// Session: what the engine knows about one client: protocol, database, transaction, watched keys, subscriptions, and
// the outbox. Every byte for a client is appended to its outbox under the gate, in execution order; the owner (a server
// connection, an embedded client) takes the outbox after the gate and sends it once `lsn` is durable.
//
// Owner: whoever opened it with Engine::open(). Thread: whoever holds the gate.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "redis/keyspace/database.hpp"
#include "redis/keyspace/keyspace.hpp"
#include "redis/resp/reply_writer.hpp"

namespace compozy::redis {

struct Row;
class AclUser;
class Session;

struct Outbox {
  std::string bytes;
  uint64_t lsn = 0;  // the log must be durable up to here before the bytes may leave
};

class SessionOwner {
 public:
  virtual ~SessionOwner() = default;
  // Something was appended that no command of this session asked for: a message, an unblocked reply, or a kill.
  // Called under the gate; it may only note the fact and wake somebody.
  virtual void session_has_output(Session& session) = 0;
  // The debugger of scripts: sends what is in the outbox and waits for the client's next command, a tenth of a second
  // at most. Outside the gate, while this session's script stands still.
  enum class Debugging : uint8_t { command, nothing, gone };
  virtual Debugging next_debugger_command(Session&, std::vector<std::string>&) { return Debugging::gone; }
};

struct QueuedCommand {
  const Row* row;
  uint32_t flags;  // a script may declare others than its row has
  std::vector<std::string> args;
};

// Client-side caching: which keys this client is told about when they change.
// Source: redis.io/docs/manual/client-side-caching.
struct ClientTracking {
  bool on = false;
  bool broadcast = false;
  bool opt_in = false;
  bool opt_out = false;
  bool no_loop = false;
  bool broken_redirect = false;  // who received the invalidations is gone
  enum class Caching : uint8_t { unsaid, yes, no };
  Caching caching = Caching::unsaid;  // CLIENT CACHING: for the next command
  bool caching_is_new = false;        // it was this command that said so
  uint64_t redirect = 0;              // 0: to this client itself
  std::set<std::string, std::less<>> prefixes;
};

// What a session takes of memory besides its outbox. Written by its owner, read by CLIENT LIST and client eviction.
struct ClientBuffers {
  std::atomic<size_t> query{0};       // bytes that came in and are not executed yet
  std::atomic<size_t> query_free{0};  // room that is held for more
  std::atomic<size_t> arguments{0};   // of the command that is incomplete or running
  std::atomic<size_t> unsent{0};      // replies that were taken from the outbox and not sent yet
  size_t reply_room = 16384;          // the size of the reply buffer, as Redis would have it
  size_t reply_peak = 16384;
  int64_t reply_peak_at_ms = 0;
};

// A dump file on its way to a replica. The connection reads it, outside the gate.
struct FileInTransfer {
  explicit FileInTransfer(int descriptor, uint64_t bytes) : fd(descriptor), size(bytes) {}
  ~FileInTransfer();
  FileInTransfer(const FileInTransfer&) = delete;
  FileInTransfer& operator=(const FileInTransfer&) = delete;

  const int fd;
  const uint64_t size;
};

// What a master knows of a client that follows it.
struct Follower {
  // waiting: for the file to be begun; attached: it is being made (or, from memory, sent); receiving: it is sent;
  // done: a replica that wanted nothing but the file has it.
  enum class State : uint8_t { none, waiting, attached, receiving, online, done };
  State state = State::none;
  bool eof_capable = false;  // takes a file whose length is not known before its end
  bool knows_psync = false;
  bool file_only = false;             // wants the data and no stream
  bool without_data = false;          // of the file it wants no keys
  bool without_functions = false;     // of the file it wants no functions
  bool starts_with_next_ack = false;  // the stream waits until it has said that it has the file
  uint64_t position = 0;              // in the stream: what comes next
  int64_t port = 0;                   // it listens there
  std::string address;                // if it announced one
  uint64_t acknowledged = 0;
  int64_t acknowledged_at_ms = 0;
  int64_t waiting_since_ms = 0;
  std::shared_ptr<FileInTransfer> file;

  bool streams() const { return state == State::online && !starts_with_next_ack; }
  // It has the file, or will have it with what waits in its output.
  void end_transfer(int64_t now_ms) {
    state = file_only ? State::done : State::online;
    acknowledged_at_ms = now_ms;
  }
  bool holds_stream() const { return !file_only && state >= State::attached; }
};

class Session {
 public:
  Session(uint64_t id, SessionOwner* owner) : id_(id), owner_(owner) {}
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  uint64_t id() const { return id_; }
  SessionOwner* owner() const { return owner_; }
  ReplyWriter writer() { return ReplyWriter(outbox.bytes, protocol, output_limit); }
  void notify() {
    if (owner_ != nullptr) owner_->session_has_output(*this);
  }
  // Its owner closes the connection.
  void kill() {
    killed = true;
    notify();
  }

  size_t subscription_count() const { return channels.size() + patterns.size(); }
  bool subscribed() const { return subscription_count() > 0 || !shard_channels.empty(); }

  void watch(Keyspace& space, size_t database, std::string_view key);
  void unwatch_all(Keyspace& space);
  bool watched_key_changed(Keyspace& space);
  void discard_transaction(Keyspace& space);

  int protocol = 2;
  size_t database = 0;
  std::string name;
  std::string library_name;
  std::string library_version;
  std::string address;  // "127.0.0.1:4711", "/path/redis.sock:0" or "embedded"
  std::string local_address;
  bool authenticated = true;
  AclUser* user = nullptr;  // null: inside this program, may do everything
  int fd = -1;
  bool unix_socket = false;
  int64_t connected_at_ms = 0;
  int64_t last_command_ms = 0;
  const Row* last_command = nullptr;
  Outbox outbox;
  size_t output_limit = std::string::npos;  // the outbox grows to this and no further: its client will be closed
  enum class Replies : uint8_t { on, off, skip_next, skip };
  Replies replies = Replies::on;
  bool replica = false;            // after PSYNC or SYNC: gets every write
  bool master = false;             // whose writes we follow
  bool debugs_scripts = false;     // SCRIPT DEBUG SYNC
  bool close_after_reply = false;  // QUIT, a protocol error
  bool killed = false;             // CLIENT KILL, output limits: close now
  bool announced = false;          // its owner has been told of output, and has not looked yet
  bool monitors = false;           // MONITOR
  bool no_evict = false;           // CLIENT NO-EVICT
  bool local_peer = false;         // on this machine
  ClientTracking tracking;
  ClientBuffers buffers;
  Follower follower;
  uint64_t write_offset = 0;             // in the stream of replicas, after its last command: what WAIT waits for
  int64_t over_soft_limit_since_ms = 0;  // of its output buffer; 0: it is not

  // Replies that have not left yet.
  size_t unsent() const { return outbox.bytes.size() + buffers.unsent.load(std::memory_order_relaxed); }
  bool transaction_is_void() const { return watch_flag_.dirty; }
  size_t transaction_memory() const { return transaction_memory_; }
  size_t watched_count() const { return watched_.size(); }
  void queue_command(const Row& row, uint32_t flags, std::vector<std::string> args);

  bool in_multi = false;
  bool multi_failed = false;  // a command could not be queued: EXEC answers EXECABORT
  std::vector<QueuedCommand> queue;
  size_t executing = 0;  // commands of the transaction that EXEC runs right now
  bool in_transaction() const { return in_multi || executing > 0; }

  bool blocked = false;
  bool running_script = false;  // its script has given the gate away for a moment: nothing of this session may go on
  bool postponed = false;       // CLIENT PAUSE holds its next command
  std::set<std::string, std::less<>> channels;
  std::set<std::string, std::less<>> patterns;
  std::set<std::string, std::less<>> shard_channels;

 private:
  uint64_t id_;
  SessionOwner* owner_;
  WatchFlag watch_flag_;
  size_t transaction_memory_ = 0;
  struct Watched {
    size_t database;
    std::string key;
    bool absent;  // when it began to be watched; a key past its deadline is absent
  };
  std::vector<Watched> watched_;
};

}  // namespace compozy::redis
