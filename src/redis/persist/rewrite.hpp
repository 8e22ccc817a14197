// SPDX-License-Identifier: Apache-2.0
//
// Rewriter: walks the keyspace as it was at the cut and writes it in command form or as RDB, a slice at a time, while
// commands go on. Whoever is about to change an entry that the walk has not reached hands it over first (Snapshot), so
// the base file holds exactly the state of the cut, and the log from the cut on follows it.
//
// Thread: walk() and emit() under the gate; take() by the log's thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>

#include "redis/commands/scripting/script_port.hpp"
#include "redis/keyspace/keyspace.hpp"
#include "redis/rdb/rdb_file.hpp"

namespace compozy::redis {

struct ServerState;

// How entries are written.
struct SnapshotFormat {
  void (*select)(std::string& out, size_t database);
  void (*entry)(std::string& out, const Entry& entry);
};
extern const SnapshotFormat kCommandFormat;
extern const SnapshotFormat kRdbFormat;

class Rewriter final : public Snapshot {
 public:
  explicit Rewriter(Keyspace& space, const SnapshotFormat& format = kCommandFormat) : space_(space), format_(&format) {}
  void set_format(const SnapshotFormat& format) { format_ = &format; }  // before start()

  void start();                  // under the gate, in the same hold as the cut
  bool walk(int64_t budget_us);  // whether the walk is through
  void emit(const Database& database, const Entry& entry) override;
  void abandon() override;
  void complete() override;

  // How many entries were written since the start, and what those took that had to be written before their change.
  bool abandoned();
  uint64_t processed() const { return processed_; }
  uint64_t preimage_bytes() const { return preimage_bytes_; }
  // What was written since the last call, and whether it is all.
  struct Output {
    std::string bytes;
    bool finished = false;
    bool abandoned = false;
  };
  Output take();

 private:
  bool walk_on(int64_t budget_us);

  Keyspace& space_;
  const SnapshotFormat* format_;
  size_t database_ = 0;
  uint64_t cursor_ = 0;
  bool walking_ = false;
  std::atomic<uint64_t> processed_{0};
  std::atomic<uint64_t> preimage_bytes_{0};
  std::mutex mutex_;  // guards what follows
  std::string bytes_;
  size_t selected_ = SIZE_MAX;
  bool finished_ = false;
  bool abandoned_ = false;
};

// The commands that make this entry again.
void append_entry(std::string& out, const Entry& entry);
// What an RDB file of all the data begins with.
RdbHead rdb_head(const ServerState& state);
// FUNCTION LOAD for each library.
void append_functions(std::string& out, const ScriptPort& scripts);

}  // namespace compozy::redis
