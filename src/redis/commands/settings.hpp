// SPDX-License-Identifier: Apache-2.0
//
// Settings: what CONFIG GET and SET know, under Redis' names. One row per name in settings.cpp; a typed field here.
// Thread: whoever holds the gate; server options are read by the server between turns.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"

namespace compozy::redis {

struct Settings {
  int64_t databases = 16;
  int64_t maxclients = 10000;
  int64_t maxmemory = 0;
  std::string maxmemory_policy = "noeviction";
  int64_t maxmemory_samples = 5;
  std::string requirepass;
  int64_t timeout = 0;
  int64_t tcp_keepalive = 300;
  int64_t port = 0;
  std::string bind = "127.0.0.1";
  std::string unixsocket;
  std::string dir = ".";
  bool appendonly = false;
  std::string appendfsync = "everysec";
  std::string appenddirname = "appendonlydir";
  std::string appendfilename = "appendonly.aof";
  bool aof_load_truncated = true;
  int64_t auto_aof_rewrite_percentage = 100;
  int64_t auto_aof_rewrite_min_size = 64LL * 1024 * 1024;
  int64_t proto_max_bulk_len = 512LL * 1024 * 1024;
  int64_t client_query_buffer_limit = 1024LL * 1024 * 1024;
  std::string client_output_buffer_limit = "normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60";
  int64_t lua_time_limit = 5000;
  int64_t hash_max_listpack_entries = 512;
  int64_t hash_max_listpack_value = 64;
  int64_t set_max_intset_entries = 512;
  int64_t zset_max_listpack_entries = 128;
  int64_t zset_max_listpack_value = 64;
  int64_t hll_sparse_max_bytes = 3000;
  int64_t stream_node_max_bytes = 4096;
  int64_t stream_node_max_entries = 100;
  int64_t list_max_listpack_size = -2;
  int64_t list_compress_depth = 0;
  int64_t hz = 10;
  std::string save;
  std::string notify_keyspace_events;
  std::string loglevel = "notice";
  bool lazyfree_lazy_expire = false;
  bool lazyfree_lazy_eviction = false;
  bool lazyfree_lazy_user_del = false;
  bool activerehashing = true;
  bool active_expire = true;  // DEBUG SET-ACTIVE-EXPIRE
  int64_t slowlog_log_slower_than = 10000;
  int64_t slowlog_max_len = 128;
  int64_t latency_monitor_threshold = 0;
  bool protected_mode = true;
  bool enable_debug_command = true;

  // Names and values whose name matches one of the patterns, as CONFIG GET answers.
  std::vector<std::pair<std::string, std::string>> get(const std::vector<std::string>& patterns) const;
  // The error's message is what follows "ERR CONFIG SET failed (possibly related to argument '<name>') - ".
  Result<void> set(std::string_view name, std::string_view value);
  static bool is_known(std::string_view name);
  static bool is_changeable(std::string_view name);
};

}  // namespace compozy::redis
