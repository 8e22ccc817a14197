// SPDX-License-Identifier: Apache-2.0
//
// ReplicaLink: follows a master (REPLICAOF): connects, asks to go on where this server's data stands (PSYNC), takes all
// data as an RDB file when the master cannot, and then applies its writes as they come. It begins anew when the
// connection breaks. What is applied goes to this server's own log, and its bytes unchanged to its own replicas.
//
//   ReplicaLink link(engine, "10.0.0.7", 6379);   // until it is destroyed
//
// Clients are served meanwhile, from the data that is there; while the master's data replaces it they get -LOADING.
// Owner: app. It ends before the log and the engine. Thread: its own; the destructor waits for it, outside the gate.
// Source: redis.io/docs/management/replication.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <thread>

#include "base/result.hpp"
#include "redis/commands/generic/redis_peer.hpp"
#include "redis/engine/engine.hpp"

namespace compozy::redis {

class ReplicaLink {
 public:
  ReplicaLink(Engine& engine, std::string host, int64_t port);
  ~ReplicaLink();
  ReplicaLink(const ReplicaLink&) = delete;
  ReplicaLink& operator=(const ReplicaLink&) = delete;

  // It goes on for a moment and then ends; under the gate. The destructor waits for that end.
  void stop() { stopping_ = true; }
  bool ended() const { return ended_; }  // The destructor will not wait.

 private:
  // How the master answered PSYNC.
  struct Answer {
    bool goes_on = false;
    std::string id;
    uint64_t offset = 0;
  };

  void run();
  Result<void> follow_once();
  Result<void> introduce(RedisPeer& peer);
  Result<std::string> next_line(RedisPeer& peer);
  Result<std::string> ask(RedisPeer& peer, std::initializer_list<std::string_view> command);
  Result<Answer> ask_to_go_on(RedisPeer& peer);
  Result<void> synchronize(RedisPeer& peer);
  Result<std::string> receive_data(RedisPeer& peer);
  Result<void> read_payload(RedisPeer& peer, const std::string& header, std::string& data);
  Result<void> load(RedisPeer& peer, const std::string& data, const Answer& answer);
  Session* open_session();
  Result<void> apply_stream(RedisPeer& peer, Session& session);
  Result<void> apply_part(RedisPeer& peer, Session& session);
  Result<bool> apply_some(Session& session, bool& asked);
  bool acknowledge(RedisPeer& peer);
  void set_link(Following::Link link);
  int64_t timeout_ms();

  Engine& engine_;
  const std::string host_;
  const int64_t port_;
  std::atomic<bool> stopping_{false};
  std::atomic<bool> ended_{false};
  bool was_up_ = false;   // in this connection
  RequestParser parser_;  // these three: of the master's stream
  std::string input_;     // what has not been passed on yet: a transaction is, as a whole
  size_t executed_ = 0;   // so much of it
  std::thread thread_;
};

}  // namespace compozy::redis
