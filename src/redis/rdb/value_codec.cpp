// SPDX-License-Identifier: Apache-2.0
#include "redis/rdb/value_codec.hpp"

#include <cmath>
#include <cstdlib>
#include <memory>
#include <utility>
#include <vector>

#include "redis/rdb/crc64.hpp"
#include "redis/rdb/old_encodings.hpp"
#include "redis/rdb/stream_codec.hpp"
#include "redis/resp/reply_writer.hpp"

namespace compozy::redis {

namespace {

constexpr uint64_t kPlainNode = 1;
constexpr uint64_t kPackedNode = 2;
constexpr size_t kNodeBytes = 8192;
constexpr size_t kFooter = 10;

struct Freed {
  template <class V>
  void operator()(V* value) const {
    counted_delete(value);
  }
};
template <class V>
using Owned = std::unique_ptr<V, Freed>;

template <class V>
Owned<V> make() {
  return Owned<V>(counted_new<V>());
}

template <class V>
std::optional<LoadedValue> loaded(Type type, Owned<V> value) {
  const bool empty = type != Type::stream && value->size() == 0;
  return LoadedValue(type, empty ? nullptr : value.release());
}

void write_list(RdbWriter& out, const ListValue& list) {
  std::vector<Listpack> nodes;
  auto cursor = list.locate(0);
  do {
    if (nodes.empty() || nodes.back().size() + list.get(cursor).size() > kNodeBytes) nodes.emplace_back();
    nodes.back().append(list.get(cursor));
  } while (list.advance(cursor));
  out.length(nodes.size());
  for (const Listpack& node : nodes) {
    out.length(kPackedNode);
    out.string(node.bytes());
  }
}

void write_hash(RdbWriter& out, const HashValue& hash) {
  if (hash.is_table()) {
    out.length(hash.size());
    hash.for_each([&](std::string_view name, std::string_view value) {
      out.string(name);
      out.string(value);
    });
    return;
  }
  Listpack pack;
  hash.for_each([&](std::string_view name, std::string_view value) {
    pack.append(name);
    pack.append(value);
  });
  out.string(pack.bytes());
}

void write_set(RdbWriter& out, const SetValue& set) {
  if (set.is_table()) {
    out.length(set.size());
    set.for_each([&](std::string_view member) { out.string(member); });
    return;
  }
  std::vector<int64_t> integers;
  set.for_each([&](std::string_view member) {
    int64_t value = 0;
    is_canonical_integer(member, value);
    integers.push_back(value);
  });
  const auto fits = [&](int64_t min, int64_t max) { return integers.front() >= min && integers.back() <= max; };
  const size_t width = fits(INT16_MIN, INT16_MAX) ? 2 : fits(INT32_MIN, INT32_MAX) ? 4 : 8;
  std::string bytes;
  RdbWriter inner(bytes);
  inner.little_endian(width, 4);
  inner.little_endian(integers.size(), 4);
  for (const int64_t value : integers) inner.little_endian(static_cast<uint64_t>(value), width);
  out.string(bytes);
}

void write_zset(RdbWriter& out, const ZSetValue& zset) {
  if (zset.is_large()) {
    out.length(zset.size());
    zset.for_each(0, zset.size(), true, [&](const ScoredMember& member) {
      out.string(member.text());
      out.binary_double(member.score);
    });
    return;
  }
  Listpack pack;
  zset.for_each([&](const ScoredMember& member) {
    pack.append(member.text());
    pack.append(format_reply_double(member.score));
  });
  out.string(pack.bytes());
}

// ---- reading ----

// Calls visit with each text of a packed value of any age; false: not well formed.
bool read_packed(RdbReader& in, RdbType type, const VisitText& visit) {
  std::string bytes;
  if (!in.string(bytes)) return false;
  if (type == RdbType::hash_zipmap) return read_zipmap(bytes, visit) || in.fail();
  if (type == RdbType::hash_ziplist || type == RdbType::zset_ziplist || type == RdbType::list_ziplist) {
    return read_ziplist(bytes, visit) || in.fail();
  }
  if (!ListpackView::valid(bytes)) return in.fail();
  const ListpackView view(bytes);
  for (uint32_t at = view.begin(); at < view.end(); at = view.next(at)) {
    ListpackItem::Digits digits;
    visit(view.get(at).text(digits));
  }
  return true;
}

// As above, in pairs.
bool read_packed_pairs(RdbReader& in, RdbType type,
                       const std::function<void(const std::string& first, std::string_view second)>& visit) {
  std::string first;
  bool odd = false;
  const bool good = read_packed(in, type, [&](std::string_view text) {
    odd = !odd;
    if (odd) {
      first.assign(text);
    } else {
      visit(first, text);
    }
  });
  return good && (!odd || in.fail());
}

std::optional<LoadedValue> read_list(RdbReader& in, RdbType type) {
  auto list = make<ListValue>();
  const VisitText push = [&](std::string_view text) { list->push_back(text); };
  uint64_t count = 1;
  if (type != RdbType::list_ziplist && !in.length(count)) return std::nullopt;
  std::string text;
  for (uint64_t i = 0; i < count; ++i) {
    uint64_t container = kPackedNode;
    if (type == RdbType::list_quicklist_2 && !in.length(container)) return std::nullopt;
    if (container != kPackedNode && container != kPlainNode) return std::nullopt;
    if (type == RdbType::list || container == kPlainNode) {
      if (!in.string(text)) return std::nullopt;
      push(text);
    } else if (!read_packed(in, type == RdbType::list_quicklist_2 ? type : RdbType::list_ziplist, push)) {
      return std::nullopt;
    }
  }
  return loaded(Type::list, std::move(list));
}

std::optional<LoadedValue> read_hash(RdbReader& in, RdbType type, const EncodingLimits& limits) {
  auto hash = make<HashValue>();
  bool unique = true;
  const auto set = [&](std::string_view name, std::string_view value) {
    unique = hash->set(name, value, limits.hash) && unique;
  };
  if (type == RdbType::hash) {
    uint64_t count = 0;
    std::string name;
    std::string value;
    if (!in.length(count)) return std::nullopt;
    if (count > limits.hash.entries) hash->use_table();
    for (uint64_t i = 0; i < count && unique; ++i) {
      if (!in.string(name) || !in.string(value)) return std::nullopt;
      set(name, value);
    }
  } else if (!read_packed_pairs(in, type, set)) {
    return std::nullopt;
  }
  if (!unique) return std::nullopt;
  return loaded(Type::hash, std::move(hash));
}

std::optional<LoadedValue> read_set(RdbReader& in, RdbType type, const EncodingLimits& limits) {
  auto set = make<SetValue>();
  bool unique = true;
  if (type == RdbType::set) {
    uint64_t count = 0;
    std::string member;
    if (!in.length(count)) return std::nullopt;
    if (count > limits.intset_entries) set->use_table();
    for (uint64_t i = 0; i < count && unique; ++i) {
      if (!in.string(member)) return std::nullopt;
      unique = set->add(member, limits.intset_entries);
    }
  } else {
    std::string bytes;
    const auto add = [&](int64_t value) { set->add(std::to_string(value), limits.intset_entries); };
    if (!in.string(bytes) || !read_intset(bytes, add)) return std::nullopt;
  }
  if (!unique) return std::nullopt;
  return loaded(Type::set, std::move(set));
}

std::optional<LoadedValue> read_zset(RdbReader& in, RdbType type, const EncodingLimits& limits) {
  auto zset = make<ZSetValue>();
  bool good = true;
  const auto add = [&](std::string_view member, double score) {
    good = good && !std::isnan(score) && zset->set(member, score, limits.zset);
  };
  if (type == RdbType::zset || type == RdbType::zset_text) {
    uint64_t count = 0;
    std::string member;
    double score = 0;
    if (!in.length(count)) return std::nullopt;
    for (uint64_t i = 0; i < count && good; ++i) {
      if (!in.string(member)) return std::nullopt;
      if (type == RdbType::zset ? !in.binary_double(score) : !in.text_double(score)) return std::nullopt;
      add(member, score);
    }
  } else {
    const bool pairs = read_packed_pairs(in, type, [&](const std::string& member, std::string_view text) {
      const std::string copy(text);
      char* end = nullptr;
      const double score = std::strtod(copy.c_str(), &end);
      good = good && end == copy.c_str() + copy.size() && !copy.empty();
      add(member, score);
    });
    if (!pairs) return std::nullopt;
  }
  if (!good) return std::nullopt;
  return loaded(Type::zset, std::move(zset));
}

std::optional<LoadedValue> read_stream_value(RdbReader& in, RdbType type) {
  auto stream = make<StreamValue>();
  if (!read_stream(in, type == RdbType::stream_2, *stream)) return std::nullopt;
  return loaded(Type::stream, std::move(stream));
}

}  // namespace

void LoadedValue::add_to(Database& database, std::string_view key, int64_t deadline_ms) {
  if (type_ == Type::string) {
    database.set_string(key, text);
    if (deadline_ms >= 0) database.set_deadline(key, deadline_ms);
    return;
  }
  database.add(key, type_, std::exchange(value_, nullptr), deadline_ms);
}

void write_type(RdbWriter& out, const Entry& entry) {
  switch (entry.type) {
    case Type::string: return out.type(RdbType::string);
    case Type::list: return out.type(RdbType::list_quicklist_2);
    case Type::hash: return out.type(entry.value<HashValue>().is_table() ? RdbType::hash : RdbType::hash_listpack);
    case Type::set: return out.type(entry.value<SetValue>().is_table() ? RdbType::set : RdbType::set_intset);
    case Type::zset: return out.type(entry.value<ZSetValue>().is_large() ? RdbType::zset : RdbType::zset_listpack);
    case Type::stream: return out.type(RdbType::stream_2);
  }
}

void write_value(RdbWriter& out, const Entry& entry) {
  switch (entry.type) {
    case Type::string: return out.string(entry.string());
    case Type::list: return write_list(out, entry.value<ListValue>());
    case Type::hash: return write_hash(out, entry.value<HashValue>());
    case Type::set: return write_set(out, entry.value<SetValue>());
    case Type::zset: return write_zset(out, entry.value<ZSetValue>());
    case Type::stream: return write_stream(out, entry.value<StreamValue>());
  }
}

std::optional<LoadedValue> read_value(RdbReader& in, uint8_t type, const EncodingLimits& limits) {
  const auto kind = static_cast<RdbType>(type);
  switch (kind) {
    case RdbType::string: {
      LoadedValue value;
      if (!in.string(value.text)) return std::nullopt;
      return value;
    }
    case RdbType::list:
    case RdbType::list_ziplist:
    case RdbType::list_quicklist:
    case RdbType::list_quicklist_2: return read_list(in, kind);
    case RdbType::hash:
    case RdbType::hash_zipmap:
    case RdbType::hash_ziplist:
    case RdbType::hash_listpack: return read_hash(in, kind, limits);
    case RdbType::set:
    case RdbType::set_intset: return read_set(in, kind, limits);
    case RdbType::zset_text:
    case RdbType::zset:
    case RdbType::zset_ziplist:
    case RdbType::zset_listpack: return read_zset(in, kind, limits);
    case RdbType::stream:
    case RdbType::stream_2: return read_stream_value(in, kind);
  }
  return std::nullopt;
}

std::string dump_payload(const Entry& entry) {
  std::string payload;
  RdbWriter out(payload);
  write_type(out, entry);
  write_value(out, entry);
  out.little_endian(kRdbVersion, 2);
  out.little_endian(crc64(0, payload), 8);
  return payload;
}

std::string_view encoding_name(std::string_view payload) {
  switch (payload.empty() ? RdbType::string : static_cast<RdbType>(payload[0])) {
    case RdbType::string: return "String";
    case RdbType::list: return "List";
    case RdbType::set: return "Set";
    case RdbType::zset_text:
    case RdbType::zset: return "Zset";
    case RdbType::hash: return "Hash";
    case RdbType::hash_zipmap: return "Zipmap";
    case RdbType::list_ziplist: return "List ziplist";
    case RdbType::set_intset: return "Intset";
    case RdbType::zset_ziplist: return "Zset ziplist";
    case RdbType::hash_ziplist: return "Hash ziplist";
    case RdbType::list_quicklist: return "Quicklist ziplist";
    case RdbType::stream:
    case RdbType::stream_2: return "Stream listpack";
    case RdbType::hash_listpack: return "Hash listpack";
    case RdbType::zset_listpack: return "Zset listpack";
    case RdbType::list_quicklist_2: return "Quicklist listpack";
  }
  return "Payload";
}

PayloadError read_payload(std::string_view payload, const EncodingLimits& limits, LoadedValue& value,
                          bool verify_checksum) {
  if (payload.size() < kFooter) return PayloadError::checksum;
  RdbReader footer(payload.substr(payload.size() - kFooter));
  uint64_t version = 0;
  uint64_t checksum = 0;
  footer.little_endian(2, version);
  footer.little_endian(8, checksum);
  if (version > kRdbVersion) return PayloadError::checksum;
  if (verify_checksum && checksum != crc64(0, payload.substr(0, payload.size() - 8))) return PayloadError::checksum;
  RdbReader in(payload.substr(0, payload.size() - kFooter));
  uint8_t type = 0;
  if (!in.byte(type)) return PayloadError::format;
  auto loaded_value = read_value(in, type, limits);
  if (!loaded_value || loaded_value->empty()) return PayloadError::format;
  value = std::move(*loaded_value);
  return PayloadError::none;
}

}  // namespace compozy::redis
