// SPDX-License-Identifier: Apache-2.0
//
// Replication as commands, the engine and INFO see it: whom this server follows, who follows it, and the stream of
// writes between them. The connection to a master is redis/persist's ReplicaLink; the file with all data, which a
// replica gets first unless it can go on where it was, is made by redis/persist's DumpFile.
//
// A history of writes has an identifier and offsets in it. A replica takes over both from its master and passes the
// master's bytes on unchanged, so all who follow one master count alike; a replica that becomes a master begins a new
// history, and remembers up to where the old one is its own, too.
// Thread: whoever holds the gate. Source: redis.io/docs/management/replication.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/random.hpp"
#include "redis/commands/replication/failover.hpp"
#include "redis/commands/replication/replication_stream.hpp"

namespace compozy::redis {

struct Context;
struct ServerState;
class Session;

struct Following {
  enum class Link : uint8_t { connect, connecting, handshake, syncing, up };
  std::string host;  // empty: this server is a master
  int64_t port = 0;
  Link link = Link::connect;
  int64_t last_io_ms = 0;
  int64_t down_since_ms = 0;
  int64_t sync_total_bytes = -1;  // of the file that comes; negative: the master does not say
  int64_t sync_read_bytes = 0;
  uint64_t read_offset = 0;  // what has come of the master's stream; what of it was executed is the stream's end
  bool on() const { return !host.empty(); }
};

class Replication {
 public:
  explicit Replication(Random& random) : random_(random), id_(fresh_id()) {}

  const std::string& id() const { return id_; }
  const std::string& second_id() const { return second_id_; }
  // Up to where the history before is the same as this one; -1: there is none.
  int64_t second_offset() const { return second_offset_; }
  uint64_t offset() const { return stream.end(); }

  // Whether writes go to the stream: somebody has followed this server, or it follows somebody.
  bool active() const { return active_; }
  void activate(bool master);
  void deactivate();  // of a master
  // To the stream; wakes the replicas. `backlog_bytes`: repl-backlog-size.
  void feed(std::string_view bytes, int64_t backlog_bytes);
  void trim(int64_t backlog_bytes);

  void begin_own_history() { branch_off(fresh_id()); }     // a replica becomes a master
  void take_over(const std::string& id, uint64_t offset);  // all data came from this master
  void continue_as(const std::string& id);                 // the master went on under another name
  void forget_history();                                   // the data is not that of any history
  // After a restart the data is that of `offset` in this history, which was its own.
  void resume(const std::string& id, uint64_t offset);
  // Whether a replica that has `offset` bytes of this history can go on from there.
  bool can_continue(std::string_view id, uint64_t offset) const;
  void disconnect_replicas();
  void reset_counts() { full_syncs = partial_syncs = refused_syncs = received_bytes = sent_bytes = 0; }
  // The replicas that have this much.
  int64_t acknowledged(uint64_t offset) const;
  // Forty hexadecimal digits by chance.
  std::string fresh_id();

  ReplicationStream stream;
  Failover failover;
  std::vector<Session*> replicas;  // in the order in which they came
  int64_t alone_since_ms = 0;      // when the last replica went
  bool asks_for_acknowledgements = false;
  bool acknowledged_lately = false;  // some replica said how far it is: who waits for that is to be looked at
  size_t database = 0;               // that the master's stream has selected, while there is one
  uint64_t full_syncs = 0;
  uint64_t partial_syncs = 0;
  uint64_t refused_syncs = 0;
  uint64_t received_bytes = 0;
  uint64_t sent_bytes = 0;

 private:
  void begin_history(std::string id);  // that shares nothing with another
  void branch_off(std::string id);     // from here on it is another one

  Random& random_;
  std::string id_;
  std::string second_id_ = std::string(40, '0');
  int64_t second_offset_ = -1;
  bool active_ = false;
};

// Begins to follow a master, or with an empty host becomes one. Empty: done. Otherwise the error.
std::string follow(ServerState& server, const std::string& host, int64_t port);
// Replicas that wait for all data get it: the file is begun unless something else is in the way, or the delay in which
// more of them may come is not over.
void start_full_sync(ServerState& server);
// What happens about once a second: signs of life, replicas that are gone, the backlog that nobody needs.
void tend_replicas(ServerState& server);
// The section Replication of INFO.
void add_replication_info(Context& ctx, std::vector<std::pair<std::string, std::string>>& lines);
// How many replicas have been heard of within min-replicas-max-lag.
int64_t good_replicas(const ServerState& server);
// The database that the stream has selected where it stands.
size_t stream_database(const ServerState& server);
// "127.0.0.1:6380", where it listens.
std::string replica_name(const Session& replica);

}  // namespace compozy::redis
