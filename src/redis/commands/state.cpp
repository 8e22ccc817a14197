// SPDX-License-Identifier: Apache-2.0
#include "redis/commands/state.hpp"

#include <algorithm>
#include <array>

#include "redis/commands/config/setting_rows.hpp"
#include "redis/resp/words.hpp"

namespace compozy::redis {

void EffectBuffer::Part::append(size_t database, Args args) {
  if (selected != static_cast<int64_t>(database)) {
    selected = static_cast<int64_t>(database);
    const std::string number = std::to_string(database);
    append_command(bytes, std::array<std::string_view, 2>{"SELECT", number});
  }
  append_command(bytes, args);
  ++count;
}

void EffectBuffer::append(size_t database, Args args) {
  if (!enabled() || targets == kNobody) return;
  if (targets != kBoth && !split_) {
    replicas_ = log_;
    split_ = true;
  }
  if (!split_ || (targets & kLog) != 0) log_.append(database, args);
  if (split_ && (targets & kReplicas) != 0) replicas_.append(database, args);
}

void EffectBuffer::clear() {
  log_.bytes.clear();
  log_.count = 0;
  separate = false;
  if (!std::exchange(split_, false)) return;
  const bool same = replicas_.selected == log_.selected || (!logged && replicas_.selected >= 0);
  if (same) {
    log_.selected = replicas_.selected;
  } else {
    select_again();
  }
  replicas_ = {};
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
  by_command.assign(by_command.size(), CommandStats{});
  net_input_bytes = net_output_bytes = reads = writes = unexpected_errors = evicted_clients = 0;
  reply_buffer_shrinks = reply_buffer_expands = 0;
  commands = connections = rejected_connections = expired_keys = evicted_keys = keyspace_hits = keyspace_misses =
      errors = 0;
  errors_by_code.clear();
  commands_rate = input_rate = output_rate = replication_input_rate = replication_output_rate = {};
}

void Stats::sample(int64_t now_us, const Replication& replication) {
  commands_rate.sample(now_us, commands);
  input_rate.sample(now_us, net_input_bytes);
  output_rate.sample(now_us, net_output_bytes);
  replication_input_rate.sample(now_us, replication.received_bytes);
  replication_output_rate.sample(now_us, replication.sent_bytes);
}

ServerState::ServerState(const Clock& clock, Random& random, size_t databases)
    : keyspace(clock, random, databases),
      tracking([this](uint64_t id) { return session_by_id(id); }),
      replication(random) {
  stats.by_command.resize(row_count());
}

Session* ServerState::session_by_id(uint64_t id) const {
  const auto& sessions = engine->sessions();
  const auto at = sessions.find(id);
  return at == sessions.end() ? nullptr : at->second;
}

const Settings::OutputLimit& ServerState::output_limit(std::string_view client_class) const {
  return output_limits_[client_class == "normal" ? 0 : client_class == "slave" ? 1 : 2];
}

void ServerState::end_pause() {
  pause = {};
  keyspace.set_expiry_paused(following.on());
  engine->pause_ended();
}

void ServerState::feed_monitors(const Session& session, bool lua, Args args) {
  const int64_t now_us = keyspace.clock().wall_ms() * 1000;
  std::string line = "+" + std::to_string(now_us / 1'000'000) + ".";
  const std::string micros = std::to_string(now_us % 1'000'000);
  line.append(6 - micros.size(), '0').append(micros);
  line += " [" + std::to_string(session.database) + " " + (lua ? "lua" : session.address) + "]";
  for (const std::string_view arg : args) line.append(" ").append(quote_word(arg));
  line += "\r\n";
  for (const auto& [id, watcher] : engine->sessions()) {
    if (!watcher->monitors) continue;
    watcher->outbox.bytes += line;
    watcher->notify();
  }
}

std::string ServerState::apply_setting(const SettingRow& row, const Settings& before) {
  if (row.name == "repl-backlog-size") replication.trim(settings.repl_backlog_size);
  if (row.name == "requirepass") acl.set_default_password(settings.requirepass);
  if (row.name == "acl-pubsub-default") acl.pubsub_open_by_default = settings.acl_pubsub_default == "allchannels";
  if (row.name == "slowlog-max-len") slow_log.trim(settings.slowlog_max_len);
  if (row.name == "acllog-max-len") acl.trim_log(settings.acllog_max_len);
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
  return kEmptyServer + keyspace.memory().used + machines + clients_memory +
         static_cast<int64_t>(replication.stream.memory());
}

int64_t ServerState::stream_beyond_backlog() const {
  if (replication.replicas.empty()) return 0;
  return std::max<int64_t>(0, static_cast<int64_t>(replication.stream.memory()) - settings.repl_backlog_size);
}

void ServerState::apply_settings() {
  notifications.set_flags(settings.notify_keyspace_events);
  keyspace.set_tells_additions(notifications.wants(EventClass::added));
  keyspace.set_use_tracking({.frequency = settings.maxmemory_policy.ends_with("-lfu"),
                             .log_factor = settings.lfu_log_factor,
                             .decay_minutes = settings.lfu_decay_time});
  output_limits_ = {settings.output_limit("normal"), settings.output_limit("slave"), settings.output_limit("pubsub")};
  const auto size = [](int64_t value) { return static_cast<size_t>(value); };
  keyspace.limits.hash = {size(settings.hash_max_listpack_entries), size(settings.hash_max_listpack_value)};
  keyspace.limits.zset = {size(settings.zset_max_listpack_entries), size(settings.zset_max_listpack_value)};
  keyspace.limits.stream = {size(settings.stream_node_max_bytes), size(settings.stream_node_max_entries)};
  keyspace.lazy_expire = settings.lazyfree_lazy_expire;
  keyspace.limits.intset_entries = size(settings.set_max_intset_entries);
}

}  // namespace compozy::redis
