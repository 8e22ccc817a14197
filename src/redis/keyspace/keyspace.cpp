// SPDX-License-Identifier: Apache-2.0
#include "redis/keyspace/keyspace.hpp"

#include <algorithm>

namespace compozy::redis {

namespace {

constexpr size_t kBucketsPerLook = 20;

}  // namespace

Keyspace::Keyspace(const Clock& clock, Random& random, size_t databases) : clock_(clock), random_(random) {
  AccountScope scope(memory_);
  for (size_t i = 0; i < databases; ++i) databases_.push_back(std::make_unique<Database>(*this, i));
}

Keyspace::~Keyspace() {
  AccountScope scope(memory_);
  databases_.clear();
}

void Keyspace::swap_databases(size_t a, size_t b) {
  if (a == b) return;
  if (snapshot_ != nullptr) snapshot_->abandon();
  databases_[a]->touch_all_watched();
  databases_[b]->touch_all_watched();
  databases_[a]->swap_contents(*databases_[b]);
  databases_[a]->touch_all_watched();
  databases_[b]->touch_all_watched();
}

std::vector<std::unique_ptr<Database>> Keyspace::make_spare_databases() {
  std::vector<std::unique_ptr<Database>> spare;
  for (size_t i = 0; i < databases_.size(); ++i) spare.push_back(std::make_unique<Database>(*this, i));
  return spare;
}

void Keyspace::exchange_databases(const std::vector<std::unique_ptr<Database>>& spare) {
  if (snapshot_ != nullptr) snapshot_->abandon();
  for (size_t i = 0; i < databases_.size(); ++i) {
    databases_[i]->touch_all_watched();
    databases_[i]->swap_contents(*spare[i]);
    databases_[i]->touch_all_watched();
  }
  own_deadlines_.clear();
}

void Keyspace::clear(Release release) {
  for (const auto& database : databases_) database->clear(release);
}

size_t Keyspace::key_count() const {
  size_t count = 0;
  for (const auto& database : databases_) count += database->size();
  return count;
}

uint8_t Keyspace::frequency(const Entry& entry) const {
  const uint32_t count = entry.lru & 0xff;
  const uint32_t elapsed = (minute() - (entry.lru >> 8)) & 0xffff;
  const auto periods = tracking_.decay_minutes > 0 ? elapsed / static_cast<uint32_t>(tracking_.decay_minutes) : 0;
  return static_cast<uint8_t>(periods > count ? 0 : count - periods);
}

// The more often a key was used, the less likely one more use counts: 8 bits reach from 1 to a million.
void Keyspace::count_use(Entry& entry) {
  uint32_t count = frequency(entry);
  if (count < 255) {
    const uint64_t above = count > kFreshFrequency ? count - kFreshFrequency : 0;
    const uint64_t odds = above * static_cast<uint64_t>(tracking_.log_factor) + 1;
    if (random_.below(odds) == 0) ++count;
  }
  entry.lru = (minute() << 8 | count) & 0xffffff;
}

void Keyspace::set_snapshot(Snapshot* snapshot) {
  if (snapshot != nullptr) ++epoch_;
  snapshot_ = snapshot;
}

size_t Keyspace::expire_actively(int64_t budget_us) {
  if (replaying_ || expiry_paused_) return 0;
  const int64_t until_us = clock_.monotonic_us() + budget_us;
  size_t deleted = 0;
  for (size_t n = 0; n < databases_.size(); ++n) {
    Database& database = *databases_[expire_database_];
    expire_database_ = (expire_database_ + 1) % databases_.size();
    while (database.volatile_size() > 0) {
      const auto found = database.expire_some(kBucketsPerLook);
      deleted += found.deleted;
      if (clock_.monotonic_us() >= until_us) return deleted;
      if (found.deleted * 10 <= found.seen) break;  // At most a tenth was dead: it is clean enough.
    }
  }
  return deleted;
}

void Keyspace::note_own_deadline(size_t database, std::string_view key) {
  if (!replaying_) own_deadlines_.emplace(database, key);
}

void Keyspace::expire_own() {
  std::erase_if(own_deadlines_, [&](const auto& own) { return databases_[own.first]->expire_if_overdue(own.second); });
}

void Keyspace::rehash_actively(int64_t budget_us) {
  const int64_t until_us = clock_.monotonic_us() + budget_us;
  for (const auto& database : databases_) {
    while (database->step_rehash(64)) {
      if (clock_.monotonic_us() >= until_us) return;
    }
  }
}

}  // namespace compozy::redis
