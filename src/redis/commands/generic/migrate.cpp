// SPDX-License-Identifier: Apache-2.0
//
// MIGRATE: keys go to another Redis as RESTORE commands and are deleted here when it has taken them. As in Redis, this
// server stands still meanwhile, so that nobody can change a key between: each step on the network is bounded by the
// command's timeout. There is no cache of connections. Source: redis.io/commands/migrate.
#include <algorithm>
#include <string>
#include <vector>

#include "redis/commands/context.hpp"
#include "redis/commands/generic/redis_peer.hpp"
#include "redis/commands/handlers.hpp"
#include "redis/rdb/value_codec.hpp"

namespace compozy::redis {

namespace {

struct Migration {
  std::string host;
  std::string port;
  std::vector<std::string_view> keys;
  int64_t database = 0;
  int64_t timeout_ms = 0;
  bool copy = false;
  bool replace = false;
  std::string_view user;
  std::string_view password;
  bool authenticates = false;
};

bool parse_options(Context& ctx, Migration& migration) {
  for (size_t i = 6; i < ctx.size(); ++i) {
    const size_t left = ctx.size() - i - 1;
    if (ctx.is(i, "COPY")) {
      migration.copy = true;
    } else if (ctx.is(i, "REPLACE")) {
      migration.replace = true;
    } else if (ctx.is(i, "AUTH")) {
      if (left == 0) return ctx.error(kSyntaxError);
      migration.password = ctx.arg(++i);
      migration.authenticates = true;
    } else if (ctx.is(i, "AUTH2")) {
      if (left < 2) return ctx.error(kSyntaxError);
      migration.user = ctx.arg(++i);
      migration.password = ctx.arg(++i);
      migration.authenticates = true;
    } else if (ctx.is(i, "KEYS")) {
      if (!ctx.arg(3).empty()) {
        return ctx.error("ERR When using MIGRATE KEYS option, the key argument must be set to the empty string");
      }
      migration.keys.assign(ctx.args.begin() + static_cast<std::ptrdiff_t>(i) + 1, ctx.args.end());
      return true;
    } else {
      return ctx.error(kSyntaxError);
    }
  }
  return true;
}

bool parse(Context& ctx, Migration& migration) {
  migration.host = ctx.arg(1);
  migration.port = ctx.arg(2);
  migration.keys = {ctx.arg(3)};
  if (!parse_options(ctx, migration)) return false;
  if (!ctx.integer(ctx.arg(5), migration.timeout_ms) || !ctx.integer(ctx.arg(4), migration.database)) return false;
  if (migration.timeout_ms <= 0) migration.timeout_ms = 1000;
  return true;
}

// The commands that bring one key there.
std::string restore_command(Context& ctx, const Migration& migration, std::string_view key, const Entry& entry) {
  const std::string payload = dump_payload(entry);
  const int64_t ttl = entry.has_deadline() ? std::max<int64_t>(1, entry.deadline_ms() - ctx.now_ms()) : 0;
  const std::string ttl_text = std::to_string(ttl);
  std::vector<std::string_view> command{"RESTORE", key, ttl_text, payload};
  if (migration.replace) command.emplace_back("REPLACE");
  std::string bytes;
  append_command(bytes, command);
  return bytes;
}

std::string opening(const Migration& migration, size_t& replies) {
  std::string bytes;
  if (migration.authenticates) {
    std::vector<std::string_view> auth{"AUTH"};
    if (!migration.user.empty()) auth.push_back(migration.user);
    auth.push_back(migration.password);
    append_command(bytes, auth);
    ++replies;
  }
  append_command(bytes, std::vector<std::string>{"SELECT", std::to_string(migration.database)});
  ++replies;
  return bytes;
}

void delete_moved(Context& ctx, const std::vector<std::string_view>& moved) {
  if (moved.empty()) return ctx.propagate_nothing();
  std::vector<std::string_view> command{"DEL"};
  for (const std::string_view key : moved) {
    if (!ctx.db().erase(key)) continue;
    ctx.touched(key);
    command.push_back(key);
  }
  ctx.propagate_as(command);
}

// Reads a reply for each command; the keys that were taken. The text is the first error of the other server.
bool read_replies(RedisPeer& peer, size_t first, const std::vector<std::string_view>& keys,
                  std::vector<std::string_view>& taken, std::string& refused) {
  bool opened = true;
  for (size_t i = 0; i < first; ++i) {
    std::string line;
    if (!peer.read_line(line)) return false;
    if (!line.starts_with('-')) continue;
    if (refused.empty()) refused = line.substr(1);
    opened = false;
  }
  for (const std::string_view key : keys) {
    std::string line;
    if (!peer.read_line(line)) return false;
    if (line.starts_with('-')) {
      if (refused.empty()) refused = line.substr(1);
    } else if (opened) {
      taken.push_back(key);
    }
  }
  return true;
}

}  // namespace

void run_migrate(Context& ctx) {
  Migration migration;
  if (!parse(ctx, migration)) return;
  size_t opening_replies = 0;
  std::string bytes = opening(migration, opening_replies);
  std::vector<std::string_view> there;
  for (const std::string_view key : migration.keys) {
    const Entry* entry = ctx.find_counted(key);
    if (entry == nullptr) continue;
    bytes += restore_command(ctx, migration, key, *entry);
    there.push_back(key);
  }
  if (there.empty()) return ctx.reply.simple("NOKEY");
  RedisPeer peer;
  if (!peer.connect(migration.host, migration.port, migration.timeout_ms)) {
    ctx.error("IOERR error or timeout connecting to the client");
    return;
  }
  if (!peer.write(bytes)) {
    ctx.error("IOERR error or timeout writing to target instance");
    return;
  }
  std::vector<std::string_view> taken;
  std::string refused;
  const bool whole = read_replies(peer, opening_replies, there, taken, refused);
  if (migration.copy) {
    ctx.propagate_nothing();
  } else {
    delete_moved(ctx, taken);
  }
  if (!refused.empty()) {
    ctx.error("ERR Target instance replied with error: " + refused);
  } else if (!whole) {
    ctx.error("IOERR error or timeout reading from target instance");
  } else {
    ctx.reply.ok();
  }
}

}  // namespace compozy::redis
