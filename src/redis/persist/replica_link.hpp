// SPDX-License-Identifier: Apache-2.0
//
// ReplicaLink: follows a master (REPLICAOF): connects, takes all its data as an RDB file, then applies its writes as
// they come, and begins anew when the connection breaks. There is no partial resynchronisation: each connection starts
// with all the data. What is applied goes to this server's own log and to its own replicas.
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
#include "redis/commands/redis_peer.hpp"
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

 private:
  void run();
  Result<void> follow_once();
  Result<void> introduce(RedisPeer& peer);
  Result<std::string> ask(RedisPeer& peer, std::initializer_list<std::string_view> command);
  Result<std::string> receive_data(RedisPeer& peer);
  Result<void> read_payload(RedisPeer& peer, const std::string& header, std::string& data);
  Result<void> replace_data(const std::string& data);
  Result<void> apply_stream(RedisPeer& peer, Session& session);
  Result<size_t> apply_part(RedisPeer& peer, Session& session, RequestParser& parser, std::string_view input);
  bool acknowledge(RedisPeer& peer);
  void note_traffic();
  void set_link(Following::Link link);
  int64_t timeout_ms();

  Engine& engine_;
  const std::string host_;
  const int64_t port_;
  std::atomic<bool> stopping_{false};
  uint64_t offset_ = 0;
  std::thread thread_;
};

}  // namespace compozy::redis
