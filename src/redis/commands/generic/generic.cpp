// SPDX-License-Identifier: Apache-2.0
//
// Commands on keys of any type. Source: redis.io/commands/?group=generic.
#include <algorithm>
#include <string>
#include <vector>

#include "base/text.hpp"
#include "redis/commands/context.hpp"
#include "redis/commands/handlers.hpp"
#include "redis/commands/help.hpp"

namespace compozy::redis {

namespace {

void delete_keys(Context& ctx, Release release) {
  int64_t deleted = 0;
  for (const std::string_view key : ctx.args.subspan(1)) {
    if (!ctx.db().exists(key) || !ctx.db().erase(key, release)) continue;
    ctx.touched(key);
    ++deleted;
  }
  ctx.reply.integer(deleted);
}

void rename(Context& ctx, bool only_new) {
  const std::string_view from = ctx.arg(1);
  const std::string_view to = ctx.arg(2);
  if (!ctx.db().exists(from)) {
    ctx.error(kNoSuchKey);
    return;
  }
  if (from == to) return only_new ? ctx.reply.integer(0) : ctx.reply.ok();
  if (ctx.db().exists(to)) {
    if (only_new) return ctx.reply.integer(0);
    ctx.db().erase(to);
  }
  Entry* entry = ctx.db().detach(from);
  const Type type = entry->type;
  const auto encoding = static_cast<uint8_t>(entry->flags & Entry::kEncoding);
  const int64_t deadline_ms = entry->deadline_ms();
  ctx.db().add(to, type, Database::release_value(entry), deadline_ms)->flags |= encoding;
  ctx.touched(from);
  ctx.touched(to);
  if (only_new) {
    ctx.reply.integer(1);
  } else {
    ctx.reply.ok();
  }
}

// `use`: whether that is a use of the keys.
void count_keys(Context& ctx, bool use) {
  int64_t count = 0;
  for (const std::string_view key : ctx.args.subspan(1)) count += ctx.find_counted(key, use) != nullptr ? 1 : 0;
  ctx.reply.integer(count);
}

bool parse_database(Context& ctx, std::string_view text, size_t& index) {
  int64_t value = 0;
  if (!ctx.integer(text, value)) return false;
  if (value < 0 || value >= static_cast<int64_t>(ctx.space().database_count())) {
    return ctx.error("ERR DB index is out of range");
  }
  index = static_cast<size_t>(value);
  return true;
}

}  // namespace

void run_del(Context& ctx) {
  delete_keys(ctx, ctx.server.settings.lazyfree_lazy_user_del ? Release::lazily : Release::later);
}
void run_unlink(Context& ctx) { delete_keys(ctx, Release::lazily); }

void run_exists(Context& ctx) { count_keys(ctx, false); }

void run_touch(Context& ctx) { count_keys(ctx, true); }

void run_type(Context& ctx) {
  const Entry* entry = ctx.db().peek(ctx.arg(1));
  ctx.reply.simple(entry == nullptr ? "none" : type_name(entry->type));
}

void run_rename(Context& ctx) { rename(ctx, false); }
void run_renamenx(Context& ctx) { rename(ctx, true); }

void run_randomkey(Context& ctx) {
  if (ctx.may_block) ctx.server.effects.separate = true;  // It may delete dead keys, one by one.
  const Entry* entry = ctx.db().random();
  if (entry == nullptr) return ctx.reply.null();
  ctx.reply.bulk(entry->key());
}

void run_keys(Context& ctx) {
  const std::string_view pattern = ctx.arg(1);
  const bool all = pattern == "*";
  const int64_t now = ctx.now_ms();
  const size_t place = ctx.reply.begin_deferred();
  size_t count = 0;
  ctx.db().for_each([&](const Entry& entry) {
    if (ctx.reply.full() || (entry.has_deadline() && now > entry.deadline_ms())) return;
    if (!all && !glob_match(pattern, entry.key())) return;
    ctx.reply.bulk(entry.key());
    ++count;
  });
  ctx.reply.end_array(place, count);
}

void run_move(Context& ctx) {
  size_t target = 0;
  if (!parse_database(ctx, ctx.arg(2), target)) return;
  if (target == ctx.session.database) {
    ctx.error("ERR source and destination objects are the same");
    return;
  }
  const std::string_view key = ctx.arg(1);
  Database& other = ctx.space().database(target);
  if (!ctx.db().exists(key) || other.exists(key)) return ctx.reply.integer(0);
  Entry* entry = ctx.db().detach(key);
  const Type type = entry->type;
  const auto encoding = static_cast<uint8_t>(entry->flags & Entry::kEncoding);
  const int64_t deadline_ms = entry->deadline_ms();
  other.add(key, type, Database::release_value(entry), deadline_ms)->flags |= encoding;
  ctx.touched(key);
  ctx.touched_in(other, key);
  ctx.reply.integer(1);
}

void run_copy(Context& ctx) {
  size_t target = ctx.session.database;
  bool replace = false;
  for (size_t i = 3; i < ctx.size(); ++i) {
    if (ctx.is(i, "REPLACE")) {
      replace = true;
    } else if (ctx.is(i, "DB") && i + 1 < ctx.size()) {
      if (!parse_database(ctx, ctx.arg(++i), target)) return;
    } else {
      ctx.error(kSyntaxError);
      return;
    }
  }
  const std::string_view from = ctx.arg(1);
  const std::string_view to = ctx.arg(2);
  if (target == ctx.session.database && from == to) {
    ctx.error("ERR source and destination objects are the same");
    return;
  }
  Database& other = ctx.space().database(target);
  if (!ctx.db().exists(from)) return ctx.reply.integer(0);
  if (other.exists(to)) {
    if (!replace) return ctx.reply.integer(0);
    other.erase(to);
  }
  const Entry* entry = ctx.db().find(from);
  const Type type = entry->type;
  const auto encoding = static_cast<uint8_t>(entry->flags & Entry::kEncoding);
  const int64_t deadline_ms = entry->deadline_ms();
  other.add(to, type, copy_value(*entry, ctx.space()), deadline_ms)->flags |= encoding;
  ctx.touched_in(other, to);
  ctx.reply.integer(1);
}

namespace {

std::string_view encoding_of(const Entry& entry) {
  int64_t integer = 0;
  switch (entry.type) {
    case Type::string:
      if ((entry.flags & Entry::kRaw) != 0) return "raw";
      if ((entry.flags & Entry::kNotInteger) == 0 && is_canonical_integer(entry.string(), integer)) return "int";
      return entry.string().size() <= 44 ? "embstr" : "raw";
    case Type::list: return "quicklist";
    case Type::hash: return entry.value<HashValue>().is_table() ? "hashtable" : "listpack";
    case Type::set: return entry.value<SetValue>().is_table() ? "hashtable" : "intset";
    case Type::zset: return entry.value<ZSetValue>().is_large() ? "skiplist" : "listpack";
    case Type::stream: return "stream";
  }
  return "unknown";
}

const Entry* object_entry(Context& ctx) {
  const Entry* entry = ctx.db().peek(ctx.arg(2));
  if (entry == nullptr) ctx.reply.null();
  return entry;
}

}  // namespace

void run_object_encoding(Context& ctx) {
  if (const Entry* entry = object_entry(ctx)) ctx.reply.bulk(encoding_of(*entry));
}

// Redis shares small integers, unless each needs a time of its own for an LRU or LFU policy.
void run_object_refcount(Context& ctx) {
  constexpr int64_t kSharedIntegers = 10000;
  constexpr int64_t kShared = 2147483647;
  const Entry* entry = object_entry(ctx);
  if (entry == nullptr) return;
  const Settings& settings = ctx.server.settings;
  const bool own_times = settings.maxmemory > 0 &&
                         (settings.maxmemory_policy.ends_with("-lru") || settings.maxmemory_policy.ends_with("-lfu"));
  int64_t number = 0;
  const bool shared = entry->type == Type::string && !own_times && encoding_of(*entry) == "int" &&
                      is_canonical_integer(entry->string(), number) && number >= 0 && number < kSharedIntegers;
  ctx.reply.integer(shared ? kShared : 1);
}

void run_object_idletime(Context& ctx) {
  const Entry* entry = object_entry(ctx);
  if (entry == nullptr) return;
  if (!ctx.space().tracks_frequency()) return ctx.reply.integer(ctx.space().idle_seconds(*entry));
  ctx.error(
      "ERR An LFU maxmemory policy is selected, idle time not tracked. Please note that when switching between "
      "policies "
      "at runtime LRU and LFU data will take some time to adjust.");
}

void run_object_help(Context& ctx) {
  reply_help(ctx, {"ENCODING <key>", "    Tells how the value is stored.", "FREQ <key>",
                   "    Tells how often the key was used lately, on a logarithmic scale.", "IDLETIME <key>",
                   "    Tells for how many seconds the key was not used.", "REFCOUNT <key>",
                   "    Tells how many references the value has."});
}

void run_object_freq(Context& ctx) {
  const Entry* entry = object_entry(ctx);
  if (entry == nullptr) return;
  if (ctx.space().tracks_frequency()) return ctx.reply.integer(ctx.space().frequency(*entry));
  ctx.error(
      "ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that when switching "
      "between policies at runtime LRU and LFU data will take some time to adjust.");
}

void run_debug_object(Context& ctx) {
  const Entry* entry = ctx.db().look(ctx.arg(2));
  if (entry == nullptr) {
    ctx.error(kNoSuchKey);
    return;
  }
  ctx.reply.simple("Value at:0x0 refcount:1 encoding:" + std::string(encoding_of(*entry)) +
                   " serializedlength:0 lru:" + std::to_string(entry->lru) +
                   " lru_seconds_idle:" + std::to_string((ctx.space().lru_clock() - entry->lru) & 0xffffff));
}

}  // namespace compozy::redis
