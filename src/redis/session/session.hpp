// SPDX-License-Identifier: Apache-2.0
//
// Session: what the engine knows about one client: protocol, database, transaction, watched keys, subscriptions, and
// the outbox. Every byte for a client is appended to its outbox under the gate, in execution order; the owner (a server
// connection, an embedded client) takes the outbox after the gate and sends it once `lsn` is durable.
//
// Owner: whoever opened it with Engine::open(). Thread: whoever holds the gate.
#pragma once

#include <cstdint>
#include <functional>
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
};

struct QueuedCommand {
  const Row* row;
  uint32_t flags;  // a script may declare others than its row has
  std::vector<std::string> args;
};

class Session {
 public:
  Session(uint64_t id, SessionOwner* owner) : id_(id), owner_(owner) {}
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  uint64_t id() const { return id_; }
  SessionOwner* owner() const { return owner_; }
  ReplyWriter writer() { return ReplyWriter(outbox.bytes, protocol); }
  void notify() {
    if (owner_ != nullptr) owner_->session_has_output(*this);
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
  bool unix_socket = false;
  int64_t connected_at_ms = 0;
  int64_t last_command_ms = 0;
  std::string last_command;
  Outbox outbox;
  enum class Replies : uint8_t { on, off, skip_next, skip };
  Replies replies = Replies::on;
  bool close_after_reply = false;  // QUIT, a protocol error
  bool killed = false;             // CLIENT KILL, output limits: close now

  bool in_multi = false;
  bool multi_failed = false;  // a command could not be queued: EXEC answers EXECABORT
  std::vector<QueuedCommand> queue;

  bool blocked = false;
  bool running_script = false;  // its script has given the gate away for a moment: nothing of this session may go on
  std::set<std::string, std::less<>> channels;
  std::set<std::string, std::less<>> patterns;
  std::set<std::string, std::less<>> shard_channels;

 private:
  uint64_t id_;
  SessionOwner* owner_;
  WatchFlag watch_flag_;
  std::vector<std::pair<size_t, std::string>> watched_;
};

}  // namespace compozy::redis
