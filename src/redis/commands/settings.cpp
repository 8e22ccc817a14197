// SPDX-License-Identifier: Apache-2.0
#include "redis/commands/settings.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <variant>

#include "base/duration.hpp"
#include "base/text.hpp"

namespace compozy::redis {

namespace {

constexpr int64_t kMax = std::numeric_limits<int64_t>::max();

struct SettingRow {
  std::string_view name;
  std::variant<int64_t Settings::*, bool Settings::*, std::string Settings::*> field;
  bool changeable = true;
  bool memory = false;  // accepts 64mb
  int64_t min = 0;
  int64_t max = kMax;
  std::string_view choices = {};  // space separated
  std::string_view alias = {};
};

using S = Settings;
constexpr std::string_view kPolicies =
    "volatile-lru allkeys-lru volatile-lfu allkeys-lfu volatile-random allkeys-random volatile-ttl noeviction";

const std::array kRows{
    SettingRow{.name = "databases", .field = &S::databases, .changeable = false},
    SettingRow{.name = "maxclients", .field = &S::maxclients, .min = 1, .max = 1'000'000},
    SettingRow{.name = "maxmemory", .field = &S::maxmemory, .memory = true},
    SettingRow{.name = "maxmemory-policy", .field = &S::maxmemory_policy, .choices = kPolicies},
    SettingRow{.name = "maxmemory-samples", .field = &S::maxmemory_samples, .min = 1, .max = 64},
    SettingRow{.name = "requirepass", .field = &S::requirepass},
    SettingRow{.name = "timeout", .field = &S::timeout},
    SettingRow{.name = "tcp-keepalive", .field = &S::tcp_keepalive},
    SettingRow{.name = "port", .field = &S::port, .changeable = false},
    SettingRow{.name = "bind", .field = &S::bind, .changeable = false},
    SettingRow{.name = "unixsocket", .field = &S::unixsocket, .changeable = false},
    SettingRow{.name = "dir", .field = &S::dir, .changeable = false},
    SettingRow{.name = "appendonly", .field = &S::appendonly, .changeable = false},
    SettingRow{.name = "appendfsync", .field = &S::appendfsync, .choices = "everysec always no"},
    SettingRow{.name = "appenddirname", .field = &S::appenddirname, .changeable = false},
    SettingRow{.name = "appendfilename", .field = &S::appendfilename, .changeable = false},
    SettingRow{.name = "aof-load-truncated", .field = &S::aof_load_truncated},
    SettingRow{.name = "auto-aof-rewrite-percentage", .field = &S::auto_aof_rewrite_percentage},
    SettingRow{.name = "auto-aof-rewrite-min-size", .field = &S::auto_aof_rewrite_min_size, .memory = true},
    SettingRow{.name = "proto-max-bulk-len", .field = &S::proto_max_bulk_len, .memory = true, .min = 1024 * 1024},
    SettingRow{.name = "client-query-buffer-limit",
               .field = &S::client_query_buffer_limit,
               .memory = true,
               .min = 1024 * 1024},
    SettingRow{.name = "client-output-buffer-limit", .field = &S::client_output_buffer_limit},
    SettingRow{.name = "lua-time-limit", .field = &S::lua_time_limit, .alias = "busy-reply-threshold"},
    SettingRow{.name = "hash-max-listpack-entries",
               .field = &S::hash_max_listpack_entries,
               .alias = "hash-max-ziplist-entries"},
    SettingRow{
        .name = "hash-max-listpack-value", .field = &S::hash_max_listpack_value, .alias = "hash-max-ziplist-value"},
    SettingRow{.name = "set-max-intset-entries", .field = &S::set_max_intset_entries},
    SettingRow{.name = "zset-max-listpack-entries",
               .field = &S::zset_max_listpack_entries,
               .alias = "zset-max-ziplist-entries"},
    SettingRow{
        .name = "zset-max-listpack-value", .field = &S::zset_max_listpack_value, .alias = "zset-max-ziplist-value"},
    SettingRow{.name = "hll-sparse-max-bytes", .field = &S::hll_sparse_max_bytes, .memory = true},
    SettingRow{.name = "stream-node-max-bytes", .field = &S::stream_node_max_bytes, .memory = true},
    SettingRow{.name = "stream-node-max-entries", .field = &S::stream_node_max_entries},
    SettingRow{.name = "list-max-listpack-size",
               .field = &S::list_max_listpack_size,
               .min = -5,
               .alias = "list-max-ziplist-size"},
    SettingRow{.name = "list-compress-depth", .field = &S::list_compress_depth},
    SettingRow{.name = "hz", .field = &S::hz, .min = 1, .max = 500},
    SettingRow{.name = "save", .field = &S::save},
    SettingRow{.name = "notify-keyspace-events", .field = &S::notify_keyspace_events},
    SettingRow{.name = "loglevel", .field = &S::loglevel, .choices = "debug verbose notice warning"},
    SettingRow{.name = "lazyfree-lazy-expire", .field = &S::lazyfree_lazy_expire},
    SettingRow{.name = "lazyfree-lazy-eviction", .field = &S::lazyfree_lazy_eviction},
    SettingRow{.name = "lazyfree-lazy-user-del", .field = &S::lazyfree_lazy_user_del},
    SettingRow{.name = "activerehashing", .field = &S::activerehashing},
    SettingRow{.name = "slowlog-log-slower-than", .field = &S::slowlog_log_slower_than, .min = -1},
    SettingRow{.name = "slowlog-max-len", .field = &S::slowlog_max_len},
    SettingRow{.name = "latency-monitor-threshold", .field = &S::latency_monitor_threshold},
    SettingRow{.name = "protected-mode", .field = &S::protected_mode},
    SettingRow{.name = "enable-debug-command", .field = &S::enable_debug_command, .changeable = false},
};

const SettingRow* find_setting(std::string_view name) {
  for (const SettingRow& row : kRows) {
    if (equals_ignoring_case(row.name, name) || (!row.alias.empty() && equals_ignoring_case(row.alias, name)))
      return &row;
  }
  return nullptr;
}

std::string value_of(const Settings& settings, const SettingRow& row) {
  if (const auto* number = std::get_if<int64_t Settings::*>(&row.field)) return std::to_string(settings.**number);
  if (const auto* flag = std::get_if<bool Settings::*>(&row.field)) return settings.**flag ? "yes" : "no";
  return settings.*std::get<std::string Settings::*>(row.field);
}

Result<int64_t> parse_number(const SettingRow& row, std::string_view value) {
  int64_t number = 0;
  if (row.memory) {
    // Redis' units: 1k is 1000, 1kb is 1024.
    const std::string text = to_lower(value);
    const size_t digits = text.find_first_not_of("0123456789");
    const std::string unit = digits == std::string::npos ? "" : text.substr(digits);
    int64_t factor = 0;
    if (unit.empty() || unit == "b") factor = 1;
    if (unit == "k") factor = 1000;
    if (unit == "kb") factor = 1024;
    if (unit == "m") factor = 1'000'000;
    if (unit == "mb") factor = 1024 * 1024;
    if (unit == "g") factor = 1'000'000'000;
    if (unit == "gb") factor = 1024 * 1024 * 1024;
    if (factor == 0 || digits == 0 || !parse_int64(text.substr(0, digits), number) || number > kMax / factor) {
      return fail(Errc::invalid_argument, "argument must be a memory value");
    }
    number *= factor;
  } else if (!parse_int64(value, number)) {
    return fail(Errc::invalid_argument, "argument couldn't be parsed into an integer");
  }
  if (number < row.min || number > row.max) {
    return fail(Errc::invalid_argument, "argument must be between " + std::to_string(row.min) + " and " +
                                            std::to_string(row.max) + " inclusive");
  }
  return number;
}

}  // namespace

std::vector<std::pair<std::string, std::string>> Settings::get(const std::vector<std::string>& patterns) const {
  std::vector<std::pair<std::string, std::string>> found;
  const auto add = [&](std::string_view name, const SettingRow& row) {
    const bool wanted =
        std::ranges::any_of(patterns, [&](const std::string& p) { return glob_match(to_lower(p), name); });
    if (wanted) found.emplace_back(name, value_of(*this, row));
  };
  for (const SettingRow& row : kRows) {
    add(row.name, row);
    if (!row.alias.empty()) add(row.alias, row);
  }
  return found;
}

Result<void> Settings::set(std::string_view name, std::string_view value) {
  const SettingRow* row = find_setting(name);
  if (row == nullptr) return fail(Errc::not_found, "unknown setting '" + std::string(name) + "'");
  if (const auto* number = std::get_if<int64_t Settings::*>(&row->field)) {
    TRY(this->**number, parse_number(*row, value));
    return {};
  }
  if (const auto* flag = std::get_if<bool Settings::*>(&row->field)) {
    if (!equals_ignoring_case(value, "yes") && !equals_ignoring_case(value, "no")) {
      return fail(Errc::invalid_argument, "argument must be 'yes' or 'no'");
    }
    this->** flag = equals_ignoring_case(value, "yes");
    return {};
  }
  if (!row->choices.empty()) {
    const auto choices = split(row->choices, ' ');
    const auto chosen = std::ranges::find_if(choices, [&](auto choice) { return equals_ignoring_case(choice, value); });
    if (chosen == choices.end()) {
      std::string list;
      for (const auto choice : choices) list.append(list.empty() ? "" : ", ").append(choice);
      return fail(Errc::invalid_argument, "argument(s) must be one of the following: " + list);
    }
    this->*std::get<std::string Settings::*>(row->field) = *chosen;
    return {};
  }
  this->*std::get<std::string Settings::*>(row->field) = value;
  return {};
}

bool Settings::is_known(std::string_view name) { return find_setting(name) != nullptr; }

bool Settings::is_changeable(std::string_view name) {
  const SettingRow* row = find_setting(name);
  return row != nullptr && row->changeable;
}

}  // namespace compozy::redis
