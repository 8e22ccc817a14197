// SPDX-License-Identifier: Apache-2.0
#include "redis/session/session.hpp"

#include <algorithm>

#include <unistd.h>

namespace compozy::redis {

FileInTransfer::~FileInTransfer() { ::close(fd); }

void Session::watch(Keyspace& space, size_t db, std::string_view key) {
  for (const Watched& watched : watched_) {
    if (watched.database == db && watched.key == key) return;
  }
  const bool absent = space.database(db).peek(key) == nullptr;
  space.database(db).watch(key, watch_flag_);
  watched_.push_back({.database = db, .key = std::string(key), .absent = absent});
}

void Session::unwatch_all(Keyspace& space) {
  for (const Watched& watched : watched_) space.database(watched.database).unwatch(watched.key, watch_flag_);
  watched_.clear();
  watch_flag_.dirty = false;
}

bool Session::watched_key_changed(Keyspace& space) {
  if (watch_flag_.dirty) return true;
  // Expiry is a change; that a key is past its deadline which was absent before (SWAPDB brought it) is none.
  return std::ranges::any_of(watched_, [&](const Watched& watched) {
    const Entry* entry = space.database(watched.database).look(watched.key);
    return !watched.absent && entry != nullptr && entry->has_deadline() && entry->deadline_ms() < space.now_ms();
  });
}

void Session::queue_command(const Row& row, uint32_t flags, std::vector<std::string> args) {
  transaction_memory_ += sizeof(QueuedCommand);
  for (const std::string& arg : args) transaction_memory_ += sizeof(std::string) + arg.size();
  queue.push_back({&row, flags, std::move(args)});
}

void Session::discard_transaction(Keyspace& space) {
  in_multi = false;
  multi_failed = false;
  queue.clear();
  transaction_memory_ = 0;
  unwatch_all(space);
}

}  // namespace compozy::redis
