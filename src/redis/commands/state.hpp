// SPDX-License-Identifier: Apache-2.0
//
// ServerState: everything a command can reach besides its session: keyspace, pub/sub, settings, counters, the effects
// buffer, and the ports that higher modules implement (scripts, the engine's dispatch, persistence, the socket server).
//
// Owner: Engine. Thread: whoever holds the gate.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "redis/commands/acl/acl.hpp"
#include "redis/commands/config/settings.hpp"
#include "redis/commands/connection/tracking.hpp"
#include "redis/commands/notifications.hpp"
#include "redis/commands/replication/replication.hpp"
#include "redis/commands/row.hpp"
#include "redis/commands/scripting/script_port.hpp"
#include "redis/commands/server/rate.hpp"
#include "redis/commands/server/shutdown.hpp"
#include "redis/commands/server/slowlog.hpp"
#include "redis/commands/storage_port.hpp"
#include "redis/keyspace/keyspace.hpp"
#include "redis/session/pubsub.hpp"
#include "redis/session/session.hpp"

namespace compozy::redis {

// What a unit (command, EXEC, script) did, in command form, for the log: relative times are absolute, chance is its
// outcome. A unit of several effects is bracketed by MULTI and EXEC when it is taken.
class EffectBuffer {
 public:
  // Who gets it: redis.set_repl().
  enum Target : uint8_t { kNobody = 0, kLog = 1, kReplicas = 2, kBoth = 3 };

  void append(size_t database, Args args);
  bool empty() const { return log_.count == 0 && (!split_ || replicas_.count == 0); }
  std::string_view bytes(Target target) const { return part(target).bytes; }
  bool is_transaction(Target target) const { return part(target).count > 1 && !separate; }
  void clear();
  void select_again() { log_.selected = replicas_.selected = -1; }  // a new log file starts without a selected database
  int64_t selected() const { return log_.selected; }                // the database where it stands; negative: none
  bool enabled() const { return logged || replicated; }             // for nobody nothing is collected
  bool logged = false;
  bool replicated = false;
  bool separate = false;  // several effects of this unit need not be one transaction
  uint8_t targets = kBoth;

 private:
  struct Part {
    std::string bytes;
    size_t count = 0;
    int64_t selected = -1;
    void append(size_t database, Args args);
  };
  const Part& part(Target target) const { return split_ && target == kReplicas ? replicas_ : log_; }

  Part log_;
  Part replicas_;
  bool split_ = false;  // in this unit the two differ
};

// Which keys blocked clients wait for; the engine serves them after the unit that touched such a key.
class BlockedKeys {
 public:
  using Key = std::pair<size_t, std::string>;
  void add(size_t database, std::string_view key) { ++waiting_[{database, std::string(key)}]; }
  void remove(size_t database, std::string_view key);
  bool empty() const { return waiting_.empty(); }
  void touched(size_t database, std::string_view key);
  std::vector<Key> take_ready();
  void touch_database(size_t database);  // SWAPDB: anything may have come

 private:
  std::map<Key, size_t> waiting_;
  std::vector<Key> ready_;
};

struct Stats {
  std::vector<CommandStats> by_command;  // by row_id()
  uint64_t evicted_clients = 0;
  uint64_t net_input_bytes = 0;
  uint64_t net_output_bytes = 0;
  uint64_t reads = 0;
  uint64_t writes = 0;
  uint64_t unexpected_errors = 0;
  uint64_t reply_buffer_shrinks = 0;
  uint64_t reply_buffer_expands = 0;
  uint64_t commands = 0;
  uint64_t connections = 0;
  uint64_t rejected_connections = 0;
  uint64_t expired_keys = 0;
  uint64_t evicted_keys = 0;
  uint64_t keyspace_hits = 0;
  uint64_t keyspace_misses = 0;
  uint64_t errors = 0;
  uint64_t dirty = 0;  // changes since the start
  uint64_t forks = 0;  // saves and rewrites in the background; Redis makes a process for each
  std::map<std::string, uint64_t, std::less<>> errors_by_code;
  Rate commands_rate;
  Rate input_rate;   // in bytes
  Rate output_rate;  // in bytes
  Rate replication_input_rate;
  Rate replication_output_rate;
  void sample(int64_t now_us, const Replication& replication);  // about ten times a second
  void reset();
};

// How far the data has been read from disk, for INFO.
struct LoadingProgress {
  int64_t started_s = 0;
  uint64_t total_bytes = 0;
  uint64_t loaded_bytes = 0;
};

// Implemented by redis/engine.
class EnginePort {
 public:
  virtual ~EnginePort() = default;
  // Runs a command inside the current unit: for EXEC, and for scripts.
  virtual void call(Session& session, const Row& row, Args args, ReplyWriter& reply, bool from_script) = 0;
  // Why nobody may write now ("MISCONF …", "NOREPLICAS …"), or nothing.
  virtual std::string write_refusal() = 0;
  // A command that a script called was refused: counts it. The row is null when there is no such command.
  virtual void rejected(const Row* row, std::string_view error) = 0;
  // A busy script gives the gate away for a moment; `session` is its caller's.
  virtual void let_others_run(Session& session) = 0;
  // A script that is debugged stands still: gives the gate away and waits for its client's next command for a moment.
  virtual SessionOwner::Debugging debugger_command(Session& session, std::vector<std::string>& command) = 0;
  virtual const std::map<uint64_t, Session*>& sessions() const = 0;  // by id
  virtual uint64_t last_lsn() const = 0;
  // Why this user may not run the command ("this user has no permissions …"); empty: it may. `context` is for ACL LOG:
  // "toplevel", "multi" or "lua".
  virtual std::string denied(Session& session, const Row& row, Args args, std::string_view context) = 0;
  virtual void pause_ended() = 0;  // CLIENT UNPAUSE: who was held may go on
  virtual bool unblock(uint64_t session_id, bool with_error) = 0;
  virtual void unblock_all(std::string_view error) = 0;  // and closes their connections
  virtual void refuse_blocked(Handler which, std::string_view error) = 0;
  // Empty: accepted. Otherwise the error reply without its minus.
  virtual std::string rewrite_log(bool& scheduled) = 0;
  // Replaces the data with what the log says (DEBUG LOADAOF). Empty: done. Otherwise the error reply.
  virtual std::string reload_log() = 0;
  virtual std::vector<std::pair<std::string, std::string>> persistence_info() const = 0;
  virtual void reset_statistics() = 0;
};

// Implemented by whoever runs the process, where the engine is a Redis server of its own (app/redis_server): what a
// setting or a command changes outside the engine. Under the gate.
class HostPort {
 public:
  virtual ~HostPort() = default;
  // A setting was changed: listens on the new port, and so on. Empty: done. Otherwise the reason.
  virtual std::string apply(const SettingRow& row, const Settings& before, const Settings& now) = 0;
  // SHUTDOWN: saves first where the options or the setting `save` ask for it; the process ends soon after. Empty, or
  // why it goes on.
  virtual std::string shutdown(ShutdownOptions options) = 0;
  // REPLICAOF: follows this master from now on; an empty host: nobody.
  virtual void follow(const std::string& host, int64_t port) = 0;
  virtual std::string config_file() const = 0;  // its absolute path; empty: started without one
  virtual std::string executable() const = 0;
  virtual void log(std::string_view text) = 0;  // a warning
  // Small files of the server's own: the ACL file, the configuration. Writing replaces the whole file at once.
  virtual Result<std::string> read_file(const std::string& path) = 0;
  virtual Result<void> write_file(const std::string& path, std::string_view text) = 0;
};

// CLIENT PAUSE. Commands that it holds stay in their client's input.
struct ClientPause {
  enum class What : uint8_t { nothing, writes, everything };
  What what = What::nothing;
  int64_t until_ms = 0;
};

struct ServerState {
  ServerState(const Clock& clock, Random& random, size_t databases);

  Keyspace keyspace;
  PubSub pubsub;
  Notifications notifications{pubsub};
  Settings settings;
  Stats stats;
  EffectBuffer effects;
  Acl acl;
  Tracking tracking;
  SlowLog slow_log;
  LatencyMonitor latency;
  ClientPause pause;
  size_t postponed_clients = 0;
  Following following;  // the master, if there is one
  Replication replication;
  PendingShutdown shutdown;
  size_t monitors = 0;                                      // sessions in MONITOR
  Session* current = nullptr;                               // whose command, EXEC or script runs
  bool cron_is_paused = false;                              // DEBUG PAUSE-CRON
  bool skip_payload_checksums = false;                      // DEBUG SET-SKIP-CHECKSUM-VALIDATION
  bool reply_buffers_resize = true;                         // DEBUG REPLYBUFFER RESIZING
  int64_t reply_peak_reset_ms = 5000;                       // DEBUG REPLYBUFFER PEAK-RESET-TIME; negative: never
  std::map<std::string, std::string, std::less<>> renamed;  // rename-command: the old name → the new one, "" is none
  BlockedKeys blocked;
  size_t blocked_clients = 0;
  bool in_transaction = false;           // EXEC runs its commands
  std::atomic<int64_t> log_delay_us{0};  // DEBUG AOF-FLUSH-SLEEP: before each write of the log
  bool out_of_memory = false;            // above maxmemory when the running command began, and nothing could be evicted
  bool allow_denied_in_scripts = false;  // DEBUG SET-DISABLE-DENY-SCRIPTS
  std::string run_id;
  int64_t started_ms = 0;
  ScriptPort* scripts = nullptr;
  StoragePort* storage = nullptr;  // null: there is no dump file
  EnginePort* engine = nullptr;
  HostPort* host = nullptr;    // null inside another program
  bool loading = false;        // data is read from disk: commands are refused but for those that may run meanwhile
  bool loading_aside = false;  // data is read that will replace what is served meanwhile; only as a replica
  LoadingProgress loading_progress;
  int64_t clients_memory = 0;   // what the buffers of clients take; kept by their server
  int64_t replicas_memory = 0;  // the part of it that waits for replicas

  // The data, the Lua machines, the buffers of clients, and what an empty server takes.
  int64_t used_memory() const;
  // What `maxmemory` limits: without what waits for replicas, so that they do not make keys go, which makes more wait.
  int64_t limited_memory() const { return used_memory() - replicas_memory - stream_beyond_backlog(); }
  int64_t stream_beyond_backlog() const;
  Session* session_by_id(uint64_t id) const;
  CommandStats& stats_of(const Row& row) { return stats.by_command[row_id(row)]; }
  const Settings::OutputLimit& output_limit(std::string_view client_class) const;
  void end_pause();
  // The master is away, and its old data shall not be shown.
  bool is_stale() const {
    return following.on() && following.link != Following::Link::up && !settings.replica_serve_stale_data;
  }
  // One line to all who watch with MONITOR. `session` is who runs it; `lua`: from a script.
  void feed_monitors(const Session& session, bool lua, Args args);

  void apply_settings();  // after a change: what other parts keep copies of
  // What one changed setting does besides: empty, or why it cannot be.
  std::string apply_setting(const SettingRow& row, const Settings& before);
  // enable-debug-command and its kin: no, yes, or local for clients of this machine.
  bool allows_protected(std::string_view choice, const Session& session) const;

 private:
  std::array<Settings::OutputLimit, 3> output_limits_;  // normal, slave, pubsub
};

}  // namespace compozy::redis
