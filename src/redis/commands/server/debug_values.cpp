// SPDX-License-Identifier: Apache-2.0
#include "redis/commands/server/debug_values.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "base/text.hpp"
#include "redis/commands/context.hpp"
#include "redis/commands/handlers.hpp"
#include "redis/rdb/rdb_file.hpp"
#include "redis/rdb/value_codec.hpp"
#include "redis/resp/sha1.hpp"

namespace compozy::redis {

namespace {

// 160 bits; sums of parts do not depend on their order. Equal data has equal digests; they are not Redis' own.
class Digest {
 public:
  void add(std::string_view part) {
    const std::string hex = sha1_hex(part);
    for (size_t i = 0; i < digits_.size(); ++i) digits_[i] = static_cast<uint8_t>(digits_[i] ^ value_of(hex[i]));
  }
  std::string text() const {
    std::string hex;
    for (const uint8_t digit : digits_) hex += "0123456789abcdef"[digit];
    return hex;
  }

 private:
  static int value_of(char digit) { return digit <= '9' ? digit - '0' : digit - 'a' + 10; }
  std::array<uint8_t, 40> digits_{};
};

std::string digest_of_value(const Entry& entry) {
  Digest digest;
  if (entry.type == Type::hash) {
    entry.value<HashValue>().for_each([&](std::string_view name, std::string_view value) {
      digest.add(std::to_string(name.size()) + ":" + std::string(name) + std::string(value));
    });
  } else if (entry.type == Type::set) {
    entry.value<SetValue>().for_each([&](std::string_view member) { digest.add(member); });
  } else if (entry.type == Type::zset) {
    entry.value<ZSetValue>().for_each([&](const ScoredMember& member) {
      digest.add(format_reply_double(member.score) + ":" + std::string(member.text()));
    });
  } else {
    std::string bytes;
    RdbWriter writer(bytes);
    write_value(writer, entry);
    digest.add(bytes);
  }
  Digest whole;
  whole.add(std::string(type_name(entry.type)) + digest.text());
  if (entry.has_deadline()) whole.add("!!expire!!");
  return whole.text();
}

void describe_table(std::string& text, size_t elements, size_t buckets) {
  text += "Hash table 0 stats (main hash table):\n";
  if (elements == 0) {
    text += "No stats available for empty dictionaries\n";
    return;
  }
  text += " table size: " + std::to_string(buckets) + "\n number of elements: " + std::to_string(elements) + "\n";
}

}  // namespace

void debug_digest(Context& ctx) {
  Digest digest;
  bool any = false;
  for (size_t i = 0; i < ctx.space().database_count(); ++i) {
    ctx.space().database(i).for_each([&](const Entry& entry) {
      any = true;
      digest.add(std::to_string(i) + ":" + std::string(entry.key()) + ":" + digest_of_value(entry));
    });
  }
  ctx.reply.simple(any ? digest.text() : std::string(40, '0'));
}

void debug_digest_value(Context& ctx) {
  ctx.reply.array(ctx.size() - 2);
  for (const std::string_view key : ctx.args.subspan(2)) {
    const Entry* entry = ctx.db().peek(key);
    ctx.reply.simple(entry == nullptr ? std::string(40, '0') : digest_of_value(*entry));
  }
}

void debug_htstats(Context& ctx) {
  int64_t index = 0;
  if (!ctx.integer(ctx.arg(2), index)) return;
  if (index < 0 || index >= static_cast<int64_t>(ctx.space().database_count())) {
    ctx.error("ERR Out of range database");
    return;
  }
  const Database& database = ctx.space().database(static_cast<size_t>(index));
  std::string text = "[Dictionary HT]\n";
  describe_table(text, database.size(), database.bucket_count());
  text += "[Expires HT]\n";
  describe_table(text, database.volatile_size(), database.bucket_count());
  ctx.reply.verbatim("txt", text);
}

void debug_htstats_key(Context& ctx) {
  const Entry* entry = ctx.db().peek(ctx.arg(2));
  if (entry == nullptr) {
    ctx.error(kNoSuchKey);
    return;
  }
  std::string text;
  if (entry->type == Type::hash && entry->value<HashValue>().is_table()) {
    const auto& hash = entry->value<HashValue>();
    describe_table(text, hash.size(), hash.bucket_count());
  } else if (entry->type == Type::set && entry->value<SetValue>().is_table()) {
    const auto& set = entry->value<SetValue>();
    describe_table(text, set.size(), set.bucket_count());
  } else if (entry->type == Type::zset && entry->value<ZSetValue>().is_large()) {
    const auto& zset = entry->value<ZSetValue>();
    describe_table(text, zset.size(), zset.bucket_count());
  } else {
    ctx.error("ERR The value stored at the specified key is not represented using an hash table");
    return;
  }
  ctx.reply.verbatim("txt", text);
}

void debug_listpack(Context& ctx) {
  if (ctx.db().peek(ctx.arg(2)) == nullptr) {
    ctx.error(kNoSuchKey);
    return;
  }
  ctx.reply.simple("Listpacks are made when a value is dumped");
}

// Lists have no plain nodes: an element that is larger than a chunk has a chunk of its own at any threshold.
void debug_quicklist_packed_threshold(Context& ctx) {
  const std::string_view text = ctx.arg(2);
  const size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  const std::string unit = to_lower(text.substr(digits));
  constexpr std::array<std::string_view, 8> kUnits{"", "b", "k", "kb", "m", "mb", "g", "gb"};
  if (digits == 0 || digits > 10 || std::ranges::find(kUnits, unit) == kUnits.end()) {
    ctx.error("ERR argument must be a memory value bigger than 1 and smaller than 4gb");
    return;
  }
  ctx.reply.ok();
}

void debug_reload(Context& ctx) {
  bool flush = true;
  bool merge = false;
  bool save = true;
  for (size_t i = 2; i < ctx.size(); ++i) {
    if (ctx.is(i, "NOFLUSH")) {
      flush = false;
    } else if (ctx.is(i, "NOSAVE")) {
      save = false;
    } else if (ctx.is(i, "MERGE")) {
      merge = true;
    } else {
      ctx.error("ERR DEBUG RELOAD only supports the MERGE, NOFLUSH and NOSAVE options.");
      return;
    }
  }
  ctx.propagate_nothing();
  if (ctx.server.storage != nullptr) {
    const std::string problem = ctx.server.storage->reload(save, flush   ? RestorePolicy::flush
                                                                 : merge ? RestorePolicy::replace
                                                                         : RestorePolicy::append);
    if (problem.empty()) return ctx.reply.ok();
    ctx.error(problem);
    return;
  }
  // Without a dump file the data makes the same journey through memory.
  const std::string bytes = make_rdb(ctx.space(), {.version = std::string(kRedisVersion)});
  if (flush) ctx.space().clear();
  const auto loaded = load_rdb(bytes, ctx.space());
  if (loaded) return ctx.reply.ok();
  ctx.error("ERR Error trying to load the RDB dump: " + loaded.error().message);
}

void debug_load_log(Context& ctx) {
  ctx.propagate_nothing();
  const std::string problem = ctx.server.engine->reload_log();
  if (problem.empty()) return ctx.reply.ok();
  ctx.error(problem);
}

}  // namespace compozy::redis
