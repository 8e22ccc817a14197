// SPDX-License-Identifier: Apache-2.0
//
// Database: one numbered database: its keys, the index of keys with a deadline, and who watches which key.
//
// find() gives a const entry and find_for_write() a mutable one; there is no other way to change a value. Both delete a
// key whose deadline has passed (the keyspace's events hear of it) and answer nullptr. Everything that changes or ends
// an existing entry first hands it to a running snapshot (Keyspace::snapshot).
//
// Pointers to entries and views into values are valid until the next call that is not const.
// Thread: whoever holds the engine's gate.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "redis/keyspace/entry.hpp"
#include "redis/keyspace/table.hpp"

namespace compozy::redis {

class Keyspace;

// What a transaction knows about the keys it watches: whether one of them was changed.
struct WatchFlag {
  bool dirty = false;
};

// When the memory of what is deleted is given back: at once, or for large values on the reclaimer's thread (`lazily`:
// counted as Redis counts UNLINK and its kin).
enum class Release : uint8_t { now, later, lazily };

class Database {
 public:
  Database(Keyspace& space, size_t index) : space_(space), index_(index) {}
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  size_t index() const { return index_; }
  size_t size() const { return keys_.size(); }
  size_t bucket_count() const { return keys_.buckets(); }
  size_t volatile_size() const { return deadlines_.size(); }
  int64_t average_ttl_ms() const;

  const Entry* find(std::string_view key);  // counts as use for LRU
  const Entry* peek(std::string_view key);  // does not
  Entry* find_for_write(std::string_view key);
  // Deletes it when it is past its deadline. False: its deadline has still to come.
  bool expire_if_overdue(std::string_view key);
  const Entry* look(std::string_view key) const { return keys_.find(key); }  // also one past its deadline
  bool exists(std::string_view key) { return peek(key) != nullptr; }
  // Fetches into the cache what a key with this table_hash() needs: its bucket; then, some time later, its entry.
  void prefetch(uint64_t hash) const { keys_.prefetch(hash); }
  void prefetch_entry(uint64_t hash) const { keys_.prefetch_item(hash); }
  static constexpr size_t kAheadMax = 16;
  void prefetch_keys(std::span<const std::string_view> keys) const;  // both, for at most kAheadMax

  void set_string(std::string_view key, std::string_view value, bool keep_deadline = false);
  // Makes the string `size` bytes long, with zeros where it grows, creating it if absent; its encoding becomes raw.
  char* resize_string(std::string_view key, size_t size);
  // The key must be absent. The database owns the value from now on.
  Entry* add(std::string_view key, Type type, void* value, int64_t deadline_ms = -1);
  bool erase(std::string_view key, Release release = Release::later);
  // Takes the entry out; the caller frees it or gives its value to add().
  Entry* detach(std::string_view key);
  // The pointer form of a detached entry's value, which is no longer the entry's; frees the shell.
  static void* release_value(Entry* entry);

  void set_deadline(std::string_view key, int64_t deadline_ms);  // the key must exist
  bool persist(std::string_view key);
  void clear(Release release = Release::now);
  // Exchanges the contents, not the index nor the watchers (SWAPDB).
  void swap_contents(Database& other);

  const Entry* random();
  // A random key of all, or of those with a deadline, for eviction: it may be past its deadline. nullptr: there is
  // none.
  const Entry* sample(bool with_deadline) const;
  template <class Use>
  uint64_t scan(uint64_t cursor, Use use) const {
    return keys_.scan(cursor, use);
  }
  template <class Use>
  void for_each(Use use) const {
    keys_.for_each(use);
  }

  // Deletes keys whose deadline passed, a few buckets of the index at a time. Returns {looked at, deleted}.
  struct Expired {
    size_t seen = 0;
    size_t deleted = 0;
  };
  Expired expire_some(size_t buckets);
  bool step_rehash(size_t buckets);

  void watch(std::string_view key, WatchFlag& flag);
  void unwatch(std::string_view key, WatchFlag& flag);
  void modified(std::string_view key);  // tells the watchers
  void touch_all_watched();             // of keys that exist

 private:
  struct KeyTraits {
    using Item = Entry;
    static std::string_view key(const Entry& entry) { return entry.key(); }
  };
  struct TextHash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return table_hash(text); }
  };

  Entry* live(uint64_t hash, std::string_view key, bool for_write = false);
  void before_change(Entry& entry);
  Entry* moved(uint64_t hash, Entry* old, Entry* fresh);
  bool is_expired(const Entry& entry) const;
  void expire(Entry& entry);
  void free_all();
  void end_value(const Entry& entry, Release release);  // of an entry whose value is not embedded

  Keyspace& space_;
  size_t index_;
  Table<KeyTraits> keys_;
  Table<KeyTraits> deadlines_;
  uint64_t expire_cursor_ = 0;
  std::unordered_map<std::string, std::vector<WatchFlag*>, TextHash, std::equal_to<>> watchers_;
};

// A deep copy of a value, in pointer form.
void* copy_value(const Entry& entry, Keyspace& space);

}  // namespace compozy::redis
