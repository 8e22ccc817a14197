// SPDX-License-Identifier: Apache-2.0
//
// AppendLog: keeps an engine's data in Redis' multi-part append-only log. Opening it replays what is there; from then
// on every unit's effects are appended under the gate and committed in groups: whoever needs durability writes and
// fsyncs for all who came before, and late comers wait for the next round.
//
//   TRY(auto log, AppendLog::open(engine, {.directory = data_dir}));   // replays and attaches itself to the engine
//
// A log may also be off, until CONFIG SET appendonly yes: then it knows only its directory, and BGREWRITEAOF writes a
// base there. Switching it on begins a rewrite; what is written meanwhile collects in temp-<name>.incr, and the log
// counts once both are whole. A base is an RDB file unless `aof-use-rdb-preamble` says no.
//
// Policies (appendfsync): always: replies wait for fsync; everysec: they wait for write(2), fsync each second; no: the
// system decides. A caller that asks for `durable` gets an fsync under each.
// Full disk: room is reserved ahead; when that fails, or a write does, writes are refused with MISCONF and what was
// executed is kept and written when room returns. An fsync that fails ends the process: what the disk holds is unknown.
//
// The caller holds the lock of the directory. Owner: app; it ends before the engine and after all clients.
// Thread: append() and start_rewrite() and work() under the gate, the rest from any.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "redis/engine/engine.hpp"
#include "redis/engine/ports.hpp"
#include "redis/persist/loading.hpp"
#include "redis/persist/log_file.hpp"
#include "redis/persist/manifest.hpp"
#include "redis/persist/rewrite.hpp"

namespace compozy::redis {

// Room that is reserved ahead of what is written.
inline constexpr uint64_t kLogReserveAhead = 4UL * 1024 * 1024;

class AppendLog final : public EffectSink, public Persistence {
 public:
  struct Options {
    std::string directory;       // the data directory; the log lies in its appendonlydir
    Loading* loading = nullptr;  // others get the gate now and then while the log is replayed
    OpenFile open_file = open_log_file;
    OpenFile open_base = nullptr;  // for the base that a rewrite makes; none: as open_file
  };

  static Result<std::unique_ptr<AppendLog>> open(Engine& engine, Options options);
  // A log that is off.
  static Result<std::unique_ptr<AppendLog>> off(Engine& engine, Options options);
  ~AppendLog() override;  // commits what is left
  AppendLog(const AppendLog&) = delete;
  AppendLog& operator=(const AppendLog&) = delete;

  // Switched on, and its first file is not whole: a restart would find nothing.
  bool has_no_base() const { return state_ == State::waiting; }
  uint64_t replayed_commands() const { return replayed_; }

  // CONFIG SET appendonly. Under the gate. Empty: done, or begun. Otherwise why not.
  std::string switch_on();
  void switch_off();
  // Files that a rewrite has replaced are kept while `aof-disable-auto-gc` says so; this deletes them. Under the gate.
  void collect_history();

  Lsn append(std::string_view commands, bool several) override;
  Lsn durable_lsn() const override { return durable_.load(std::memory_order_acquire); }
  std::string refusal() override;
  Result<void> commit(Lsn lsn) override;
  void commit_later(Lsn lsn, std::function<void(Result<void>)> done) override;
  Result<void> end_turn(Lsn lsn) override;
  bool replies_wait() const override { return policy_ == Policy::always; }
  Rewrite rewrite(bool later) override;
  Result<void> reload() override;
  std::vector<std::pair<std::string, std::string>> info() const override;
  void work(int64_t budget_us) override;

 private:
  enum class Policy : uint8_t { always, everysec, no };
  // waiting: switched on, and its first rewrite is not through.
  enum class State : uint8_t { off, waiting, on };
  struct Waiting {
    Lsn lsn;
    std::function<void(Result<void>)> done;
  };

  AppendLog(Engine& engine, Options options);
  static Policy policy_in(const Settings& settings);
  std::string path(std::string_view name) const { return directory_ + "/" + std::string(name); }
  Result<void> prepare();
  Result<void> read_manifest();
  Result<void> refuse_unnamed_files() const;
  Result<void> take_over_old_file();
  Result<void> load();
  Result<void> write_first_base();
  Result<void> replay_all(Session& session, bool held);
  Result<void> save_manifest();
  Result<void> open_incremental(uint64_t seq);
  Result<void> open_temporary_incremental();
  Result<Lsn> write_pending();  // holds io_mutex_; gives how far the file now reaches
  Result<void> write_and_sync();
  void note(const Result<void>& written);
  void run();  // the log's thread
  void set_state(State state);
  std::string start_rewrite();
  std::string begin_rewrite();
  bool rewrite_is_due() const;
  std::string base_head() const;
  Result<void> write_base_part(std::string_view bytes, bool last);
  void continue_rewrite();
  Result<void> finish_rewrite();
  Result<void> finish_files();
  void rewrite_failed(const std::string& reason);
  void drop_temporary_incremental();
  void delete_history();
  std::string temporary_base() const;
  std::string temporary_incremental() const;

  Engine& engine_;
  Options options_;
  std::string directory_;
  std::string name_;            // appendfilename
  std::atomic<Policy> policy_;  // refreshed under the gate, read by any thread
  uint64_t replayed_ = 0;

  std::mutex buffer_mutex_;  // guards pending_, held for copies only
  std::string pending_;
  std::atomic<Lsn> appended_{0};

  std::mutex io_mutex_;  // guards the files and the manifest
  Manifest manifest_;
  std::unique_ptr<LogFile> file_;
  std::string writing_;  // taken from pending_ and not written yet
  std::atomic<Lsn> written_{0};
  std::atomic<uint64_t> size_{0};
  std::atomic<uint64_t> base_size_{0};

  std::mutex commit_mutex_;  // guards committing_ and what follows
  std::condition_variable committed_;
  bool committing_ = false;
  std::vector<Waiting> waiting_;
  std::condition_variable wake_;
  bool stopping_ = false;
  std::string trouble_;  // why writes are refused
  std::atomic<bool> refusing_{false};
  std::atomic<Lsn> durable_{0};

  std::atomic<State> state_{State::off};
  int64_t stamped_s_ = 0;  // the last #TS; under the gate

  Rewriter rewriter_;
  std::atomic<bool> rewriting_{false};
  bool scheduled_ = false;  // a rewrite shall begin as soon as it can
  bool base_is_rdb_ = false;
  uint64_t base_checksum_ = 0;
  int64_t rewrite_started_s_ = 0;
  int64_t next_walk_us_ = 0;  // rdb-key-save-delay, which makes tests possible
  std::atomic<int64_t> rewrite_took_s_{-1};
  std::atomic<bool> rewrite_failed_{false};
  std::atomic<int64_t> not_before_ms_{0};  // automatic rewrites wait after failures
  std::atomic<int> failures_{0};
  State began_as_ = State::off;  // when the rewrite began
  std::atomic<bool> keeps_history_{false};
  std::unique_ptr<LogFile> base_file_;
  std::string base_pending_;
  uint64_t cut_seq_ = 0;  // the first incremental file after the cut
  std::atomic<uint64_t> rewrites_{0};
  std::thread thread_;
};

}  // namespace compozy::redis
