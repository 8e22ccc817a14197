// SPDX-License-Identifier: Apache-2.0
//
// Keyspace: the databases of one engine, their shared time, limits and memory.
//
// Time stands still within a unit (a command, an EXEC, a script): begin_unit() forgets the reading and the first key
// with a deadline takes a new one, so a unit sees a key either alive or gone throughout.
// Thread: whoever holds the engine's gate.
#pragma once

#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "base/random.hpp"
#include "redis/keyspace/database.hpp"
#include "redis/keyspace/hash_value.hpp"
#include "redis/keyspace/list_value.hpp"
#include "redis/keyspace/memory.hpp"
#include "redis/keyspace/reclaimer.hpp"
#include "redis/keyspace/set_value.hpp"
#include "redis/keyspace/stream_value.hpp"
#include "redis/keyspace/zset_value.hpp"

namespace compozy::redis {

// Implemented above the keyspace: a deletion by deadline must reach the log and the statistics.
class KeyspaceEvents {
 public:
  virtual ~KeyspaceEvents() = default;
  virtual void key_expired(Database& database, std::string_view key) = 0;
  virtual void key_added(Database&, std::string_view) {}  // only when asked for
};

// A walk over all keys as they were at its start, while writers go on: whoever is about to change or end an entry that
// the walk has not passed yet hands it over first. Entries carry the epoch that they were last emitted or born in.
class Snapshot {
 public:
  virtual ~Snapshot() = default;
  virtual void emit(const Database& database, const Entry& entry) = 0;
  virtual void abandon() = 0;   // everything was flushed or swapped: the walk is void
  virtual void complete() = 0;  // all of it at once: other data comes in its place
};

struct EncodingLimits {
  HashValue::Limits hash;
  ZSetValue::Limits zset;
  size_t intset_entries = 512;
  StreamValue::Limits stream;
};

class Keyspace {
 public:
  Keyspace(const Clock& clock, Random& random, size_t databases = 16);
  Keyspace(const Keyspace&) = delete;
  Keyspace& operator=(const Keyspace&) = delete;
  ~Keyspace();

  size_t database_count() const { return databases_.size(); }
  Database& database(size_t index) { return *databases_[index]; }
  const Database& database(size_t index) const { return *databases_[index]; }
  void swap_databases(size_t a, size_t b);
  // As many databases that nobody sees, and their contents in exchange for the ones that everybody does: what is there
  // can be replaced at one moment by what was read into them.
  std::vector<std::unique_ptr<Database>> make_spare_databases();
  void exchange_databases(const std::vector<std::unique_ptr<Database>>& spare);
  void clear(Release release = Release::now);
  size_t key_count() const;

  // `now_ms`: the time, where the caller knows it.
  void begin_unit(int64_t now_ms = 0) {
    now_ms_ = now_ms;
    reclaimer_.settle();
  }
  void stop_time(int64_t now_ms) { now_ms_ = now_ms; }  // goes on with a unit that was interrupted
  int64_t now_ms() {
    if (now_ms_ == 0) now_ms_ = clock_.wall_ms();
    return now_ms_;
  }
  // Coarse seconds for LRU; set by the engine's periodic work.
  void set_lru_clock(uint32_t seconds) { lru_clock_ = seconds & 0xffffff; }
  uint32_t lru_clock() const { return lru_clock_; }

  // An entry's 24 bits tell when it was last used (LRU, in seconds), or the minute and how often (LFU, a counter that
  // grows by chance and decays with time). Source: redis.io/docs/reference/eviction.
  struct UseTracking {
    bool frequency = false;  // an LFU policy
    int64_t log_factor = 10;
    int64_t decay_minutes = 1;
  };
  void set_use_tracking(UseTracking tracking) { tracking_ = tracking; }
  bool tracks_frequency() const { return tracking_.frequency; }
  uint32_t fresh_use() const { return tracking_.frequency ? minute() << 8 | kFreshFrequency : lru_clock_; }
  void used(Entry& entry) {
    if (tracking_.frequency) {
      count_use(entry);
    } else {
      entry.lru = lru_clock_;
    }
  }
  uint32_t idle_seconds(const Entry& entry) const { return (lru_clock_ - entry.lru) & 0xffffff; }
  uint8_t frequency(const Entry& entry) const;  // after its decay
  void set_frequency(Entry& entry, uint8_t frequency) const { entry.lru = (minute() << 8 | frequency) & 0xffffff; }

  void set_events(KeyspaceEvents* events) { events_ = events; }
  KeyspaceEvents* events() const { return events_; }
  void set_tells_additions(bool tells) { tells_additions_ = tells; }
  void added(Database& database, std::string_view key) {
    if (tells_additions_ && !replaying_ && events_ != nullptr) events_->key_added(database, key);
  }
  // While a log is replayed nothing expires: the log says when.
  void set_replaying(bool replaying) { replaying_ = replaying; }
  bool replaying() const { return replaying_; }
  // While clients are paused, keys past their deadline are hidden but stay.
  void set_expiry_paused(bool paused) { expiry_paused_ = paused; }
  bool expiry_paused() const { return expiry_paused_; }
  // A replica's keys go when the master says so, but for those with deadlines that were given here, by clients of a
  // replica that may be written to.
  void note_own_deadline(size_t database, std::string_view key);
  void expire_own();
  size_t own_deadlines() const { return own_deadlines_.size(); }

  // Starts a walk: entries of an older epoch belong to it. nullptr ends it.
  void set_snapshot(Snapshot* snapshot);
  Snapshot* snapshot() const { return snapshot_; }
  uint8_t epoch() const { return epoch_; }

  // Active expiry: works through the indexes until most keys it meets are alive or the time is used up.
  size_t expire_actively(int64_t budget_us);
  // Incremental rehash for tables that nobody writes to.
  void rehash_actively(int64_t budget_us);

  Random& random() { return random_; }
  const Clock& clock() const { return clock_; }
  // Large values that are freed later; how many objects were (INFO's lazyfreed_objects).
  Reclaimer& reclaimer() { return reclaimer_; }
  uint64_t lazily_freed = 0;
  MemoryAccount& memory() { return memory_; }
  const MemoryAccount& memory() const { return memory_; }
  EncodingLimits limits;
  bool lazy_expire = false;  // lazyfree-lazy-expire

 private:
  static constexpr uint32_t kFreshFrequency = 5;
  uint32_t minute() const { return lru_clock_ / 60 & 0xffff; }
  void count_use(Entry& entry);

  const Clock& clock_;
  Random& random_;
  MemoryAccount memory_;
  Reclaimer reclaimer_{memory_};
  std::vector<std::unique_ptr<Database>> databases_;
  KeyspaceEvents* events_ = nullptr;
  Snapshot* snapshot_ = nullptr;
  int64_t now_ms_ = 0;
  size_t expire_database_ = 0;
  uint32_t lru_clock_ = 0;
  UseTracking tracking_;
  uint8_t epoch_ = 0;
  bool replaying_ = false;
  bool tells_additions_ = false;
  bool expiry_paused_ = false;
  std::set<std::pair<size_t, std::string>> own_deadlines_;
};

}  // namespace compozy::redis
