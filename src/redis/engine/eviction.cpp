// SPDX-License-Identifier: Apache-2.0
#include "redis/engine/eviction.hpp"

#include <algorithm>
#include <cmath>

#include "observe/log.hpp"

namespace compozy::redis {

namespace {

constexpr size_t kPoolMax = 16;
constexpr int kKeysPerLook = 16;  // at the clock

// How long one call may take: up to half a millisecond for `maxmemory-eviction-tenacity` 10, without end for 100.
int64_t time_limit_us(int64_t tenacity) {
  if (tenacity <= 10) return 50 * tenacity;
  if (tenacity >= 100) return INT64_MAX;
  return static_cast<int64_t>(500.0 * std::pow(1.15, static_cast<double>(tenacity) - 10.0));
}

}  // namespace

Eviction::Policy Eviction::policy() const {
  const std::string& name = server_.settings.maxmemory_policy;
  Policy policy;
  policy.volatile_only = name.starts_with("volatile-");
  if (name.ends_with("-lru")) policy.order = Policy::Order::idle;
  if (name.ends_with("-lfu")) policy.order = Policy::Order::frequency;
  if (name.ends_with("-random")) policy.order = Policy::Order::random;
  if (name.ends_with("-ttl")) policy.order = Policy::Order::deadline;
  return policy;
}

Eviction::Room Eviction::make_room() {
  const int64_t limit = server_.settings.maxmemory;
  if (limit <= 0 || server_.limited_memory() <= limit) return Room::enough;
  const Policy chosen = policy();
  if (chosen.order == Policy::Order::none) return Room::none;
  const Clock& clock = server_.keyspace.clock();
  const int64_t started_us = clock.monotonic_us();
  const int64_t allowed_us = time_limit_us(server_.settings.maxmemory_eviction_tenacity);
  Reclaimer& reclaimer = server_.keyspace.reclaimer();
  for (int deleted = 1; server_.limited_memory() > limit; ++deleted) {
    // Large values that went are being freed on another thread: what they held comes back soon, so nobody else goes.
    const bool on_its_way = reclaimer.pending() > 0;
    reclaimer.settle();
    if (server_.limited_memory() <= limit) return Room::enough;
    if (on_its_way) return Room::freeing;
    if (!evict_one(chosen)) return Room::none;
    if (deleted % kKeysPerLook == 0 && clock.monotonic_us() - started_us > allowed_us) return Room::freeing;
  }
  return Room::enough;
}

void Eviction::watch_level() {
  const int64_t limit = server_.settings.maxmemory;
  const int64_t used = limit > 0 ? server_.limited_memory() : 0;
  if (limit <= 0 || used < limit / 10 * 7) {
    warned_ = false;
  } else if (!warned_ && used >= limit / 10 * 8) {
    warned_ = true;
    log::warn("four fifths of the engine's memory are used; at the limit writes are refused or keys are evicted",
              {{"used_bytes", used}, {"limit_bytes", limit}, {"policy", server_.settings.maxmemory_policy}});
  }
}

// The higher, the sooner it goes.
uint64_t Eviction::score_of(const Policy& policy, const Entry& entry) const {
  switch (policy.order) {
    case Policy::Order::idle: return server_.keyspace.idle_seconds(entry);
    case Policy::Order::frequency: return 255U - server_.keyspace.frequency(entry);
    default: return UINT64_MAX - static_cast<uint64_t>(entry.deadline_ms());
  }
}

void Eviction::sample(const Policy& policy) {
  for (size_t i = 0; i < server_.keyspace.database_count(); ++i) {
    const Database& database = server_.keyspace.database(i);
    for (int64_t n = 0; n < server_.settings.maxmemory_samples; ++n) {
      const Entry* entry = database.sample(policy.volatile_only);
      if (entry == nullptr) break;
      const uint64_t score = score_of(policy, *entry);
      if (pool_.size() == kPoolMax && score <= pool_.front().score) continue;
      const auto known = [&](const Candidate& other) { return other.database == i && other.key == entry->key(); };
      if (std::ranges::any_of(pool_, known)) continue;
      if (pool_.size() == kPoolMax) pool_.erase(pool_.begin());
      const auto place = std::ranges::upper_bound(pool_, score, {}, &Candidate::score);
      pool_.insert(place, {.score = score, .database = i, .key = std::string(entry->key())});
    }
  }
}

bool Eviction::evict_random(const Policy& policy) {
  const size_t count = server_.keyspace.database_count();
  for (size_t i = 0; i < count; ++i) {
    Database& database = server_.keyspace.database(next_database_++ % count);
    const Entry* entry = database.sample(policy.volatile_only);
    if (entry == nullptr) continue;
    evict(database, std::string(entry->key()));
    return true;
  }
  return false;
}

bool Eviction::evict_one(const Policy& policy) {
  if (policy.order == Policy::Order::random) return evict_random(policy);
  while (true) {
    sample(policy);
    if (pool_.empty()) return false;
    while (!pool_.empty()) {
      const Candidate best = std::move(pool_.back());
      pool_.pop_back();
      if (best.database >= server_.keyspace.database_count()) continue;
      Database& database = server_.keyspace.database(best.database);
      // It may have gone, or lost its deadline, since it came into the pool.
      const Entry* entry = database.look(best.key);
      if (entry == nullptr || (policy.volatile_only && !entry->has_deadline())) continue;
      evict(database, best.key);
      return true;
    }
  }
}

void Eviction::evict(Database& database, std::string_view key) {
  database.erase(key);
  database.modified(key);
  evicted_(database, key);
}

}  // namespace compozy::redis
