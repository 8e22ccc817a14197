// SPDX-License-Identifier: Apache-2.0
//
// SLOWLOG, LATENCY, MONITOR, MEMORY, and the commands of what this server does not have: modules, replicas, a cluster.
// Source: redis.io/commands/?group=server.
#include <algorithm>
#include <string>
#include <vector>

#include "base/text.hpp"
#include "redis/commands/context.hpp"
#include "redis/commands/handlers.hpp"
#include "redis/commands/server/allocator.hpp"

namespace compozy::redis {

// ---- SLOWLOG ----

void run_slowlog_get(Context& ctx) {
  if (ctx.size() > 3) return ctx.wrong_subcommand();
  int64_t count = 10;
  if (ctx.size() == 3) {
    if (!parse_int64(ctx.arg(2), count) || count < -1) {
      ctx.error("ERR count should be greater than or equal to -1");
      return;
    }
  }
  const auto& entries = ctx.server.slow_log.entries();
  const size_t shown = count < 0 ? entries.size() : std::min(entries.size(), static_cast<size_t>(count));
  ctx.reply.array(shown);
  for (size_t i = 0; i < shown; ++i) {
    const SlowLogEntry& entry = entries[i];
    ctx.reply.array(6);
    ctx.reply.integer(static_cast<int64_t>(entry.id));
    ctx.reply.integer(entry.at_s);
    ctx.reply.integer(entry.duration_us);
    ctx.reply.array(entry.args.size());
    for (const std::string& arg : entry.args) ctx.reply.bulk(arg);
    ctx.reply.bulk(entry.address);
    ctx.reply.bulk(entry.client_name);
  }
}

void run_slowlog_len(Context& ctx) { ctx.reply.integer(static_cast<int64_t>(ctx.server.slow_log.entries().size())); }

void run_slowlog_reset(Context& ctx) {
  ctx.server.slow_log.clear();
  ctx.reply.ok();
}

// ---- LATENCY ----

void run_latency_latest(Context& ctx) {
  const auto& events = ctx.server.latency.events();
  ctx.reply.array(events.size());
  for (const auto& [name, event] : events) {
    ctx.reply.array(4);
    ctx.reply.bulk(name);
    ctx.reply.integer(event.samples.back().at_s);
    ctx.reply.integer(event.samples.back().ms);
    ctx.reply.integer(event.max_ms);
  }
}

void run_latency_history(Context& ctx) {
  const auto at = ctx.server.latency.events().find(ctx.arg(2));
  if (at == ctx.server.latency.events().end()) return ctx.reply.array(0);
  ctx.reply.array(at->second.samples.size());
  for (const auto& sample : at->second.samples) {
    ctx.reply.array(2);
    ctx.reply.integer(sample.at_s);
    ctx.reply.integer(sample.ms);
  }
}

void run_latency_reset(Context& ctx) {
  if (ctx.size() == 2) return ctx.reply.integer(static_cast<int64_t>(ctx.server.latency.reset()));
  int64_t count = 0;
  for (const std::string_view name : ctx.args.subspan(2)) count += ctx.server.latency.reset(name) ? 1 : 0;
  ctx.reply.integer(count);
}

void run_latency_graph(Context& ctx) {
  const auto at = ctx.server.latency.events().find(ctx.arg(2));
  if (at == ctx.server.latency.events().end()) {
    ctx.error("ERR No samples available for event '" + std::string(ctx.arg(2)) + "'");
    return;
  }
  const auto& event = at->second;
  int64_t low = event.max_ms;
  for (const auto& sample : event.samples) low = std::min(low, sample.ms);
  std::string text = std::string(ctx.arg(2)) + " - high " + std::to_string(event.max_ms) + " ms, low " +
                     std::to_string(low) + " ms (all time high " + std::to_string(event.max_ms) + " ms)\n" +
                     std::string(80, '-') + "\n";
  constexpr int64_t kRows = 4;
  for (int64_t level = kRows; level >= 1; --level) {
    for (const auto& sample : event.samples) {
      const int64_t height = event.max_ms == low ? kRows : 1 + (sample.ms - low) * (kRows - 1) / (event.max_ms - low);
      text += height > level ? '|' : height == level ? '#' : ' ';
    }
    text += '\n';
  }
  ctx.reply.verbatim("txt", text);
}

void run_latency_doctor(Context& ctx) {
  if (ctx.server.settings.latency_monitor_threshold == 0) {
    return ctx.reply.verbatim(
        "txt",
        "I'm sorry, Dave, I can't do that. Latency monitoring is disabled in this Redis instance. "
        "You may use \"CONFIG SET latency-monitor-threshold <milliseconds>.\" in order to enable it.\n");
  }
  const auto& events = ctx.server.latency.events();
  if (events.empty()) {
    return ctx.reply.verbatim("txt",
                              "Dave, no latency spike was observed during the lifetime of this Redis instance, not "
                              "in the slightest bit.\n");
  }
  std::string text = "Dave, I have observed latency spikes in this Redis instance.\n\n";
  int number = 0;
  for (const auto& [name, event] : events) {
    int64_t sum = 0;
    for (const auto& sample : event.samples) sum += sample.ms;
    text += std::to_string(++number) + ". " + name + ": " + std::to_string(event.samples.size()) +
            " latency spikes (average " + std::to_string(sum / static_cast<int64_t>(event.samples.size())) +
            "ms). Worst all time event " + std::to_string(event.max_ms) + "ms.\n";
  }
  text += "\nCheck your Slow Log for the commands that took long.\n";
  ctx.reply.verbatim("txt", text);
}

void run_latency_histogram(Context& ctx) {
  std::vector<size_t> ids;
  const auto add = [&](const Row& row) {
    const size_t id = row_id(row);
    if (ctx.server.stats.by_command[id].durations.count() > 0 && std::ranges::find(ids, id) == ids.end())
      ids.push_back(id);
  };
  if (ctx.size() == 2) {
    for (size_t id = 0; id < row_count(); ++id) add(row_at(id));
  }
  for (const std::string_view name : ctx.args.subspan(2)) {
    const Row* row = find_full_name(name);
    if (row == nullptr) continue;
    add(*row);
    if (!row->parent.empty() || !is_container(*row)) continue;
    for (const Row* sub : subcommands_of(row->name)) add(*sub);
  }
  ctx.reply.map(ids.size());
  for (const size_t id : ids) {
    const Histogram& durations = ctx.server.stats.by_command[id].durations;
    ctx.reply.bulk(full_name(row_at(id)));
    ctx.reply.map(2);
    ctx.reply.bulk("calls");
    ctx.reply.integer(static_cast<int64_t>(durations.count()));
    ctx.reply.bulk("histogram_usec");
    const auto buckets = durations.powers_of_two_us();
    ctx.reply.map(buckets.size());
    for (const auto& [us, count] : buckets) {
      ctx.reply.integer(us);
      ctx.reply.integer(static_cast<int64_t>(count));
    }
  }
}

// ---- MONITOR ----

void run_monitor(Context& ctx) {
  if (!ctx.may_block) {
    ctx.error("ERR MONITOR isn't allowed for DENY BLOCKING client");
    return;
  }
  if (!std::exchange(ctx.session.monitors, true)) ++ctx.server.monitors;
  ctx.reply.ok();
}

// ---- MEMORY ----

void run_memory_doctor(Context& ctx) {
  ctx.reply.verbatim(
      "txt",
      "Hi Sam, this instance is empty or is using very little memory, my issue detector can't be used in "
      "these conditions. Please, leave for your mission on Earth and fill it with some data. The new Sam "
      "and I will be back to our programming as soon as I finished rebooting.\n");
}

void run_memory_malloc_stats(Context& ctx) { ctx.reply.verbatim("txt", allocator_report()); }

void run_memory_purge(Context& ctx) { ctx.reply.ok(); }

void run_memory_stats(Context& ctx) {
  const int64_t used = ctx.server.used_memory();
  const auto keys = static_cast<int64_t>(ctx.space().key_count());
  const std::pair<std::string_view, int64_t> numbers[] = {
      {"peak.allocated", std::max(used, ctx.space().memory().peak)},
      {"total.allocated", used},
      {"startup.allocated", 0},
      {"replication.backlog", 0},
      {"clients.slaves", 0},
      {"clients.normal", used - ctx.space().memory().used},
      {"cluster.links", 0},
      {"aof.buffer", 0},
      {"lua.caches", ctx.server.scripts->memory()},
      {"functions.caches", 0},
      {"overhead.total", used - ctx.space().memory().used},
      {"keys.count", keys},
      {"keys.bytes-per-key", keys == 0 ? 0 : ctx.space().memory().used / keys},
      {"dataset.bytes", ctx.space().memory().used}};
  ctx.reply.map(std::size(numbers) + 1);
  for (const auto& [name, value] : numbers) {
    ctx.reply.bulk(name);
    ctx.reply.integer(value);
  }
  ctx.reply.bulk("dataset.percentage");
  ctx.reply.number(used == 0 ? 0 : 100.0 * static_cast<double>(ctx.space().memory().used) / static_cast<double>(used));
}

// ---- what this server does not have ----

void run_module_list(Context& ctx) { ctx.reply.array(0); }

void run_module_load(Context& ctx) { ctx.error("ERR Error loading the extension. Please check the server logs."); }

void run_cluster(Context& ctx) { ctx.error("ERR This instance has cluster support disabled"); }

// ---- the rest ----

void run_lolwut(Context& ctx) {
  for (size_t i = 1; i + 1 < ctx.size(); i += 2) {
    int64_t number = 0;
    if (!ctx.integer(ctx.arg(i + 1), number)) return;
    if (!ctx.is(i, "version")) break;
  }
  ctx.reply.verbatim("txt", "Redis ver. " + std::string(kRedisVersion) + "\n");
}

void run_help(Context& ctx) {
  std::vector<const Row*> rows = subcommands_of(ctx.row.parent);
  std::ranges::sort(rows, [](const Row* a, const Row* b) {
    return std::pair(a->name == "help", a->name) < std::pair(b->name == "help", b->name);
  });
  ctx.reply.array(1 + rows.size() * 2);
  ctx.reply.simple(to_upper(ctx.row.parent) + " <subcommand> [<arg> [value] [opt] ...]. Subcommands are:");
  for (const Row* row : rows) {
    ctx.reply.simple(to_upper(row->name));
    ctx.reply.simple("    " + std::string(row->name == "help" ? "Print this help." : row->summary));
  }
}

}  // namespace compozy::redis
