// SPDX-License-Identifier: Apache-2.0
#include "redis/keyspace/database.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <utility>

#include "base/assert.hpp"
#include "redis/keyspace/keyspace.hpp"

namespace compozy::redis {

namespace {

constexpr size_t kLargeElements = 64;
constexpr size_t kLargeBytes = 65536;

// Whether freeing the value takes so long that nobody should wait for it.
bool is_large(const Entry& entry) {
  switch (entry.type) {
    case Type::string: return !entry.embedded() && entry.string().size() > kLargeBytes;
    case Type::list: return entry.value<ListValue>().size() > kLargeElements;
    case Type::hash: return entry.value<HashValue>().is_table() && entry.value<HashValue>().size() > kLargeElements;
    case Type::set: return entry.value<SetValue>().is_table() && entry.value<SetValue>().size() > kLargeElements;
    case Type::zset: return entry.value<ZSetValue>().size() > kLargeElements;
    case Type::stream: return entry.value<StreamValue>().size() > kLargeElements;
  }
  return false;
}

}  // namespace

Database::~Database() { free_all(); }

void Database::free_all() {
  keys_.for_each([](Entry& entry) { Entry::free(&entry); });
  keys_.clear();
  deadlines_.clear();
}

bool Database::is_expired(const Entry& entry) const {
  return entry.has_deadline() && !space_.replaying() && space_.now_ms() > entry.deadline_ms();
}

int64_t Database::average_ttl_ms() const {
  int64_t sum = 0;
  int64_t count = 0;
  if (deadlines_.size() == 0) return 0;
  const int64_t now = space_.now_ms();
  deadlines_.scan(expire_cursor_, [&](const Entry& entry) {
    sum += std::max<int64_t>(0, entry.deadline_ms() - now);
    ++count;
  });
  return count == 0 ? 0 : sum / count;
}

void Database::before_change(Entry& entry) {
  if (entry.epoch == space_.epoch()) return;
  if (space_.snapshot() != nullptr) space_.snapshot()->emit(*this, entry);
  entry.epoch = space_.epoch();
}

void Database::expire(Entry& entry) {
  const std::string key(entry.key());
  erase(key, space_.lazy_expire ? Release::lazily : Release::now);
  if (space_.events() != nullptr) space_.events()->key_expired(*this, key);
  modified(key);
}

Entry* Database::live(uint64_t hash, std::string_view key, bool for_write) {
  Entry* entry = keys_.find(hash, key);
  if (entry == nullptr || !is_expired(*entry)) return entry;
  // What is only hidden must not be in the way of a write.
  if (for_write || !space_.expiry_paused()) expire(*entry);
  return nullptr;
}

bool Database::expire_if_overdue(std::string_view key) {
  Entry* entry = keys_.find(table_hash(key), key);
  if (entry == nullptr || !entry->has_deadline()) return true;
  if (!is_expired(*entry)) return false;
  expire(*entry);
  return true;
}

void Database::prefetch_keys(std::span<const std::string_view> keys) const {
  std::array<uint64_t, kAheadMax> hashes;
  const size_t count = std::min(keys.size(), kAheadMax);
  for (size_t i = 0; i < count; ++i) {
    hashes[i] = table_hash(keys[i]);
    keys_.prefetch(hashes[i]);
  }
  for (size_t i = 0; i < count; ++i) keys_.prefetch_item(hashes[i]);
}

const Entry* Database::peek(std::string_view key) { return live(table_hash(key), key); }

const Entry* Database::find(std::string_view key) {
  Entry* entry = live(table_hash(key), key);
  if (entry != nullptr) space_.used(*entry);
  return entry;
}

Entry* Database::find_for_write(std::string_view key) {
  Entry* entry = live(table_hash(key), key, true);
  if (entry == nullptr) return nullptr;
  before_change(*entry);
  space_.used(*entry);
  return entry;
}

// `fresh` takes the place of `old`, whose shell is freed.
Entry* Database::moved(uint64_t hash, Entry* old, Entry* fresh) {
  fresh->lru = old->lru;
  fresh->epoch = old->epoch;
  Entry** slot = keys_.find_slot(hash, old->key());
  const bool indexed = old->has_deadline();
  if (indexed && fresh->has_deadline()) {
    *deadlines_.find_slot(hash, old->key()) = fresh;
  } else if (indexed) {
    deadlines_.erase(hash, old->key());
  }
  *slot = fresh;
  if (!indexed && fresh->has_deadline()) deadlines_.insert(hash, fresh);
  Entry::free_shell(old);
  return fresh;
}

Entry* Database::add(std::string_view key, Type type, void* value, int64_t deadline_ms) {
  const uint64_t hash = table_hash(key);
  if (space_.expiry_paused()) live(hash, key, true);
  Entry* entry = Entry::make(key, type, deadline_ms >= 0, false, 0);
  entry->set_pointer(value);
  entry->lru = space_.fresh_use() & 0xffffff;
  entry->epoch = space_.epoch();
  if (deadline_ms >= 0) entry->set_deadline(deadline_ms);
  keys_.insert(hash, entry);
  if (deadline_ms >= 0) deadlines_.insert(hash, entry);
  if (deadline_ms >= 0 && space_.expiry_paused()) space_.note_own_deadline(index_, key);
  space_.added(*this, key);
  return entry;
}

void Database::set_string(std::string_view key, std::string_view value, bool keep_deadline) {
  const uint64_t hash = table_hash(key);
  Entry* old = live(hash, key, true);
  const bool deadline = old != nullptr && keep_deadline && old->has_deadline();
  const size_t whole = sizeof(Entry) + (deadline ? 8 : 0) + key.size() + value.size();
  const bool embedded = whole <= Entry::kEmbeddedMax;
  if (old != nullptr) {
    before_change(*old);
    const bool same_shell = old->type == Type::string && embedded && old->embedded() &&
                            old->has_deadline() == deadline && old->value_size() == value.size();
    if (same_shell) {
      if (!value.empty()) std::memmove(old->value_bytes(), value.data(), value.size());
      old->flags &= static_cast<uint8_t>(~Entry::kEncoding);
      space_.used(*old);
      return;
    }
  }
  Entry* fresh = Entry::make(key, Type::string, deadline, embedded, value.size());
  fresh->lru = space_.fresh_use() & 0xffffff;
  fresh->epoch = space_.epoch();
  if (deadline) fresh->set_deadline(old->deadline_ms());
  if (embedded) {
    if (!value.empty()) std::memcpy(fresh->value_bytes(), value.data(), value.size());
  } else {
    LargeString* large = make_large_string(value.size(), value.size());
    std::memcpy(large->bytes(), value.data(), value.size());
    fresh->set_pointer(large);
  }
  if (old == nullptr) {
    keys_.insert(hash, fresh);
    space_.added(*this, key);
    return;
  }
  if (!old->embedded()) end_value(*old, Release::later);
  moved(hash, old, fresh);
  space_.used(*fresh);
}

char* Database::resize_string(std::string_view key, size_t size) {
  const uint64_t hash = table_hash(key);
  Entry* entry = live(hash, key, true);
  if (entry == nullptr) {
    LargeString* large = make_large_string(size, size);
    std::memset(large->bytes(), 0, size);
    add(key, Type::string, large)->flags |= Entry::kRaw;
    return large->bytes();
  }
  before_change(*entry);
  const size_t old_size = entry->string().size();
  if (entry->embedded()) {
    // It leaves the entry: whoever appends once appends again.
    LargeString* large = make_large_string(size, std::max(size, old_size) + 32);
    if (old_size > 0) std::memcpy(large->bytes(), entry->string().data(), std::min(size, old_size));
    Entry* fresh = Entry::make(key, Type::string, entry->has_deadline(), false, 0);
    if (entry->has_deadline()) fresh->set_deadline(entry->deadline_ms());
    fresh->set_pointer(large);
    entry = moved(hash, entry, fresh);
  } else if (size > entry->value<LargeString>().capacity) {
    LargeString* old = &entry->value<LargeString>();
    // Doubling up to a megabyte, then a megabyte at a time, as Redis does.
    LargeString* large = make_large_string(size, size < (1U << 20) ? size * 2 : size + (1U << 20));
    std::memcpy(large->bytes(), old->bytes(), old_size);
    free_large_string(old);
    entry->set_pointer(large);
  }
  auto& large = entry->value<LargeString>();
  large.size = size;
  if (size > old_size) std::memset(large.bytes() + old_size, 0, size - old_size);
  entry->flags |= Entry::kRaw;
  return large.bytes();
}

Entry* Database::detach(std::string_view key) {
  if (keys_.size() == 0) return nullptr;
  const uint64_t hash = table_hash(key);
  Entry* entry = keys_.find(hash, key);
  if (entry == nullptr) return nullptr;
  before_change(*entry);
  if (entry->has_deadline()) deadlines_.erase(hash, key);
  keys_.erase(hash, key);
  return entry;
}

void Database::end_value(const Entry& entry, Release release) {
  if (release == Release::now || !is_large(entry)) return free_value(entry.type, entry.pointer());
  if (release == Release::lazily) ++space_.lazily_freed;
  space_.reclaimer().take([type = entry.type, value = entry.pointer()] { free_value(type, value); });
}

bool Database::erase(std::string_view key, Release release) {
  Entry* entry = detach(key);
  if (entry == nullptr) return false;
  if (!entry->embedded()) end_value(*entry, release);
  Entry::free_shell(entry);
  return true;
}

void* Database::release_value(Entry* entry) {
  void* value = nullptr;
  if (entry->embedded()) {
    const std::string_view text = entry->string();
    LargeString* large = make_large_string(text.size(), text.size());
    if (!text.empty()) std::memcpy(large->bytes(), text.data(), text.size());
    value = large;
  } else {
    value = entry->pointer();
  }
  Entry::free_shell(entry);
  return value;
}

void Database::set_deadline(std::string_view key, int64_t deadline_ms) {
  const uint64_t hash = table_hash(key);
  Entry* entry = keys_.find(hash, key);
  ASSERT(entry != nullptr);
  before_change(*entry);
  if (space_.expiry_paused()) space_.note_own_deadline(index_, key);
  if (entry->has_deadline()) {
    entry->set_deadline(deadline_ms);
    return;
  }
  Entry* fresh = Entry::make(key, entry->type, true, entry->embedded(), entry->value_size());
  fresh->flags |= entry->flags & Entry::kEncoding;
  fresh->set_deadline(deadline_ms);
  if (entry->embedded()) {
    if (entry->value_size() > 0) std::memcpy(fresh->value_bytes(), entry->value_bytes(), entry->value_size());
  } else {
    fresh->set_pointer(entry->pointer());
  }
  moved(hash, entry, fresh);
}

bool Database::persist(std::string_view key) {
  const uint64_t hash = table_hash(key);
  Entry* entry = live(hash, key);
  if (entry == nullptr || !entry->has_deadline()) return false;
  before_change(*entry);
  Entry* fresh = Entry::make(key, entry->type, false, entry->embedded(), entry->value_size());
  fresh->flags |= entry->flags & Entry::kEncoding;
  if (entry->embedded()) {
    if (entry->value_size() > 0) std::memcpy(fresh->value_bytes(), entry->value_bytes(), entry->value_size());
  } else {
    fresh->set_pointer(entry->pointer());
  }
  moved(hash, entry, fresh);
  return true;
}

void Database::clear(Release release) {
  if (space_.snapshot() != nullptr && keys_.size() > 0) space_.snapshot()->abandon();
  touch_all_watched();
  if (release == Release::lazily && keys_.size() > 0) {
    // The tables go as they are; their keys are freed with them.
    const uint64_t objects = keys_.size();
    auto tables = std::make_shared<std::pair<Table<KeyTraits>, Table<KeyTraits>>>();
    tables->first.swap(keys_);
    tables->second.swap(deadlines_);
    space_.lazily_freed += objects;
    space_.reclaimer().take(
        [tables = std::move(tables)]() mutable {
          tables->first.for_each([](Entry& entry) { Entry::free(&entry); });
          tables.reset();
        },
        objects);
  } else {
    free_all();
  }
  expire_cursor_ = 0;
}

void Database::swap_contents(Database& other) {
  keys_.swap(other.keys_);
  deadlines_.swap(other.deadlines_);
  std::swap(expire_cursor_, other.expire_cursor_);
}

const Entry* Database::random() {
  constexpr int kTriesMax = 100;
  int tries = 0;
  while (keys_.size() > 0) {
    Entry* entry = keys_.random(space_.random());
    if (!is_expired(*entry)) return entry;
    if (space_.expiry_paused()) {
      if (++tries == kTriesMax) return entry;
      continue;
    }
    expire(*entry);
  }
  return nullptr;
}

const Entry* Database::sample(bool with_deadline) const {
  const auto& table = with_deadline ? deadlines_ : keys_;
  return table.size() == 0 ? nullptr : table.random(space_.random());
}

Database::Expired Database::expire_some(size_t buckets) {
  Expired result;
  std::vector<Entry*> dead;
  for (size_t i = 0; i < buckets && deadlines_.size() > 0; ++i) {
    dead.clear();
    expire_cursor_ = deadlines_.scan(expire_cursor_, [&](Entry& entry) {
      ++result.seen;
      if (is_expired(entry)) dead.push_back(&entry);
    });
    for (Entry* entry : dead) expire(*entry);
    result.deleted += dead.size();
    if (expire_cursor_ == 0) break;
  }
  return result;
}

bool Database::step_rehash(size_t buckets) {
  const bool keys = keys_.step(buckets);
  return deadlines_.step(buckets) || keys;
}

void Database::watch(std::string_view key, WatchFlag& flag) { watchers_[std::string(key)].push_back(&flag); }

void Database::unwatch(std::string_view key, WatchFlag& flag) {
  const auto at = watchers_.find(key);
  if (at == watchers_.end()) return;
  std::erase(at->second, &flag);
  if (at->second.empty()) watchers_.erase(at);
}

void Database::modified(std::string_view key) {
  if (watchers_.empty()) return;
  const auto at = watchers_.find(key);
  if (at == watchers_.end()) return;
  for (WatchFlag* flag : at->second) flag->dirty = true;
}

void Database::touch_all_watched() {
  for (const auto& [key, flags] : watchers_) {
    // A key past its deadline counts as absent: whether it goes, comes or stays so changes nothing.
    const Entry* entry = keys_.find(key);
    if (entry == nullptr || is_expired(*entry)) continue;
    for (WatchFlag* flag : flags) flag->dirty = true;
  }
}

void* copy_value(const Entry& entry, Keyspace& space) {
  switch (entry.type) {
    case Type::string: {
      const std::string_view text = entry.string();
      LargeString* copy = make_large_string(text.size(), text.size());
      if (!text.empty()) std::memcpy(copy->bytes(), text.data(), text.size());
      return copy;
    }
    case Type::list: {
      const auto& from = entry.value<ListValue>();
      auto* copy = counted_new<ListValue>();
      auto cursor = from.locate(0);
      do copy->push_back(from.get(cursor));
      while (from.advance(cursor));
      return copy;
    }
    case Type::hash: {
      auto* copy = counted_new<HashValue>();
      entry.value<HashValue>().for_each(
          [&](std::string_view name, std::string_view value) { copy->set(name, value, space.limits.hash); });
      if (entry.value<HashValue>().is_table()) copy->use_table();
      return copy;
    }
    case Type::set: {
      auto* copy = counted_new<SetValue>();
      entry.value<SetValue>().for_each(
          [&](std::string_view member) { copy->add(member, space.limits.intset_entries); });
      if (entry.value<SetValue>().is_table()) copy->use_table();
      return copy;
    }
    case Type::zset: {
      auto* copy = counted_new<ZSetValue>();
      entry.value<ZSetValue>().for_each(
          [&](const ScoredMember& member) { copy->set(member.text(), member.score, space.limits.zset); });
      if (entry.value<ZSetValue>().is_large()) copy->use_large();
      return copy;
    }
    case Type::stream: {
      auto* copy = counted_new<StreamValue>();
      copy->copy_from(entry.value<StreamValue>());
      return copy;
    }
  }
  return nullptr;
}

}  // namespace compozy::redis
