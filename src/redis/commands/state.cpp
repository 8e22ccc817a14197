// SPDX-License-Identifier: Apache-2.0
#include "redis/commands/state.hpp"

#include <algorithm>
#include <array>

namespace compozy::redis {

void EffectBuffer::append(size_t database, Args args) {
  if (!enabled) return;
  if (selected_ != static_cast<int64_t>(database)) {
    selected_ = static_cast<int64_t>(database);
    const std::string number = std::to_string(database);
    append_command(bytes_, std::array<std::string_view, 2>{"SELECT", number});
  }
  append_command(bytes_, args);
  ++count_;
}

void EffectBuffer::clear() {
  bytes_.clear();
  count_ = 0;
}

void BlockedKeys::remove(size_t database, std::string_view key) {
  const auto at = waiting_.find({database, std::string(key)});
  if (at != waiting_.end() && --at->second == 0) waiting_.erase(at);
}

void BlockedKeys::touched(size_t database, std::string_view key) {
  Key wanted{database, std::string(key)};
  if (waiting_.contains(wanted) && std::ranges::find(ready_, wanted) == ready_.end())
    ready_.push_back(std::move(wanted));
}

void BlockedKeys::touch_database(size_t database) {
  for (const auto& [key, count] : waiting_) {
    if (key.first == database && std::ranges::find(ready_, key) == ready_.end()) ready_.push_back(key);
  }
}

std::vector<BlockedKeys::Key> BlockedKeys::take_ready() { return std::exchange(ready_, {}); }

void Stats::reset() {
  commands = connections = rejected_connections = expired_keys = evicted_keys = keyspace_hits = keyspace_misses =
      errors = 0;
  errors_by_code.clear();
}

std::string ServerState::apply_setting(const SettingRow& row, const Settings& before) {
  return host == nullptr ? std::string() : host->apply(row, before, settings);
}

bool ServerState::allows_protected(std::string_view choice, const Session& session) const {
  if (choice != "local") return choice == "yes";
  return session.unix_socket || session.address == "embedded" || session.address.starts_with("127.") ||
         session.address.starts_with("[::1]");
}

int64_t ServerState::used_memory() const {
  constexpr int64_t kEmptyServer = 512 * 1024;
  const int64_t machines = scripts == nullptr ? 0 : scripts->memory() + scripts->function_memory();
  return kEmptyServer + keyspace.memory().used + machines;
}

void ServerState::apply_settings() {
  notifications.set_flags(settings.notify_keyspace_events);
  keyspace.set_tells_additions(notifications.wants(EventClass::added));
  keyspace.set_use_tracking({.frequency = settings.maxmemory_policy.ends_with("-lfu"),
                             .log_factor = settings.lfu_log_factor,
                             .decay_minutes = settings.lfu_decay_time});
  const auto size = [](int64_t value) { return static_cast<size_t>(value); };
  keyspace.limits.hash = {size(settings.hash_max_listpack_entries), size(settings.hash_max_listpack_value)};
  keyspace.limits.zset = {size(settings.zset_max_listpack_entries), size(settings.zset_max_listpack_value)};
  keyspace.limits.stream = {size(settings.stream_node_max_bytes), size(settings.stream_node_max_entries)};
  keyspace.lazy_expire = settings.lazyfree_lazy_expire;
  keyspace.limits.intset_entries = size(settings.set_max_intset_entries);
}

}  // namespace compozy::redis
