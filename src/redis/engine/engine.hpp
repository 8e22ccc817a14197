// SPDX-License-Identifier: Apache-2.0
//
// Engine: a Redis in this process. It is synchronous and has no thread of its own: whoever holds the gate executes.
//
//   Engine engine({.clock = system_clock(), .random = system_random()});
//   Session& session = [&] { Engine::Hold hold(engine); return std::ref(engine.open(owner)); }();
//   { Engine::Hold hold(engine); engine.execute(session, args); }     // the reply is in session.outbox
//
// Hold the gate for at most 64 commands or 20 µs. Somebody calls cron() about ten times a second and after
// next_deadline_ms(): redis/embedded's maintenance thread does.
// Owner: app (or a test). Thread: construction and attach() before any other use; the rest under a Hold.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/random.hpp"
#include "redis/commands/state.hpp"
#include "redis/engine/blocked.hpp"
#include "redis/engine/eviction.hpp"
#include "redis/engine/gate.hpp"
#include "redis/engine/ports.hpp"
#include "redis/script/script_host.hpp"

namespace compozy::redis {

class Engine final : public EnginePort, public KeyspaceEvents {
 public:
  struct Options {
    const Clock& clock;
    Random& random;
    Settings settings = {};
  };
  explicit Engine(Options options);
  ~Engine() override;
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  // Holding the gate; also makes the engine's memory account the thread's current one.
  class Hold {
   public:
    explicit Hold(Engine& engine) : engine_(engine) {
      engine_.gate_.enter();
      previous_ = set_current_account(&engine_.state_.keyspace.memory());
    }
    ~Hold() {
      set_current_account(previous_);
      engine_.gate_.leave();
    }
    Hold(const Hold&) = delete;
    Hold& operator=(const Hold&) = delete;

   private:
    Engine& engine_;
    MemoryAccount* previous_;
  };

  // One after another in one hold, commands share readings of the clock: each reads it once, at its end. A hold ends
  // after the command in which it is over.
  class Turn {
   public:
    explicit Turn(Engine& engine) : engine_(engine) { engine_.start_turn(); }
    ~Turn() { engine_.turn_.on = false; }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;
    bool over() const { return engine_.turn_.now_us - engine_.turn_.start_us >= kHoldUs; }

   private:
    Engine& engine_;
  };

  static constexpr int64_t kHoldUs = 20;

  // What is known of a command before it runs.
  struct Prepared {
    Found found;
    uint64_t hash = 0;  // of its first key
    bool keyed = false;
  };

  // What a thread that serves others does while a script that it runs is busy: one short turn, outside the gate.
  static void set_busy_turn(std::function<void()> turn);

  // Before anything else runs. nullptr: in memory only.
  void attach(EffectSink* sink, Persistence* persistence);
  Persistence* persistence() const { return persistence_; }

  // ---- under a Hold ----
  Session& open(SessionOwner* owner, std::string address = "embedded");
  void close(Session& session);
  void forget_replica(Session& session);  // its connection is broken; close() follows
  // Executes one command; its reply is appended to the session's outbox, unless the session is now blocked.
  // False: CLIENT PAUSE holds it; the caller keeps it and tries again when the pause is over.
  bool execute(Session& session, Args given) { return execute(session, given, prepare(session, given)); }
  // The same for several commands: what they need of memory is fetched while others of them are looked at. prepare()
  // looks the command up and fetches the bucket of its key, prefetch() the key's entry.
  Prepared prepare(const Session& session, Args args) const;
  void prefetch(const Session& session, const Prepared& prepared) const;
  bool execute(Session& session, Args given, const Prepared& prepared);
  int64_t now_us() const { return turn_.on ? turn_.now_us : state_.keyspace.clock().monotonic_us(); }
  int64_t wall_ms() const {
    return turn_.on ? turn_.start_wall_ms + (turn_.now_us - turn_.start_us) / 1000 : state_.keyspace.clock().wall_ms();
  }
  // Executes a command of the log: no checks, no expiry, nothing is logged. False: an unknown command or an error.
  bool replay(Session& session, Args args, std::string& error);
  // Executes a command of the master that this server follows: no checks, no expiry, but it goes to the log and to the
  // replicas. An error is the master's business.
  void apply(Session& session, Args args);
  // The bytes of what was applied, as they came: for those who follow this server.
  void relay(std::string_view bytes);
  void cron();
  int64_t next_deadline_ms() const { return waiters_.next_deadline_ms(); }
  // The sync fast path of an embedded GET: copies the string. False: absent or not a string.
  bool get_string(size_t database, std::string_view key, std::string& out);
  ServerState& state() { return state_; }
  Lsn last_lsn() const override { return last_lsn_; }

  // ---- EnginePort ----
  void call(Session& session, const Row& row, Args args, ReplyWriter& reply, bool from_script) override;
  std::string write_refusal() override;
  void rejected(const Row* row, std::string_view error) override;
  void let_others_run(Session& session) override;
  SessionOwner::Debugging debugger_command(Session& session, std::vector<std::string>& command) override;
  const std::map<uint64_t, Session*>& sessions() const override { return session_list_; }
  std::string denied(Session& session, const Row& row, Args args, std::string_view context) override;
  void pause_ended() override;
  bool unblock(uint64_t session_id, bool with_error) override;
  void unblock_all(std::string_view error) override;
  void refuse_blocked(Handler which, std::string_view error) override;
  std::string rewrite_log(bool& scheduled) override;
  std::string reload_log() override;
  std::vector<std::pair<std::string, std::string>> persistence_info() const override;
  void reset_statistics() override {
    state_.stats.reset();
    state_.keyspace.lazily_freed = 0;
    state_.replication.reset_counts();
  }
  void key_expired(Database& database, std::string_view key) override;
  void key_added(Database& database, std::string_view key) override;

 private:
  enum class Admission : uint8_t { run, answered, postponed };
  void start_turn();
  bool execute_found(Session& session, Args args, const Found& found);
  Admission admit(Session& session, Args args, const Found& found, ReplyWriter& reply);
  Admission refuse(Session& session, const Row* row, ReplyWriter& reply, std::string_view text);
  std::string shape_problem(const Found& found, Args args) const;
  bool postpones(const Session& session, uint32_t flags) const;
  void measure(Session& session, const Row& row, Args args, int64_t started_us, bool failed);
  void feed(Session& session, const Row& row, Args args, bool from_script);
  void observe(Session& session, const Row& row, Args args, bool from_script);
  std::string refusal(const Session& session, const Row& row) const;
  bool state_may_refuse(const Session& session, uint32_t flags) const;
  std::string state_refusal(const Session& session, const Row& row, uint32_t flags);
  uint32_t flags_of(const Row& row, Args args) const;
  uint32_t unit_flags(const Session& session, const Row& row, Args args) const;
  std::string memory_refusal(const Session& session, const Row& row, uint32_t flags);
  void key_evicted(Database& database, std::string_view key);
  void key_gone(Database& database, std::string_view key, EventClass why, std::string_view event);
  void run(Session& session, const Row& row, Args args, ReplyWriter& reply, std::optional<BlockRequest>* block,
           bool from_script, bool retrying = false);
  void count_error(std::string_view reply);
  void end_unit(Session* session);
  Args unrenamed(Args args, std::vector<std::string_view>& storage) const;
  void end_command(Session& session, size_t place);
  void serve_waiters();
  bool retry(Waiters::Place place, std::string_view key);
  void expire_actively();
  void feed_replicas();
  void tend_replication();
  void ask_replicas();
  void serve_those_who_wait_for_replicas();
  void refuse_reply_to_replica(Session& session, size_t place);
  void look_for_error(Session& session, const Row* row);
  void add_loading(std::vector<std::pair<std::string, std::string>>& lines) const;
  void finish_blocked(Waiters::Place place, std::string_view error);

  Gate gate_;
  ServerState state_;
  ScriptHost scripts_;
  Waiters waiters_;
  Eviction eviction_;
  struct {
    bool on = false;
    int64_t start_us = 0;
    int64_t start_wall_ms = 0;
    int64_t now_us = 0;
  } turn_;
  std::vector<std::unique_ptr<Session>> owned_;
  std::map<uint64_t, Session*> session_list_;
  EffectSink* sink_ = nullptr;
  Persistence* persistence_ = nullptr;
  Lsn last_lsn_ = 0;
  uint64_t next_session_id_ = 1;
  bool replaying_ = false;
  int64_t last_ping_us_ = -1'000'000'000'000;
  int64_t next_tending_us_ = 0;
  const Row* caller_row_ = nullptr;  // the script's command, for the keys that it declared
  Args caller_args_;
};

}  // namespace compozy::redis
