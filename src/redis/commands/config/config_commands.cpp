// SPDX-License-Identifier: Apache-2.0
//
// CONFIG GET, SET, RESETSTAT, REWRITE. Source: redis.io/commands/config-set and its kin.
#include <algorithm>
#include <string>
#include <vector>

#include "base/text.hpp"
#include "redis/commands/config/setting_rows.hpp"
#include "redis/commands/context.hpp"
#include "redis/commands/handlers.hpp"

namespace compozy::redis {

namespace {

std::string failed(std::string_view name, std::string_view reason) {
  return "ERR CONFIG SET failed (possibly related to argument '" + std::string(name) + "') - " + std::string(reason);
}

// Why this setting may not be set by this client now; empty: it may.
std::string refusal(const Context& ctx, const SettingRow& row, std::string_view name) {
  if (row.has(kImmutable)) return failed(name, "can't set immutable config");
  if (row.has(kProtected) && !ctx.server.allows_protected(ctx.server.settings.enable_protected_configs, ctx.session))
    return failed(name, "can't set protected config");
  if (row.has(kDenyLoading) && (ctx.server.loading || ctx.server.loading_aside))
    return "LOADING Redis is loading the dataset in memory";
  return {};
}

// The rows of the names that are given, or the error reply.
std::string rows_of(const Context& ctx, std::vector<const SettingRow*>& rows) {
  for (size_t i = 2; i < ctx.size(); i += 2) {
    const SettingRow* row = find_setting(ctx.arg(i));
    if (row == nullptr) {
      return "ERR Unknown option or number of arguments for CONFIG SET - '" + std::string(ctx.arg(i)) + "'";
    }
    if (std::string reason = refusal(ctx, *row, ctx.arg(i)); !reason.empty()) return reason;
    if (std::ranges::find(rows, row) != rows.end()) return failed(ctx.arg(i), "duplicate parameter");
    rows.push_back(row);
  }
  return {};
}

}  // namespace

void run_config_get(Context& ctx) {
  const std::vector<std::string> patterns(ctx.args.begin() + 2, ctx.args.end());
  const auto found = ctx.server.settings.get(patterns);
  ctx.reply.map(found.size());
  for (const auto& [name, value] : found) {
    ctx.reply.bulk(name);
    ctx.reply.bulk(value);
  }
}

void run_config_set(Context& ctx) {
  if (ctx.size() % 2 != 0) return ctx.wrong_arguments();
  std::vector<const SettingRow*> rows;
  if (const std::string refused = rows_of(ctx, rows); !refused.empty()) {
    ctx.error(refused);
    return;
  }
  Settings& settings = ctx.server.settings;
  const Settings before = settings;  // All or nothing.
  for (size_t i = 0; i < rows.size(); ++i) {
    const std::string_view name = ctx.arg(2 + 2 * i);
    const auto set = settings.set(name, ctx.arg(3 + 2 * i));
    if (set) continue;
    settings = before;
    ctx.error(failed(name, set.error().message));
    return;
  }
  for (size_t i = 0; i < rows.size(); ++i) {
    if (before.value_of(*rows[i]) == settings.value_of(*rows[i])) continue;
    const std::string reason = ctx.server.apply_setting(*rows[i], before);
    if (reason.empty()) continue;
    const Settings wanted = settings;
    settings = before;
    for (size_t k = 0; k < i; ++k) (void)ctx.server.apply_setting(*rows[k], wanted);
    ctx.server.apply_settings();
    ctx.error(failed(ctx.arg(2 + 2 * i), reason));
    return;
  }
  ctx.server.apply_settings();
  ctx.reply.ok();
}

void run_config_resetstat(Context& ctx) {
  ctx.server.engine->reset_statistics();
  ctx.reply.ok();
}

}  // namespace compozy::redis
