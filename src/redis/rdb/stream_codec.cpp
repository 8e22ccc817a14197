// SPDX-License-Identifier: Apache-2.0
#include "redis/rdb/stream_codec.hpp"

#include <string>

namespace compozy::redis {

namespace {

void write_id(RdbWriter& out, StreamId id) {
  out.length(id.ms);
  out.length(id.seq);
}

std::string id_bytes(StreamId id) {
  std::string bytes;
  for (const uint64_t half : {id.ms, id.seq}) {
    for (int shift = 56; shift >= 0; shift -= 8) bytes += static_cast<char>((half >> shift) & 0xff);
  }
  return bytes;
}

StreamId id_of(std::string_view bytes) {
  StreamId id;
  for (size_t i = 0; i < 8; ++i) {
    id.ms = (id.ms << 8) | static_cast<uint8_t>(bytes[i]);
    id.seq = (id.seq << 8) | static_cast<uint8_t>(bytes[8 + i]);
  }
  return id;
}

bool read_id(RdbReader& in, StreamId& id) { return in.length(id.ms) && in.length(id.seq); }

bool read_raw_id(RdbReader& in, StreamId& id) {
  std::string_view bytes;
  if (!in.raw(16, bytes)) return false;
  id = id_of(bytes);
  return true;
}

// Walks integers and texts of a chunk; fails at its end or where a number is expected and a text stands.
class ChunkWalk {
 public:
  explicit ChunkWalk(std::string_view bytes) : view_(bytes), at_(view_.begin()) {}
  bool at_end() const { return at_ >= view_.end(); }
  bool number(int64_t& value) {
    if (at_end()) return false;
    const ListpackItem item = view_.get(at_);
    if (!item.is_number) return false;
    value = item.number;
    return skip(1);
  }
  bool skip(int64_t elements) {
    for (; elements > 0; --elements) {
      if (at_end()) return false;
      at_ = view_.next(at_);
    }
    return true;
  }

 private:
  ListpackView view_;
  uint32_t at_;
};

// Whether a valid listpack is a chunk of a stream: entries and deletions add up, each entry has its elements.
bool is_chunk(std::string_view bytes) {
  constexpr int64_t kManyElements = 1LL << 31;
  ChunkWalk walk(bytes);
  int64_t live = 0;
  int64_t deleted = 0;
  int64_t names = 0;
  int64_t zero = 0;
  if (!walk.number(live) || !walk.number(deleted) || !walk.number(names)) return false;
  if (live < 1 || deleted < 0 || names < 1 || names > kManyElements) return false;
  if (!walk.skip(names) || !walk.number(zero) || zero != 0) return false;
  int64_t seen_live = 0;
  int64_t seen_deleted = 0;
  while (!walk.at_end()) {
    int64_t flags = 0;
    int64_t part = 0;
    int64_t count = names;
    if (!walk.number(flags) || !walk.number(part) || !walk.number(part)) return false;
    if (flags < 0 || flags > 3) return false;
    const bool same = (flags & 2) != 0;
    if (!same && (!walk.number(count) || count < 1 || count > kManyElements)) return false;
    const int64_t elements = same ? count : count * 2;
    int64_t told = 0;
    if (!walk.skip(elements) || !walk.number(told) || told != elements + (same ? 3 : 4)) return false;
    ++((flags & 1) != 0 ? seen_deleted : seen_live);
  }
  return seen_live == live && seen_deleted == deleted;
}

// IDs must grow throughout, and count what is told.
bool is_ordered(const StreamValue& stream) {
  StreamId last;
  bool first = true;
  bool ordered = true;
  size_t count = 0;
  stream.for_each_chunk([&](StreamId id, std::string_view) {
    ordered = ordered && (first || id > last);
    first = false;
    last = id;
  });
  if (!ordered) return false;
  first = true;
  stream.for_each({}, StreamId::max(), false, [&](StreamId id, const StreamValue::Fields&) {
    ordered = first || id > last;
    first = false;
    last = id;
    ++count;
    return ordered;
  });
  return ordered && count == stream.size() && (count == 0 || last <= stream.last_id);
}

bool read_chunks(RdbReader& in, StreamValue& stream) {
  uint64_t chunks = 0;
  if (!in.length(chunks)) return false;
  std::string key;
  std::string bytes;
  for (uint64_t i = 0; i < chunks; ++i) {
    if (!in.string(key) || !in.string(bytes)) return false;
    if (key.size() != 16 || !ListpackView::valid(bytes) || !is_chunk(bytes)) return in.fail();
    stream.adopt_chunk(id_of(key), bytes);
  }
  return true;
}

bool read_consumers(RdbReader& in, StreamGroup& group) {
  uint64_t consumers = 0;
  if (!in.length(consumers)) return false;
  std::string name;
  for (uint64_t i = 0; i < consumers; ++i) {
    uint64_t seen_ms = 0;
    uint64_t pending = 0;
    if (!in.string(name) || !in.little_endian(8, seen_ms) || !in.length(pending)) return false;
    if (group.find_consumer(name) != nullptr) return in.fail();
    auto& consumer = group.add_consumer(name, static_cast<int64_t>(seen_ms));
    for (uint64_t n = 0; n < pending; ++n) {
      StreamId id;
      if (!read_raw_id(in, id)) return false;
      const auto entry = group.pending.find(id);
      if (entry == group.pending.end() || entry->second.consumer != nullptr) return in.fail();
      entry->second.consumer = &consumer;
      consumer.second.pending.insert(id);
    }
  }
  for (const auto& [id, delivery] : group.pending) {
    if (delivery.consumer == nullptr) return in.fail();
  }
  return true;
}

bool read_group(RdbReader& in, bool counters, StreamValue& stream) {
  std::string name;
  if (!in.string(name)) return false;
  const auto [at, created] = stream.groups.try_emplace(StreamGroup::Text(name));
  if (!created) return in.fail();
  StreamGroup& group = at->second;
  uint64_t entries_read = 0;
  if (!read_id(in, group.last_id) || (counters && !in.length(entries_read))) return false;
  group.entries_read = counters ? static_cast<int64_t>(entries_read) : stream.entries_added_until(group.last_id);
  uint64_t pending = 0;
  if (!in.length(pending)) return false;
  for (uint64_t i = 0; i < pending; ++i) {
    StreamId id;
    uint64_t time_ms = 0;
    StreamGroup::Delivery delivery;
    if (!read_raw_id(in, id) || !in.little_endian(8, time_ms) || !in.length(delivery.count)) return false;
    delivery.time_ms = static_cast<int64_t>(time_ms);
    if (!group.pending.emplace(id, delivery).second) return in.fail();
  }
  // Pending entries without a consumer must not be freed as if they had one: consumers are checked to the end.
  return read_consumers(in, group);
}

}  // namespace

void write_stream(RdbWriter& out, const StreamValue& stream) {
  out.length(stream.chunk_count());
  stream.for_each_chunk([&](StreamId id, std::string_view listpack) {
    out.string(id_bytes(id));
    out.string(listpack);
  });
  out.length(stream.size());
  write_id(out, stream.last_id);
  write_id(out, stream.first_id);
  write_id(out, stream.max_deleted_id);
  out.length(stream.entries_added);
  out.length(stream.groups.size());
  for (const auto& [name, group] : stream.groups) {
    out.string(name);
    write_id(out, group.last_id);
    out.length(static_cast<uint64_t>(group.entries_read));
    out.length(group.pending.size());
    for (const auto& [id, delivery] : group.pending) {
      out.raw(id_bytes(id));
      out.little_endian(static_cast<uint64_t>(delivery.time_ms), 8);
      out.length(delivery.count);
    }
    out.length(group.consumers.size());
    for (const auto& [consumer, state] : group.consumers) {
      out.string(consumer);
      out.little_endian(static_cast<uint64_t>(state.seen_ms), 8);
      out.length(state.pending.size());
      for (const StreamId id : state.pending) out.raw(id_bytes(id));
    }
  }
}

bool read_stream(RdbReader& in, bool counters, StreamValue& stream) {
  if (!read_chunks(in, stream)) return false;
  uint64_t length = 0;
  if (!in.length(length) || !read_id(in, stream.last_id)) return false;
  if ((length > 0) != (stream.chunk_count() > 0)) return in.fail();
  stream.set_length(length);
  if (counters) {
    if (!read_id(in, stream.first_id) || !read_id(in, stream.max_deleted_id) || !in.length(stream.entries_added)) {
      return false;
    }
  } else {
    stream.refresh_first_id();
    stream.entries_added = length;
  }
  if (!is_ordered(stream)) return in.fail();
  uint64_t groups = 0;
  if (!in.length(groups)) return false;
  for (uint64_t i = 0; i < groups; ++i) {
    if (!read_group(in, counters, stream)) return false;
  }
  return true;
}

}  // namespace compozy::redis
