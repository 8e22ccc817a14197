// SPDX-License-Identifier: Apache-2.0
#include "redis/keyspace/stream_value.hpp"

#include <algorithm>
#include <array>

namespace compozy::redis {

namespace {

constexpr int64_t kDeleted = 1;
constexpr int64_t kSameFields = 2;
constexpr size_t kChunkBytesMax = 1U << 30;

std::array<uint8_t, 16> big_endian(StreamId id) {
  std::array<uint8_t, 16> bytes;
  for (size_t i = 0; i < 8; ++i) {
    bytes[i] = static_cast<uint8_t>(id.ms >> (56 - 8 * i));
    bytes[8 + i] = static_cast<uint8_t>(id.seq >> (56 - 8 * i));
  }
  return bytes;
}

// Nodes of a compressed radix tree over sorted keys, from a depth on.
size_t radix_nodes_of(std::span<const std::array<uint8_t, 16>> keys, size_t depth) {
  if (keys.size() == 1) return depth == 16 ? 1 : 2;
  size_t common = depth;
  while (keys.front()[common] == keys.back()[common]) ++common;
  size_t nodes = common > depth ? 2 : 1;
  for (size_t from = 0; from < keys.size();) {
    size_t to = from + 1;
    while (to < keys.size() && keys[to][common] == keys[from][common]) ++to;
    nodes += radix_nodes_of(keys.subspan(from, to - from), common + 1);
    from = to;
  }
  return nodes;
}

}  // namespace

bool StreamId::increment() {
  if (++seq != 0) return true;
  if (++ms != 0) return true;
  *this = max();
  return false;
}

bool StreamId::decrement() {
  if (*this == StreamId{}) return false;
  if (seq-- == 0) --ms;
  return true;
}

StreamGroup::Consumers::value_type* StreamGroup::find_consumer(std::string_view name) {
  const auto at = consumers.find(name);
  return at == consumers.end() ? nullptr : &*at;
}

StreamGroup::Consumers::value_type& StreamGroup::add_consumer(std::string_view name, int64_t now_ms) {
  auto& consumer = *consumers.try_emplace(Text(name)).first;
  consumer.second.seen_ms = now_ms;
  return consumer;
}

size_t StreamGroup::remove_consumer(std::string_view name) {
  const auto at = consumers.find(name);
  if (at == consumers.end()) return 0;
  const size_t count = at->second.pending.size();
  for (const StreamId id : at->second.pending) pending.erase(id);
  consumers.erase(at);
  return count;
}

void StreamGroup::assign(StreamId id, Consumers::value_type& consumer, int64_t time_ms, uint64_t count) {
  Delivery& delivery = pending[id];
  if (delivery.consumer != &consumer) {
    if (delivery.consumer != nullptr) delivery.consumer->second.pending.erase(id);
    consumer.second.pending.insert(id);
  }
  delivery = {.time_ms = time_ms, .count = count, .consumer = &consumer};
}

StreamGroup::Pending::iterator StreamGroup::forget(Pending::iterator entry) {
  entry->second.consumer->second.pending.erase(entry->first);
  return pending.erase(entry);
}

struct StreamValue::EntryAt {
  StreamId id;
  uint32_t flags_at;
  uint32_t fields_at;  // of the first value, or of the number of fields
  bool deleted;
  bool same_fields;
};

StreamValue::~StreamValue() {
  for (size_t i = first_; i < chunks_.size(); ++i) counted_delete(chunks_[i]);
}

int64_t StreamValue::live_entries(const Chunk& chunk) { return chunk.pack.view().number(ListpackView::kHeader); }

// The names that the chunk's entries share go to `master`.
std::vector<StreamValue::EntryAt> StreamValue::entries_of(const Chunk& chunk, Fields& master) {
  const ListpackView view = chunk.pack.view();
  std::vector<EntryAt> entries;
  uint32_t at = view.next(view.next(view.begin()));
  int64_t names = view.number(at);
  master.clear();
  for (at = view.next(at); names > 0; --names, at = view.next(at)) master.push_back(view.get(at));
  at = view.next(at);  // the 0 that ends the master entry
  while (at < view.end()) {
    const int64_t flags = view.number(at);
    EntryAt entry{.flags_at = at, .deleted = (flags & kDeleted) != 0, .same_fields = (flags & kSameFields) != 0};
    at = view.next(at);
    entry.id.ms = chunk.id.ms + static_cast<uint64_t>(view.number(at));
    at = view.next(at);
    entry.id.seq = chunk.id.seq + static_cast<uint64_t>(view.number(at));
    at = view.next(at);
    entry.fields_at = at;
    size_t elements = master.size();
    if (!entry.same_fields) elements = static_cast<size_t>(view.number(at)) * 2 + 1;
    for (; elements > 0; --elements) at = view.next(at);
    at = view.next(at);  // how many elements the entry took
    entries.push_back(entry);
  }
  return entries;
}

StreamValue::Fields StreamValue::fields_of(const Chunk& chunk, const EntryAt& entry, const Fields& master) {
  const ListpackView view = chunk.pack.view();
  Fields fields;
  uint32_t at = entry.fields_at;
  if (entry.same_fields) {
    for (const ListpackItem& name : master) {
      fields.push_back(name);
      fields.push_back(view.get(at));
      at = view.next(at);
    }
    return fields;
  }
  int64_t count = view.number(at) * 2;
  for (at = view.next(at); count > 0; --count, at = view.next(at)) fields.push_back(view.get(at));
  return fields;
}

// The last entry's ID, deleted or not.
StreamId StreamValue::last_of(const Chunk& chunk) {
  const ListpackView view = chunk.pack.view();
  uint32_t at = view.previous(view.end());
  for (int64_t elements = view.number(at); elements > 0; --elements) at = view.previous(at);
  const uint32_t ms = view.next(at);
  return {chunk.id.ms + static_cast<uint64_t>(view.number(ms)),
          chunk.id.seq + static_cast<uint64_t>(view.number(view.next(ms)))};
}

// The last chunk whose ID is not above; the first one if all are.
size_t StreamValue::find_chunk(StreamId id) const {
  const auto after = std::upper_bound(chunks_.begin() + static_cast<ptrdiff_t>(first_), chunks_.end(), id,
                                      [](StreamId wanted, const Chunk* chunk) { return wanted < chunk->id; });
  const auto index = static_cast<size_t>(after - chunks_.begin());
  return index == first_ ? first_ : index - 1;
}

void StreamValue::drop_chunk(size_t index) {
  counted_delete(chunks_[index]);
  if (index == first_) {
    chunks_[first_++] = nullptr;
    if (first_ > 16 && first_ > chunks_.size() / 2) {
      chunks_.erase(chunks_.begin(), chunks_.begin() + static_cast<ptrdiff_t>(first_));
      first_ = 0;
    }
  } else {
    chunks_.erase(chunks_.begin() + static_cast<ptrdiff_t>(index));
  }
}

void StreamValue::start_chunk(Chunk& chunk, std::span<const std::string_view> fields) {
  chunk.pack.append(int64_t{0});
  chunk.pack.append(int64_t{0});
  chunk.pack.append(static_cast<int64_t>(fields.size() / 2));
  for (size_t i = 0; i < fields.size(); i += 2) chunk.pack.append(fields[i]);
  chunk.pack.append(int64_t{0});
}

void StreamValue::append(StreamId id, std::span<const std::string_view> fields, const Limits& limits) {
  Chunk* chunk = chunk_count() == 0 ? nullptr : chunks_.back();
  if (chunk != nullptr) {
    size_t bytes = chunk->pack.size();
    for (const std::string_view text : fields) bytes += text.size();
    const size_t max = limits.chunk_bytes == 0 ? kChunkBytesMax : std::min(limits.chunk_bytes, kChunkBytesMax);
    const ListpackView view = chunk->pack.view();
    const int64_t entries = view.number(view.begin()) + view.number(view.next(view.begin()));
    if (bytes >= max || (limits.chunk_entries > 0 && entries >= static_cast<int64_t>(limits.chunk_entries))) {
      chunk->pack.shrink_to_fit();
      chunk = nullptr;
    }
  }
  if (chunk == nullptr) {
    chunk = counted_new<Chunk>();
    chunk->id = id;
    start_chunk(*chunk, fields);
    chunks_.push_back(chunk);
  }
  const ListpackView view = chunk->pack.view();
  uint32_t at = view.next(view.next(view.begin()));
  bool same = view.number(at) == static_cast<int64_t>(fields.size() / 2);
  for (size_t i = 0; same && i < fields.size(); i += 2) {
    at = view.next(at);
    same = view.get(at) == fields[i];
  }
  chunk->pack.replace(ListpackView::kHeader, live_entries(*chunk) + 1);
  Listpack& pack = chunk->pack;
  pack.append(same ? kSameFields : int64_t{0});
  pack.append(static_cast<int64_t>(id.ms - chunk->id.ms));
  pack.append(static_cast<int64_t>(id.seq - chunk->id.seq));
  if (!same) pack.append(static_cast<int64_t>(fields.size() / 2));
  for (size_t i = same ? 1 : 0; i < fields.size(); i += same ? 2 : 1) pack.append(fields[i]);
  pack.append(static_cast<int64_t>(same ? fields.size() / 2 + 3 : fields.size() + 4));
  ++length_;
  ++entries_added;
  last_id = id;
  if (length_ == 1) first_id = id;
}

void StreamValue::count_deletions(Chunk& chunk, int64_t deleted) {
  const ListpackView view = chunk.pack.view();
  const int64_t live = view.number(view.begin());
  const uint32_t second = view.next(view.begin());
  chunk.pack.replace(second, view.number(second) + deleted);
  chunk.pack.replace(ListpackView::kHeader, live - deleted);
}

bool StreamValue::erase(StreamId id) {
  if (length_ == 0) return false;
  const size_t index = find_chunk(id);
  Chunk& chunk = *chunks_[index];
  Fields master;
  for (const EntryAt& entry : entries_of(chunk, master)) {
    if (entry.id != id || entry.deleted) continue;
    if (live_entries(chunk) == 1) {
      drop_chunk(index);
    } else {
      chunk.pack.replace(entry.flags_at, chunk.pack.view().number(entry.flags_at) | kDeleted);
      count_deletions(chunk, 1);
    }
    --length_;
    return true;
  }
  return false;
}

uint64_t StreamValue::trim_inside(Chunk& chunk, const Trim& trim) {
  Fields master;
  uint64_t deleted = 0;
  for (const EntryAt& entry : entries_of(chunk, master)) {
    if (trim.length ? length_ <= *trim.length : entry.id >= *trim.first) break;
    if (entry.deleted) continue;
    // Flags stay one byte long: positions of the entries that follow remain valid.
    chunk.pack.replace(entry.flags_at, chunk.pack.view().number(entry.flags_at) | kDeleted);
    ++deleted;
    --length_;
  }
  count_deletions(chunk, static_cast<int64_t>(deleted));
  return deleted;
}

uint64_t StreamValue::trim(const Trim& trim) {
  uint64_t deleted = 0;
  while (chunk_count() > 0 && !(trim.length && length_ <= *trim.length)) {
    Chunk& chunk = *chunks_[first_];
    const auto live = static_cast<uint64_t>(live_entries(chunk));
    if (trim.limit != 0 && deleted + live > trim.limit) break;
    const bool whole = trim.length ? length_ - live >= *trim.length : last_of(chunk) < *trim.first;
    if (!whole) {
      if (!trim.whole_chunks) deleted += trim_inside(chunk, trim);
      break;
    }
    drop_chunk(first_);
    length_ -= live;
    deleted += live;
  }
  if (length_ == 0 || deleted > 0) refresh_first_id();
  return deleted;
}

void StreamValue::refresh_first_id() { first_id = edge(true).value_or(StreamId{}); }

void StreamValue::for_each(StreamId from, StreamId to, bool backwards, const Visit& visit) const {
  if (length_ == 0 || from > to) return;
  Fields master;
  const size_t count = chunks_.size();
  for (size_t i = find_chunk(backwards ? to : from); i < count && i >= first_;) {
    const Chunk& chunk = *chunks_[i];
    if (chunk.id > to) return;
    auto entries = entries_of(chunk, master);
    if (backwards) std::ranges::reverse(entries);
    for (const EntryAt& entry : entries) {
      if (entry.deleted || entry.id < from || entry.id > to) continue;
      if (!visit(entry.id, fields_of(chunk, entry, master))) return;
    }
    if (backwards && (i == first_ || chunk.id < from)) return;
    i = backwards ? i - 1 : i + 1;
  }
}

bool StreamValue::contains(StreamId id) const {
  bool found = false;
  for_each(id, id, false, [&](StreamId, const Fields&) {
    found = true;
    return false;
  });
  return found;
}

std::optional<StreamId> StreamValue::edge(bool first) const {
  std::optional<StreamId> found;
  for_each({}, StreamId::max(), !first, [&](StreamId id, const Fields&) {
    found = id;
    return false;
  });
  return found;
}

bool StreamValue::has_deletions_after(StreamId from) const {
  if (length_ == 0 || max_deleted_id == StreamId{}) return false;  // Nothing, or nothing was deleted.
  if (max_deleted_id < first_id) return false;
  return from <= max_deleted_id;
}

int64_t StreamValue::entries_added_until(StreamId id) const {
  // The counter and the edges of the stream allow it to be known in these cases only.
  if (entries_added == 0) return 0;
  const auto added = static_cast<int64_t>(entries_added);
  if (length_ == 0 && id <= last_id) return added;
  if (id == last_id) return added;
  if (id > last_id) return StreamGroup::kUnknown;  // an ID of the future
  if (max_deleted_id == StreamId{} || max_deleted_id < first_id) {
    const auto before = added - static_cast<int64_t>(length_);
    if (id < first_id) return before;
    if (id == first_id) return before + 1;
  }
  return StreamGroup::kUnknown;
}

StreamGroup* StreamValue::find_group(std::string_view name) {
  const auto at = groups.find(name);
  return at == groups.end() ? nullptr : &at->second;
}

size_t StreamValue::radix_nodes() const {
  std::vector<std::array<uint8_t, 16>> keys;
  for (size_t i = first_; i < chunks_.size(); ++i) keys.push_back(big_endian(chunks_[i]->id));
  return keys.empty() ? 1 : radix_nodes_of(keys, 0);
}

void StreamValue::adopt_chunk(StreamId id, std::string_view listpack) {
  auto* chunk = counted_new<Chunk>();
  chunk->id = id;
  chunk->pack = Listpack(listpack);
  chunks_.push_back(chunk);
}

void StreamValue::for_each_chunk(const std::function<void(StreamId, std::string_view)>& visit) const {
  for (size_t i = first_; i < chunks_.size(); ++i) visit(chunks_[i]->id, chunks_[i]->pack.bytes());
}

void StreamValue::copy_from(const StreamValue& other) {
  other.for_each_chunk([this](StreamId id, std::string_view listpack) { adopt_chunk(id, listpack); });
  length_ = other.length_;
  last_id = other.last_id;
  first_id = other.first_id;
  max_deleted_id = other.max_deleted_id;
  entries_added = other.entries_added;
  for (const auto& [name, group] : other.groups) {
    StreamGroup& copy = groups[name];
    copy.last_id = group.last_id;
    copy.entries_read = group.entries_read;
    for (const auto& [consumer, state] : group.consumers) copy.add_consumer(consumer, state.seen_ms);
    for (const auto& [id, delivery] : group.pending) {
      copy.assign(id, *copy.find_consumer(delivery.consumer->first), delivery.time_ms, delivery.count);
    }
  }
}

}  // namespace compozy::redis
