// SPDX-License-Identifier: Apache-2.0
//
// Settings: what CONFIG GET and SET and redis.conf know, under the names of Redis 7.0: each is a typed field here and a
// row in settings_table.cpp. The values here are those of an engine inside another program; `compozy redis-server`
// starts from redis_server_defaults().
// Settings without a counterpart in this engine (replication, cluster, active defragmentation) are checked and kept.
// Thread: whoever holds the gate; server options are read by the server between turns.
// Source: redis.io/docs/management/config, and the defaults that redis-server 7.0 reports.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"

namespace compozy::redis {

struct SettingRow;

struct Settings {
  std::string acl_pubsub_default = "resetchannels";
  std::string aclfile;
  int64_t acllog_max_len = 128;
  int64_t active_defrag_cycle_max = 25;
  int64_t active_defrag_cycle_min = 1;
  int64_t active_defrag_ignore_bytes = 104857600;
  int64_t active_defrag_max_scan_fields = 1000;
  int64_t active_defrag_threshold_lower = 10;
  int64_t active_defrag_threshold_upper = 100;
  int64_t active_expire_effort = 1;
  bool activedefrag = false;
  bool activerehashing = true;
  bool always_show_logo = false;
  bool aof_disable_auto_gc = false;
  bool aof_load_truncated = true;
  bool aof_rewrite_incremental_fsync = true;
  bool aof_timestamp_enabled = false;
  bool aof_use_rdb_preamble = true;
  std::string aof_rewrite_cpulist;
  std::string appenddirname = "appendonlydir";
  std::string appendfilename = "appendonly.aof";
  std::string appendfsync = "everysec";
  bool appendonly = false;
  int64_t auto_aof_rewrite_min_size = 67108864;
  int64_t auto_aof_rewrite_percentage = 100;
  std::string bgsave_cpulist;
  std::string bind = "127.0.0.1";
  std::string bind_source_addr;
  std::string bio_cpulist;
  int64_t lua_time_limit = 5000;
  std::string client_output_buffer_limit = "normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60";
  int64_t client_query_buffer_limit = 1073741824;
  bool cluster_allow_pubsubshard_when_down = true;
  bool cluster_allow_reads_when_down = false;
  bool cluster_allow_replica_migration = true;
  int64_t cluster_announce_bus_port = 0;
  std::string cluster_announce_hostname;
  std::string cluster_announce_ip;
  int64_t cluster_announce_port = 0;
  int64_t cluster_announce_tls_port = 0;
  std::string cluster_config_file = "nodes.conf";
  bool cluster_enabled = false;
  int64_t cluster_link_sendbuf_limit = 0;
  int64_t cluster_migration_barrier = 1;
  int64_t cluster_node_timeout = 15000;
  int64_t cluster_port = 0;
  std::string cluster_preferred_endpoint_type = "ip";
  bool cluster_replica_no_failover = false;
  int64_t cluster_replica_validity_factor = 10;
  bool cluster_require_full_coverage = true;
  bool crash_log_enabled = true;
  bool crash_memcheck_enabled = true;
  bool daemonize = false;
  int64_t databases = 16;
  std::string dbfilename = "dump.rdb";
  std::string dir = ".";
  bool disable_thp = true;
  bool dynamic_hz = true;
  std::string enable_debug_command = "local";
  std::string enable_module_command = "no";
  std::string enable_protected_configs = "no";
  int64_t hash_max_listpack_entries = 512;
  int64_t hash_max_listpack_value = 64;
  int64_t hll_sparse_max_bytes = 3000;
  int64_t hz = 10;
  std::string ignore_warnings;
  int64_t io_threads = 1;
  bool io_threads_do_reads = false;
  bool jemalloc_bg_thread = true;
  int64_t key_load_delay = 0;
  int64_t latency_monitor_threshold = 0;
  bool latency_tracking = true;
  std::string latency_tracking_info_percentiles = "50 99 99.9";
  bool lazyfree_lazy_eviction = false;
  bool lazyfree_lazy_expire = true;
  bool lazyfree_lazy_server_del = false;
  bool lazyfree_lazy_user_del = false;
  bool lazyfree_lazy_user_flush = false;
  int64_t lfu_decay_time = 1;
  int64_t lfu_log_factor = 10;
  int64_t list_compress_depth = 0;
  int64_t list_max_listpack_size = -2;
  int64_t loading_process_events_interval_bytes = 2097152;
  std::string logfile;
  std::string loglevel = "notice";
  std::string masterauth;
  std::string masteruser;
  int64_t maxclients = 10000;
  int64_t maxmemory = 0;
  int64_t maxmemory_clients = 0;
  int64_t maxmemory_eviction_tenacity = 10;
  std::string maxmemory_policy = "noeviction";
  int64_t maxmemory_samples = 5;
  int64_t min_replicas_max_lag = 10;
  int64_t min_replicas_to_write = 0;
  bool no_appendfsync_on_rewrite = false;
  std::string notify_keyspace_events;
  std::string oom_score_adj = "no";
  std::string oom_score_adj_values = "0 200 800";
  std::string pidfile;
  int64_t port = 0;
  std::string proc_title_template = "{title} {listen-addr} {server-mode}";
  std::string propagation_error_behavior = "ignore";
  bool protected_mode = true;
  int64_t proto_max_bulk_len = 536870912;
  bool rdb_del_sync_files = false;
  int64_t rdb_key_save_delay = 0;
  bool rdb_save_incremental_fsync = true;
  bool rdbchecksum = true;
  bool rdbcompression = true;
  int64_t repl_backlog_size = 1048576;
  int64_t repl_backlog_ttl = 3600;
  bool repl_disable_tcp_nodelay = false;
  std::string repl_diskless_load = "disabled";
  bool repl_diskless_sync = true;
  int64_t repl_diskless_sync_delay = 5;
  int64_t repl_diskless_sync_max_replicas = 0;
  int64_t repl_ping_replica_period = 10;
  int64_t repl_timeout = 60;
  std::string replica_announce_ip;
  int64_t replica_announce_port = 0;
  bool replica_announced = true;
  bool replica_ignore_disk_write_errors = false;
  bool replica_ignore_maxmemory = true;
  bool replica_lazy_flush = false;
  int64_t replica_priority = 100;
  bool replica_read_only = true;
  bool replica_serve_stale_data = true;
  std::string replicaof;
  std::string requirepass;
  std::string sanitize_dump_payload = "no";
  std::string save;
  std::string server_cpulist;
  int64_t set_max_intset_entries = 512;
  bool set_proc_title = true;
  std::string shutdown_on_sigint = "default";
  std::string shutdown_on_sigterm = "default";
  int64_t shutdown_timeout = 10;
  int64_t slowlog_log_slower_than = 10000;
  int64_t slowlog_max_len = 128;
  int64_t socket_mark_id = 0;
  bool stop_writes_on_bgsave_error = true;
  int64_t stream_node_max_bytes = 4096;
  int64_t stream_node_max_entries = 100;
  std::string supervised = "no";
  bool syslog_enabled = false;
  std::string syslog_facility = "local0";
  std::string syslog_ident = "redis";
  int64_t tcp_backlog = 511;
  int64_t tcp_keepalive = 300;
  int64_t timeout = 0;
  std::string tls_auth_clients = "yes";
  std::string tls_ca_cert_dir;
  std::string tls_ca_cert_file;
  std::string tls_cert_file;
  std::string tls_ciphers;
  std::string tls_ciphersuites;
  std::string tls_client_cert_file;
  std::string tls_client_key_file;
  std::string tls_client_key_file_pass;
  bool tls_cluster = false;
  std::string tls_dh_params_file;
  std::string tls_key_file;
  std::string tls_key_file_pass;
  int64_t tls_port = 0;
  bool tls_prefer_server_ciphers = false;
  std::string tls_protocols;
  bool tls_replication = false;
  int64_t tls_session_cache_size = 20480;
  int64_t tls_session_cache_timeout = 300;
  bool tls_session_caching = true;
  int64_t tracking_table_max_keys = 1000000;
  std::string unixsocket;
  int64_t unixsocketperm = 0;
  bool use_exit_on_panic = false;
  int64_t zset_max_listpack_entries = 128;
  int64_t zset_max_listpack_value = 64;
  bool active_expire = true;  // DEBUG SET-ACTIVE-EXPIRE; not a setting of CONFIG

  // Names and values whose name matches one of the patterns, as CONFIG GET answers.
  std::vector<std::pair<std::string, std::string>> get(const std::vector<std::string>& patterns) const;
  // The error's message is what follows "ERR CONFIG SET failed (possibly related to argument '<name>') - ".
  Result<void> set(std::string_view name, std::string_view value);
  // From a line of a file, where some settings take several words and add to what is there.
  Result<void> set_words(const SettingRow& row, std::span<const std::string> words);
  std::string value_of(const SettingRow& row) const;

  // A class of clients in client-output-buffer-limit. 0: no limit.
  struct OutputLimit {
    size_t hard = 0;
    size_t soft = 0;
    int64_t soft_seconds = 0;
  };
  OutputLimit output_limit(std::string_view client_class) const;  // "normal", "slave" or "pubsub"
};

Settings redis_server_defaults();

// "1k" is 1000, "1kb" is 1024.
bool parse_memory(std::string_view text, int64_t& out);

}  // namespace compozy::redis
