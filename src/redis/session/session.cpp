// SPDX-License-Identifier: Apache-2.0
#include "redis/session/session.hpp"

#include <algorithm>

namespace compozy::redis {

void Session::watch(Keyspace& space, size_t db, std::string_view key) {
  for (const auto& [watched_db, watched_key] : watched_) {
    if (watched_db == db && watched_key == key) return;
  }
  space.database(db).peek(key);  // A key that is expired already counts as absent from the start.
  space.database(db).watch(key, watch_flag_);
  watched_.emplace_back(db, key);
}

void Session::unwatch_all(Keyspace& space) {
  for (const auto& [db, key] : watched_) space.database(db).unwatch(key, watch_flag_);
  watched_.clear();
  watch_flag_.dirty = false;
}

bool Session::watched_key_changed(Keyspace& space) {
  for (const auto& [db, key] : watched_) space.database(db).peek(key);  // Expiry is a change.
  return watch_flag_.dirty;
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
