// SPDX-License-Identifier: Apache-2.0
//
// INFO. Source: redis.io/commands/info; the names and the order of the fields are those of Redis 7.0.
#include <algorithm>
#include <array>
#include <cstdio>
#include <string>
#include <vector>

#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/text.hpp"
#include "redis/commands/connection/client_info.hpp"
#include "redis/commands/context.hpp"
#include "redis/commands/handlers.hpp"
#include "redis/commands/server/allocator.hpp"

namespace compozy::redis {

namespace {

using Lines = std::vector<std::pair<std::string, std::string>>;

std::string number(uint64_t value) { return std::to_string(value); }

template <class... Values>
std::string printed(const char* format, Values... values) {
  std::array<char, 128> text{};
  const int size = std::snprintf(text.data(), text.size(), format, values...);
  return {text.data(), static_cast<size_t>(std::max(0, size))};
}

void add_server(Context& ctx, Lines& lines) {
  const int64_t uptime = (ctx.server.keyspace.clock().wall_ms() - ctx.server.started_ms) / 1000;
  utsname name{};
  uname(&name);
  const Settings& settings = ctx.server.settings;
  lines = {{"redis_version", std::string(kRedisVersion)},
           {"redis_git_sha1", "00000000"},
           {"redis_git_dirty", "0"},
           {"redis_build_id", "compozy"},
           {"redis_mode", "standalone"},
           {"os", std::string(name.sysname) + " " + name.release + " " + name.machine},
           {"arch_bits", "64"},
           {"monotonic_clock", "POSIX clock_gettime"},
           {"multiplexing_api", "epoll"},
           {"atomicvar_api", "c11-builtin"},
           {"gcc_version", "12.2.0"},
           {"process_id", std::to_string(getpid())},
           {"process_supervised", settings.supervised},
           {"run_id", ctx.server.run_id},
           {"tcp_port", std::to_string(settings.port != 0 ? settings.port : settings.tls_port)},
           {"server_time_usec", std::to_string(ctx.server.keyspace.clock().wall_ms() * 1000)},
           {"uptime_in_seconds", std::to_string(uptime)},
           {"uptime_in_days", std::to_string(uptime / 86400)},
           {"hz", std::to_string(settings.hz)},
           {"configured_hz", std::to_string(settings.hz)},
           {"lru_clock", number(ctx.space().lru_clock())},
           {"executable", ctx.server.host == nullptr ? "" : ctx.server.host->executable()},
           {"config_file", ctx.server.host == nullptr ? "" : ctx.server.host->config_file()},
           {"io_threads_active", "0"}};
  if (ctx.server.shutdown.on) {
    const int64_t left_ms = ctx.server.shutdown.until_ms - ctx.server.keyspace.clock().wall_ms();
    lines.emplace_back("shutdown_in_milliseconds", std::to_string(std::max<int64_t>(0, left_ms)));
  }
}

void add_clients(Context& ctx, Lines& lines) {
  size_t most_input = 0;
  size_t most_output = 0;
  for (const auto& [id, session] : ctx.server.engine->sessions()) {
    most_input = std::max(most_input, session->buffers.query + session->buffers.query_free);
    most_output = std::max(most_output, output_memory(*session));
  }
  lines = {{"connected_clients", number(ctx.server.engine->sessions().size() - ctx.server.replication.replicas.size())},
           {"cluster_connections", "0"},
           {"maxclients", std::to_string(ctx.server.settings.maxclients)},
           {"client_recent_max_input_buffer", number(most_input)},
           {"client_recent_max_output_buffer", number(most_output)},
           {"blocked_clients", number(ctx.server.blocked_clients + ctx.server.postponed_clients)},
           {"tracking_clients", number(ctx.server.tracking.clients())},
           {"clients_in_timeout_table", "0"}};
}

size_t resident_bytes() {
  std::FILE* file = std::fopen("/proc/self/statm", "re");
  if (file == nullptr) return 0;
  unsigned long total = 0;
  unsigned long resident = 0;
  const int read = std::fscanf(file, "%lu %lu", &total, &resident);
  std::fclose(file);
  return read == 2 ? resident * static_cast<size_t>(sysconf(_SC_PAGESIZE)) : 0;
}

// 1536 → "1.50K".
std::string human(int64_t bytes) {
  const auto value = static_cast<double>(bytes);
  if (bytes < 1024) return std::to_string(bytes) + "B";
  constexpr std::array<char, 5> kUnits{'K', 'M', 'G', 'T', 'P'};
  double unit = 1024;
  for (const char letter : kUnits) {
    if (value < unit * 1024) return printed("%.2f%c", value / unit, letter);
    unit *= 1024;
  }
  return std::to_string(bytes) + "B";
}

void add_bytes(Lines& lines, const std::string& name, int64_t bytes) {
  lines.emplace_back(name, std::to_string(bytes));
  lines.emplace_back(name + "_human", human(bytes));
}

void add_scripts_memory(Context& ctx, Lines& lines) {
  const int64_t scripts = ctx.server.scripts->memory();
  lines.emplace_back("used_memory_vm_eval", std::to_string(scripts));
  lines.emplace_back("used_memory_lua", std::to_string(scripts));
  lines.emplace_back("used_memory_lua_human", human(scripts));
  lines.emplace_back("used_memory_scripts_eval", std::to_string(scripts));
  lines.emplace_back("number_of_cached_scripts", number(ctx.server.scripts->count()));
  lines.emplace_back("used_memory_vm_functions", "0");
  add_bytes(lines, "used_memory_vm_total", scripts);
  lines.emplace_back("used_memory_functions", "0");
  add_bytes(lines, "used_memory_scripts", scripts);
}

void add_memory(Context& ctx, Lines& lines) {
  const int64_t used = ctx.server.used_memory();
  const int64_t peak = std::max(used, ctx.space().memory().peak);
  const auto resident = static_cast<int64_t>(resident_bytes());
  int64_t clients = 0;
  for (const auto& [id, session] : ctx.server.engine->sessions())
    clients += static_cast<int64_t>(client_memory(*session));
  add_bytes(lines, "used_memory", used);
  add_bytes(lines, "used_memory_rss", resident);
  add_bytes(lines, "used_memory_peak", peak);
  lines.emplace_back("used_memory_peak_perc", printed("%.2f%%", 100.0 * static_cast<double>(used) /
                                                                    static_cast<double>(std::max<int64_t>(1, peak))));
  lines.emplace_back("used_memory_overhead", std::to_string(clients));
  lines.emplace_back("used_memory_startup", "0");
  lines.emplace_back("used_memory_dataset", std::to_string(std::max<int64_t>(0, used - clients)));
  lines.emplace_back("used_memory_dataset_perc", "100.00%");
  const auto allocator =
      allocator_figures().value_or(AllocatorFigures{.allocated = used, .active = resident, .resident = resident});
  lines.emplace_back("allocator_allocated", std::to_string(allocator.allocated));
  lines.emplace_back("allocator_active", std::to_string(allocator.active));
  lines.emplace_back("allocator_resident", std::to_string(allocator.resident));
  add_bytes(lines, "total_system_memory", sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE));
  add_scripts_memory(ctx, lines);
  add_bytes(lines, "maxmemory", ctx.server.settings.maxmemory);
  lines.emplace_back("maxmemory_policy", ctx.server.settings.maxmemory_policy);
  const double ratio = used > 0 ? static_cast<double>(resident) / static_cast<double>(used) : 0;
  const auto compare = [&lines](const std::string& name, int64_t whole, int64_t part) {
    const double share = part > 0 ? static_cast<double>(whole) / static_cast<double>(part) : 0;
    lines.emplace_back(name + "_ratio", printed("%.2f", share));
    lines.emplace_back(name + "_bytes", std::to_string(whole - part));
  };
  compare("allocator_frag", allocator.active, allocator.allocated);
  compare("allocator_rss", allocator.resident, allocator.active);
  compare("rss_overhead", resident, allocator.resident);
  lines.emplace_back("mem_fragmentation_ratio", printed("%.2f", ratio));
  lines.emplace_back("mem_fragmentation_bytes", std::to_string(resident - used));
  const auto stream = static_cast<int64_t>(ctx.server.replication.stream.memory());
  const int64_t beyond = ctx.server.stream_beyond_backlog();
  const int64_t replicas = ctx.server.replicas_memory + beyond;
  lines.emplace_back("mem_not_counted_for_evict", std::to_string(replicas));
  lines.emplace_back("mem_replication_backlog", std::to_string(stream - beyond));
  lines.emplace_back("mem_total_replication_buffers", std::to_string(stream + ctx.server.replicas_memory));
  lines.emplace_back("mem_clients_slaves", std::to_string(replicas));
  lines.emplace_back("mem_clients_normal", std::to_string(clients - ctx.server.replicas_memory));
  for (const char* name : {"mem_cluster_links", "mem_aof_buffer"}) lines.emplace_back(name, "0");
  lines.emplace_back("mem_allocator", "jemalloc-5.3.0");
  lines.emplace_back("active_defrag_running", "0");
  lines.emplace_back("lazyfree_pending_objects", std::to_string(ctx.space().reclaimer().pending()));
  lines.emplace_back("lazyfreed_objects", std::to_string(ctx.space().lazily_freed));
}

void add_stats(Context& ctx, Lines& lines) {
  const Stats& stats = ctx.server.stats;
  lines = {{"total_connections_received", number(stats.connections)},
           {"total_commands_processed", number(stats.commands)},
           {"instantaneous_ops_per_sec", printed("%.0f", stats.commands_rate.per_second())},
           {"total_net_input_bytes", number(stats.net_input_bytes)},
           {"total_net_output_bytes", number(stats.net_output_bytes)},
           {"total_net_repl_input_bytes", number(ctx.server.replication.received_bytes)},
           {"total_net_repl_output_bytes", number(ctx.server.replication.sent_bytes)},
           {"instantaneous_input_kbps", printed("%.2f", stats.input_rate.per_second() / 1024)},
           {"instantaneous_output_kbps", printed("%.2f", stats.output_rate.per_second() / 1024)},
           {"instantaneous_input_repl_kbps", printed("%.2f", stats.replication_input_rate.per_second() / 1024)},
           {"instantaneous_output_repl_kbps", printed("%.2f", stats.replication_output_rate.per_second() / 1024)},
           {"rejected_connections", number(stats.rejected_connections)},
           {"sync_full", number(ctx.server.replication.full_syncs)},
           {"sync_partial_ok", number(ctx.server.replication.partial_syncs)},
           {"sync_partial_err", number(ctx.server.replication.refused_syncs)},
           {"expired_keys", number(stats.expired_keys)},
           {"expired_stale_perc", "0.00"},
           {"expired_time_cap_reached_count", "0"},
           {"expire_cycle_cpu_milliseconds", "0"},
           {"evicted_keys", number(stats.evicted_keys)},
           {"evicted_clients", number(stats.evicted_clients)},
           {"total_eviction_exceeded_time", "0"},
           {"current_eviction_exceeded_time", "0"},
           {"keyspace_hits", number(stats.keyspace_hits)},
           {"keyspace_misses", number(stats.keyspace_misses)},
           {"pubsub_channels", number(ctx.server.pubsub.channel_count(false))},
           {"pubsub_patterns", number(ctx.server.pubsub.pattern_count())},
           {"pubsubshard_channels", number(ctx.server.pubsub.channel_count(true))},
           {"latest_fork_usec", "0"},
           {"total_forks", number(stats.forks)},
           {"migrate_cached_sockets", "0"},
           {"slave_expires_tracked_keys", number(ctx.space().own_deadlines())}};
  for (const char* name : {"active_defrag_hits", "active_defrag_misses", "active_defrag_key_hits",
                           "active_defrag_key_misses", "total_active_defrag_time", "current_active_defrag_time"})
    lines.emplace_back(name, "0");
  const Lines rest{{"tracking_total_keys", number(ctx.server.tracking.key_count())},
                   {"tracking_total_items", number(ctx.server.tracking.item_count())},
                   {"tracking_total_prefixes", number(ctx.server.tracking.prefix_count())},
                   {"unexpected_error_replies", "0"},
                   {"total_error_replies", number(stats.errors)},
                   {"dump_payload_sanitizations", "0"},
                   {"total_reads_processed", number(stats.reads)},
                   {"total_writes_processed", number(stats.writes)},
                   {"io_threaded_reads_processed", "0"},
                   {"io_threaded_writes_processed", "0"},
                   {"reply_buffer_shrinks", number(stats.reply_buffer_shrinks)},
                   {"reply_buffer_expands", number(stats.reply_buffer_expands)}};
  lines.insert(lines.end(), rest.begin(), rest.end());
}

void add_cpu(Context&, Lines& lines) {
  const auto add = [&](int who, const std::string& suffix) {
    rusage usage{};
    getrusage(who, &usage);
    const auto seconds = [](const timeval& t) {
      return printed("%ld.%06ld", static_cast<long>(t.tv_sec), static_cast<long>(t.tv_usec));
    };
    lines.emplace_back("used_cpu_sys" + suffix, seconds(usage.ru_stime));
    lines.emplace_back("used_cpu_user" + suffix, seconds(usage.ru_utime));
  };
  add(RUSAGE_SELF, "");
  add(RUSAGE_CHILDREN, "_children");
  add(RUSAGE_THREAD, "_main_thread");
}

void add_keyspace(Context& ctx, Lines& lines) {
  for (size_t i = 0; i < ctx.space().database_count(); ++i) {
    const Database& db = ctx.space().database(i);
    if (db.size() == 0) continue;
    lines.emplace_back("db" + std::to_string(i), "keys=" + number(db.size()) +
                                                     ",expires=" + number(db.volatile_size()) +
                                                     ",avg_ttl=" + std::to_string(db.average_ttl_ms()));
  }
}

void add_command_stats(Context& ctx, Lines& lines) {
  const auto& all = ctx.server.stats.by_command;
  for (size_t id = 0; id < all.size(); ++id) {
    const CommandStats& stats = all[id];
    if (stats.calls == 0 && stats.rejected == 0 && stats.failed == 0) continue;
    const double per_call = stats.calls == 0 ? 0 : static_cast<double>(stats.us) / static_cast<double>(stats.calls);
    lines.emplace_back("cmdstat_" + full_name(row_at(id)),
                       "calls=" + number(stats.calls) + ",usec=" + number(stats.us) +
                           ",usec_per_call=" + printed("%.2f", per_call) + ",rejected_calls=" + number(stats.rejected) +
                           ",failed_calls=" + number(stats.failed));
  }
}

void add_errors(Context& ctx, Lines& lines) {
  for (const auto& [code, count] : ctx.server.stats.errors_by_code) {
    lines.emplace_back("errorstat_" + code, "count=" + number(count));
  }
}

void add_latencies(Context& ctx, Lines& lines) {
  if (!ctx.server.settings.latency_tracking) return;
  const auto percentiles = split(ctx.server.settings.latency_tracking_info_percentiles, ' ');
  const auto& all = ctx.server.stats.by_command;
  for (size_t id = 0; id < all.size(); ++id) {
    if (all[id].durations.count() == 0) continue;
    std::string text;
    for (const auto percentile : percentiles) {
      double percent = 0;
      if (percentile.empty() || !parse_double(percentile, percent)) continue;
      text.append(text.empty() ? "p" : ",p").append(percentile).append("=");
      text += printed("%.3f", all[id].durations.percentile_us(percent));
    }
    lines.emplace_back("latency_percentiles_usec_" + full_name(row_at(id)), text);
  }
}

struct Section {
  std::string_view name;
  void (*add)(Context&, Lines&);
  bool in_default = true;
};

constexpr Section kSections[] = {
    {"Server", add_server},
    {"Clients", add_clients},
    {"Memory", add_memory},
    {"Persistence", [](Context& ctx, Lines& lines) { lines = ctx.server.engine->persistence_info(); }},
    {"Stats", add_stats},
    {"Replication", add_replication_info},
    {"CPU", add_cpu},
    {"Modules", [](Context&, Lines&) {}},
    {"Commandstats", add_command_stats, false},
    {"Errorstats", add_errors},
    {"Latencystats", add_latencies, false},
    {"Cluster", [](Context&, Lines& lines) { lines = {{"cluster_enabled", "0"}}; }},
    {"Keyspace", add_keyspace},
};

bool wanted(Context& ctx, const Section& section) {
  if (ctx.size() == 1) return section.in_default;
  for (size_t i = 1; i < ctx.size(); ++i) {
    if (ctx.is(i, section.name) || ctx.is(i, "all") || ctx.is(i, "everything")) return true;
    if (ctx.is(i, "default") && section.in_default) return true;
  }
  return false;
}

}  // namespace

void run_info(Context& ctx) {
  std::string text;
  for (const Section& section : kSections) {
    if (!wanted(ctx, section)) continue;
    Lines lines;
    section.add(ctx, lines);
    if (!text.empty()) text += "\r\n";
    text.append("# ").append(section.name).append("\r\n");
    for (const auto& [name, value] : lines) text.append(name).append(":").append(value).append("\r\n");
  }
  ctx.reply.verbatim("txt", text);
}

}  // namespace compozy::redis
