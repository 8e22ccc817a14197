// SPDX-License-Identifier: Apache-2.0
//
// INFO, FLUSHALL, CONFIG, TIME and other commands about the server. Source: redis.io/commands/?group=server.
#include <algorithm>
#include <string>
#include <vector>

#include <sys/resource.h>
#include <unistd.h>

#include "base/text.hpp"
#include "redis/commands/context.hpp"
#include "redis/commands/handlers.hpp"

namespace compozy::redis {

namespace {

using Lines = std::vector<std::pair<std::string, std::string>>;

std::string number(uint64_t value) { return std::to_string(value); }

void add_server(Context& ctx, Lines& lines) {
  const int64_t uptime = (ctx.now_ms() - ctx.server.started_ms) / 1000;
  lines = {{"redis_version", std::string(kRedisVersion)},
           {"redis_mode", "standalone"},
           {"os", "Linux"},
           {"arch_bits", "64"},
           {"process_id", std::to_string(getpid())},
           {"run_id", ctx.server.run_id},
           {"tcp_port", std::to_string(ctx.server.settings.port)},
           {"uptime_in_seconds", std::to_string(uptime)},
           {"uptime_in_days", std::to_string(uptime / 86400)},
           {"hz", std::to_string(ctx.server.settings.hz)}};
}

void add_clients(Context& ctx, Lines& lines) {
  lines = {{"connected_clients", number(ctx.server.engine->sessions().size())},
           {"maxclients", std::to_string(ctx.server.settings.maxclients)},
           {"blocked_clients", number(ctx.server.blocked_clients)}};
}

void add_memory(Context& ctx, Lines& lines) {
  const int64_t used = ctx.server.used_memory();
  lines = {{"used_memory", std::to_string(used)},
           {"used_memory_peak", std::to_string(std::max(used, ctx.space().memory().peak))},
           {"used_memory_lua", std::to_string(ctx.server.scripts->memory())},
           {"used_memory_scripts", std::to_string(ctx.server.scripts->memory())},
           {"number_of_cached_scripts", number(ctx.server.scripts->count())},
           {"maxmemory", std::to_string(ctx.server.settings.maxmemory)},
           {"maxmemory_policy", ctx.server.settings.maxmemory_policy}};
}

void add_stats(Context& ctx, Lines& lines) {
  const Stats& stats = ctx.server.stats;
  lines = {{"total_connections_received", number(stats.connections)},
           {"total_commands_processed", number(stats.commands)},
           {"rejected_connections", number(stats.rejected_connections)},
           {"expired_keys", number(stats.expired_keys)},
           {"evicted_keys", number(stats.evicted_keys)},
           {"keyspace_hits", number(stats.keyspace_hits)},
           {"keyspace_misses", number(stats.keyspace_misses)},
           {"pubsub_channels", number(ctx.server.pubsub.channel_count(false))},
           {"pubsub_patterns", number(ctx.server.pubsub.pattern_count())},
           {"pubsubshard_channels", number(ctx.server.pubsub.channel_count(true))},
           {"total_error_replies", number(stats.errors)}};
}

void add_cpu(Context&, Lines& lines) {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) { return std::to_string(t.tv_sec) + "." + std::to_string(t.tv_usec); };
  lines = {{"used_cpu_sys", seconds(usage.ru_stime)}, {"used_cpu_user", seconds(usage.ru_utime)}};
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

void add_errors(Context& ctx, Lines& lines) {
  for (const auto& [code, count] : ctx.server.stats.errors_by_code) {
    lines.emplace_back("errorstat_" + code, "count=" + number(count));
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
    {"Replication",
     [](Context& ctx, Lines& lines) {
       lines = {{"role", "master"},
                {"connected_slaves", "0"},
                {"master_replid", ctx.server.run_id},
                {"master_repl_offset", "0"}};
     }},
    {"CPU", add_cpu},
    {"Errorstats", add_errors},
    {"Cluster", [](Context&, Lines& lines) { lines = {{"cluster_enabled", "0"}}; }},
    {"Keyspace", add_keyspace},
};

bool flush_option(Context& ctx) {
  if (ctx.size() == 1 || (ctx.size() == 2 && (ctx.is(1, "SYNC") || ctx.is(1, "ASYNC")))) return true;
  return ctx.error(kSyntaxError);
}

}  // namespace

void run_info(Context& ctx) {
  std::string text;
  for (const Section& section : kSections) {
    bool wanted = ctx.size() == 1;
    for (size_t i = 1; i < ctx.size(); ++i) {
      wanted = wanted || ctx.is(i, section.name) || ctx.is(i, "all") || ctx.is(i, "default") || ctx.is(i, "everything");
    }
    if (!wanted) continue;
    Lines lines;
    section.add(ctx, lines);
    if (!text.empty()) text += "\r\n";
    text.append("# ").append(section.name).append("\r\n");
    for (const auto& [name, value] : lines) text.append(name).append(":").append(value).append("\r\n");
  }
  ctx.reply.verbatim("txt", text);
}

void run_dbsize(Context& ctx) { ctx.reply.integer(static_cast<int64_t>(ctx.db().size())); }

void run_flushdb(Context& ctx) {
  if (!flush_option(ctx)) return;
  ctx.db().clear();
  ctx.server.blocked.touch_database(ctx.session.database);
  ++ctx.server.stats.dirty;
  ctx.reply.ok();
}

void run_flushall(Context& ctx) {
  if (!flush_option(ctx)) return;
  ctx.space().clear();
  for (size_t i = 0; i < ctx.space().database_count(); ++i) ctx.server.blocked.touch_database(i);
  ++ctx.server.stats.dirty;
  ctx.reply.ok();
}

void run_swapdb(Context& ctx) {
  int64_t a = 0;
  int64_t b = 0;
  if (!ctx.integer(ctx.arg(1), a, "ERR invalid first DB index")) return;
  if (!ctx.integer(ctx.arg(2), b, "ERR invalid second DB index")) return;
  const auto count = static_cast<int64_t>(ctx.space().database_count());
  if (a < 0 || b < 0 || a >= count || b >= count) {
    ctx.error("ERR DB index is out of range");
    return;
  }
  ctx.space().swap_databases(static_cast<size_t>(a), static_cast<size_t>(b));
  ctx.server.blocked.touch_database(static_cast<size_t>(a));
  ctx.server.blocked.touch_database(static_cast<size_t>(b));
  ++ctx.server.stats.dirty;
  ctx.reply.ok();
}

void run_time(Context& ctx) {
  const int64_t now = ctx.space().clock().wall_ms();
  ctx.reply.array(2);
  ctx.reply.bulk(std::to_string(now / 1000));
  ctx.reply.bulk(std::to_string(now % 1000 * 1000));
}

void run_lastsave(Context& ctx) {
  const bool dumped = ctx.server.storage != nullptr;
  ctx.reply.integer(dumped ? ctx.server.storage->last_save_s() : ctx.server.started_ms / 1000);
}

void run_bgrewriteaof(Context& ctx) {
  const std::string refused = ctx.server.engine->rewrite_log();
  if (refused.empty()) return ctx.reply.simple("Background append only file rewriting started");
  ctx.error(refused);
}

void run_role(Context& ctx) {
  ctx.reply.array(3);
  ctx.reply.bulk("master");
  ctx.reply.integer(0);
  ctx.reply.array(0);
}

void run_debug_set_active_expire(Context& ctx) {
  ctx.server.settings.active_expire = ctx.arg(2) != "0";
  ctx.reply.ok();
}

void run_memory_usage(Context& ctx) {
  const Entry* entry = ctx.db().peek(ctx.arg(2));
  if (entry == nullptr) return ctx.reply.null();
  // The copy's cost is the value's cost.
  size_t size = allocation_size(entry->footprint()) + 9;
  if (!entry->embedded()) {
    const int64_t before = current_account().used;
    void* copy = copy_value(*entry, ctx.space());
    size += static_cast<size_t>(current_account().used - before);
    free_value(entry->type, copy);
  }
  ctx.reply.integer(static_cast<int64_t>(size));
}

}  // namespace compozy::redis
