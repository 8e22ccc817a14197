// SPDX-License-Identifier: Apache-2.0
//
// ReplicaLink: follows a master (REPLICAOF): connects, asks to go on where this server's data stands (PSYNC), takes all
// data as an RDB file when the master cannot, and then applies its writes as they come. It begins anew when the
// connection breaks. What is applied goes to this server's own log, and its bytes unchanged to its own replicas.
//
//   ReplicaLink link(engine, "10.0.0.7", 6379);   // until it is destroyed
//
// Clients are served meanwhile, from the data that is there; while the master's data replaces it they get -LOADING.
// `repl-diskless-load` says whether the file is taken into memory before the old data goes (disabled), is read as it
// arrives where there is no old data (on-empty-db), or is read beside it and put in its place at one moment (swapdb),
// so that old data of the same history is served up to then, and any is kept when the transfer fails.
// Owner: app. It ends before the log and the engine. Thread: its own; the destructor waits for it, outside the gate.
// Source: redis.io/docs/management/replication.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/result.hpp"
#include "redis/commands/generic/redis_peer.hpp"
#include "redis/engine/engine.hpp"
#include "redis/persist/loading.hpp"
#include "redis/rdb/rdb_file.hpp"

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

  enum class Way : uint8_t { memory, parsed, aside };
  // The file that holds all data.
  struct Payload {
    Way way = Way::memory;
    std::string mark;   // comes at its end; empty: its size is known
    int64_t size = -1;  // negative: its end is marked
    int64_t silence_max_ms = 0;
    int64_t silent_ms = 0;
    int64_t received = 0;
    std::string data = {};  // all of it, on its way through memory
  };
  using More = std::function<Result<bool>(std::string& bytes)>;
  using Databases = std::vector<std::unique_ptr<Database>>;

  void run();
  Result<void> follow_once();
  Result<void> introduce(RedisPeer& peer);
  Result<std::string> next_line(RedisPeer& peer);
  Result<std::string> ask(RedisPeer& peer, std::initializer_list<std::string_view> command);
  Result<Answer> ask_to_go_on(RedisPeer& peer);
  Result<void> synchronize(RedisPeer& peer);
  Way way();
  Result<Payload> begin_payload(RedisPeer& peer);
  Result<bool> receive_some(RedisPeer& peer, Payload& payload, std::string& bytes);
  Result<void> receive_all(RedisPeer& peer, Payload& payload);
  Result<void> end_payload(RedisPeer& peer, Payload& payload, RdbLoaded& loaded, const More& more);
  Result<RdbLoaded> read_file(RedisPeer& peer, Payload& payload, Loading& loading, std::optional<Engine::Hold>& hold,
                              Databases* spare);
  Result<void> load(RedisPeer& peer, Payload& payload, const Answer& answer);
  bool is_of(std::string_view history);
  void give_up_history();
  void put_in_place(Databases& spare);
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
