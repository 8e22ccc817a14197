// SPDX-License-Identifier: Apache-2.0
//
// StreamValue: entries by ID in a ring of chunks, each one listpack of at most stream-node-max-bytes and -entries as
// Redis lays them out (so approximate trimming removes the same entries), with the consumer groups.
//
// Chunk: entries, deleted, number of fields, their names, 0; then per entry: flags (1 deleted, 2 the chunk's fields),
// ID minus the chunk's ID, [number of fields, names and] values, how many elements this entry took.
//
// Views are valid until the next change of this stream. Limits: IDs only grow; an entry's texts have at most 1 GB.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "redis/keyspace/listpack.hpp"

namespace compozy::redis {

struct StreamId {
  uint64_t ms = 0;
  uint64_t seq = 0;

  auto operator<=>(const StreamId&) const = default;
  static constexpr StreamId max() { return {~uint64_t{0}, ~uint64_t{0}}; }
  bool increment();  // false: there is no later ID
  bool decrement();
  std::string to_string() const { return std::to_string(ms) + "-" + std::to_string(seq); }
};

struct StreamConsumer {
  using Pending = std::set<StreamId, std::less<>, CountedAllocator<StreamId>>;
  int64_t seen_ms = 0;
  Pending pending;  // of the group's pending entries, those delivered to this consumer
};

struct StreamGroup {
  static constexpr int64_t kUnknown = -1;
  using Text = std::basic_string<char, std::char_traits<char>, CountedAllocator<char>>;
  using Consumers =
      std::map<Text, StreamConsumer, std::less<>, CountedAllocator<std::pair<const Text, StreamConsumer>>>;
  struct Delivery {
    int64_t time_ms = 0;
    uint64_t count = 1;
    Consumers::value_type* consumer = nullptr;
  };
  using Pending = std::map<StreamId, Delivery, std::less<>, CountedAllocator<std::pair<const StreamId, Delivery>>>;

  StreamId last_id;
  int64_t entries_read = kUnknown;
  Pending pending;
  Consumers consumers;

  Consumers::value_type* find_consumer(std::string_view name);
  Consumers::value_type& add_consumer(std::string_view name, int64_t now_ms);
  size_t remove_consumer(std::string_view name);  // with its pending entries, which it counts
  void assign(StreamId id, Consumers::value_type& consumer, int64_t time_ms, uint64_t count);
  Pending::iterator forget(Pending::iterator entry);
};

class StreamValue {
 public:
  using Groups = std::map<StreamGroup::Text, StreamGroup, std::less<>,
                          CountedAllocator<std::pair<const StreamGroup::Text, StreamGroup>>>;
  struct Limits {
    size_t chunk_bytes = 4096;
    size_t chunk_entries = 100;
  };
  struct Trim {
    std::optional<uint64_t> length;
    std::optional<StreamId> first;
    bool whole_chunks = false;
    uint64_t limit = 0;  // 0: none
  };
  // Field, value, field, value …
  using Fields = std::vector<ListpackItem>;
  using Visit = std::function<bool(StreamId id, const Fields& fields)>;  // false: enough

  StreamValue() = default;
  ~StreamValue();
  StreamValue(const StreamValue&) = delete;
  StreamValue& operator=(const StreamValue&) = delete;

  size_t size() const { return length_; }
  StreamId last_id_above_zero() const { return last_id == StreamId{} ? StreamId{.seq = 1} : last_id; }
  size_t chunk_count() const { return chunks_.size() - first_; }
  // The ID must be above last_id.
  void append(StreamId id, std::span<const std::string_view> fields, const Limits& limits);
  bool erase(StreamId id);
  uint64_t trim(const Trim& trim);
  void refresh_first_id();

  void for_each(StreamId from, StreamId to, bool backwards, const Visit& visit) const;
  bool contains(StreamId id) const;
  std::optional<StreamId> edge(bool first) const;  // the ID of the first or last entry
  bool has_deletions_after(StreamId from) const;
  // How many entries were ever added up to this ID, if that can be known.
  int64_t entries_added_until(StreamId id) const;
  StreamGroup* find_group(std::string_view name);
  size_t radix_nodes() const;  // what a radix tree over the chunks' IDs would take, for XINFO

  // As they were in a dump: checked by the reader of the dump.
  void adopt_chunk(StreamId id, std::string_view listpack);
  void set_length(uint64_t length) { length_ = length; }
  void for_each_chunk(const std::function<void(StreamId id, std::string_view listpack)>& visit) const;
  void copy_from(const StreamValue& other);

  StreamId last_id;
  StreamId first_id;
  StreamId max_deleted_id;
  uint64_t entries_added = 0;
  Groups groups;

 private:
  struct Chunk {
    StreamId id;
    Listpack pack;
  };
  struct EntryAt;

  static std::vector<EntryAt> entries_of(const Chunk& chunk, Fields& master);
  static StreamId last_of(const Chunk& chunk);
  static int64_t live_entries(const Chunk& chunk);
  static void count_deletions(Chunk& chunk, int64_t deleted);
  static Fields fields_of(const Chunk& chunk, const EntryAt& entry, const Fields& master);
  static void start_chunk(Chunk& chunk, std::span<const std::string_view> fields);
  size_t find_chunk(StreamId id) const;
  void drop_chunk(size_t index);
  uint64_t trim_inside(Chunk& chunk, const Trim& trim);

  CountedVector<Chunk*> chunks_;
  size_t first_ = 0;  // chunks_[0, first_) have been trimmed away
  uint64_t length_ = 0;
};

}  // namespace compozy::redis
