// SPDX-License-Identifier: Apache-2.0
//
// DumpFile: the RDB file of a server: loading at start, SAVE, BGSAVE and the saves that the setting `save` asks for.
//
//   DumpFile dump(engine, ".");  TRY(uint64_t keys, dump.load());
//
// SAVE writes under the gate and waits for the disk, as Redis does. BGSAVE walks the keys as they were at its start in
// slices of half a millisecond; a thread of its own writes temp-<pid>.rdb, fsyncs and renames. FLUSHALL and SWAPDB end
// a walk; then nothing is saved. One walk at a time: a log's rewrite and a save do not run together.
// For replicas that need all data the same walk is made: to the file, which they get when it is whole, or straight to
// their sockets (persist/replica_sockets).
// Owner: app, beside the log. It ends before the engine. Thread: construction and load() first; then under the gate.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "base/result.hpp"
#include "redis/commands/storage_port.hpp"
#include "redis/engine/engine.hpp"
#include "redis/persist/loading.hpp"
#include "redis/persist/log_file.hpp"
#include "redis/persist/rewrite.hpp"
#include "redis/rdb/rdb_file.hpp"

namespace compozy::redis {

class DumpFile final : public StoragePort {
 public:
  // `open`: who writes BGSAVE's file.
  DumpFile(Engine& engine, std::string directory, OpenFile open = open_log_file);
  ~DumpFile() override;
  DumpFile(const DumpFile&) = delete;
  DumpFile& operator=(const DumpFile&) = delete;

  // How many keys; none when there is no file. With `loading`, others get the gate now and then.
  Result<uint64_t> load(Loading* loading = nullptr);

  std::string save() override;
  // SAVE when the server ends; a save in the background is given up for it.
  std::string save_at_end();
  void save_flushed() override { (void)write_now(); }
  std::string start_save() override;
  std::string start_sync(ForReplicas how) override { return begin(how); }
  std::optional<ForReplicas> syncing() const override { return for_replicas_; }
  void save_later() override { scheduled_ = true; }
  bool saving() const override { return saving_; }
  std::string reload(bool save, RestorePolicy libraries) override;
  int64_t last_save_s() const override { return last_save_s_; }
  bool last_save_failed() const override { return !last_good_; }
  void work(int64_t budget_us) override;
  std::vector<std::pair<std::string, std::string>> info() const override;

 private:
  std::string write_now();
  std::string path() const;
  std::string temporary() const;
  Result<uint64_t> load_held(bool flush, RestorePolicy libraries, RdbLoading how = {});
  std::string begin(std::optional<ForReplicas> for_replicas);
  void go_on_with_history(std::string_view deleted);
  Result<void> write_all();  // on the saver's thread
  Result<std::unique_ptr<LogFile>> open_target();
  Result<void> write_keys(LogFile& file);
  Result<void> move_into_place();
  bool to_sockets() const { return for_replicas_ && for_replicas_->to_sockets; }
  bool is_still_wanted();
  void give_to_replicas(const Result<void>& written);
  Result<void> delay(const LogFile& file, uint64_t keys);
  void finished(const Result<void>& written);
  bool is_due() const;

  Engine& engine_;
  std::string directory_;
  OpenFile open_;
  Rewriter walk_;
  std::thread thread_;
  std::atomic<bool> saving_{false};
  std::atomic<bool> stopping_{false};
  std::optional<ForReplicas> for_replicas_;
  RdbHead::History history_;  // of the file that was loaded last
  uint64_t checksum_ = 0;
  std::string start_bytes_;  // the head of the file that is being written
  int64_t last_save_s_ = 0;
  int64_t started_s_ = 0;
  int64_t last_duration_s_ = -1;
  int64_t last_try_s_ = 0;
  bool last_good_ = true;
  bool scheduled_ = false;
  uint64_t dirty_saved_ = 0;     // the count of changes that the file holds
  uint64_t dirty_at_start_ = 0;  // of the walk
  uint64_t saves_ = 0;
  uint64_t keys_at_start_ = 0;
  uint64_t last_preimage_bytes_ = 0;
  uint64_t keys_loaded_ = 0;
  uint64_t keys_expired_ = 0;
};

}  // namespace compozy::redis
