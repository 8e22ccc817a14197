// SPDX-License-Identifier: Apache-2.0
//
// DUMP and RESTORE. The log gets RESTORE with an absolute deadline. Source: redis.io/commands/restore.
#include <string>
#include <vector>

#include "redis/commands/context.hpp"
#include "redis/commands/handlers.hpp"
#include "redis/rdb/value_codec.hpp"

namespace compozy::redis {

namespace {

struct RestoreOptions {
  bool replace = false;
  bool absolute = false;
  int64_t idle_seconds = -1;
  int64_t frequency = -1;
};

bool parse_restore(Context& ctx, RestoreOptions& options) {
  for (size_t i = 4; i < ctx.size(); ++i) {
    const bool more = i + 1 < ctx.size();
    if (ctx.is(i, "REPLACE")) {
      options.replace = true;
    } else if (ctx.is(i, "ABSTTL")) {
      options.absolute = true;
    } else if (ctx.is(i, "IDLETIME") && more && options.frequency == -1) {
      if (!ctx.integer(ctx.arg(++i), options.idle_seconds)) return false;
      if (options.idle_seconds < 0) return ctx.error("ERR Invalid IDLETIME value, must be >= 0");
    } else if (ctx.is(i, "FREQ") && more && options.idle_seconds == -1) {
      if (!ctx.integer(ctx.arg(++i), options.frequency)) return false;
      if (options.frequency < 0 || options.frequency > 255) {
        return ctx.error("ERR Invalid FREQ value, must be >= 0 and <= 255");
      }
    } else {
      return ctx.error(kSyntaxError);
    }
  }
  return true;
}

bool read(Context& ctx, std::string_view payload, LoadedValue& value) {
  switch (read_payload(payload, ctx.space().limits, value, !ctx.server.skip_payload_checksums)) {
    case PayloadError::none: return true;
    case PayloadError::checksum: return ctx.error("ERR DUMP payload version or checksum are wrong");
    case PayloadError::format: break;
  }
  if (ctx.server.host != nullptr) {
    ctx.server.host->log("RESTORE refused: " + std::string(encoding_name(payload)) + " integrity check failed");
  }
  return ctx.error("ERR Bad data format");
}

void propagate_restore(Context& ctx, int64_t deadline_ms, const RestoreOptions& options) {
  std::vector<std::string> command(ctx.args.begin(), ctx.args.end());
  command[2] = std::to_string(deadline_ms);
  if (!options.absolute) command.emplace_back("ABSTTL");
  ctx.propagate_as(std::vector<std::string_view>(command.begin(), command.end()));
}

}  // namespace

void run_dump(Context& ctx) {
  const Entry* entry = ctx.find_counted(ctx.arg(1));
  if (entry == nullptr) return ctx.reply.null();
  ctx.reply.bulk(dump_payload(*entry));
}

void run_restore(Context& ctx) {
  const std::string_view key = ctx.arg(1);
  RestoreOptions options;
  if (!parse_restore(ctx, options)) return;
  if (!options.replace && ctx.db().exists(key)) {
    ctx.error("BUSYKEY Target key name already exists.");
    return;
  }
  int64_t ttl = 0;
  if (!ctx.integer(ctx.arg(2), ttl)) return;
  if (ttl < 0) {
    ctx.error("ERR Invalid TTL value, must be >= 0");
    return;
  }
  LoadedValue value;
  if (!read(ctx, ctx.arg(3), value)) return;
  const bool deleted = options.replace && ctx.db().exists(key) && ctx.db().erase(key);
  const bool limited = ttl != 0;
  if (limited && !options.absolute && add_overflows(ttl, ctx.now_ms(), ttl)) ttl = INT64_MAX;
  if (limited && ttl <= ctx.now_ms() && !ctx.space().replaying()) {
    if (deleted) {
      ctx.touched(key);
      ctx.propagate_as({"DEL", key});
    }
    return ctx.reply.ok();
  }
  value.add_to(ctx.db(), key, limited ? ttl : -1);
  if (options.frequency >= 0 && ctx.space().tracks_frequency()) {
    ctx.space().set_frequency(*ctx.db().find_for_write(key), static_cast<uint8_t>(options.frequency));
  }
  if (options.idle_seconds >= 0 && !ctx.space().tracks_frequency()) {
    Entry* entry = ctx.db().find_for_write(key);
    entry->lru = (ctx.space().lru_clock() - static_cast<uint32_t>(options.idle_seconds)) & 0xffffff;
  }
  ctx.touched(key);
  if (limited) propagate_restore(ctx, ttl, options);
  ctx.reply.ok();
}

}  // namespace compozy::redis
