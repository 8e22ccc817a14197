// SPDX-License-Identifier: Apache-2.0
//
// XINFO. Source: redis.io/commands/xinfo-stream.
#include <algorithm>
#include <string>

#include "redis/commands/context.hpp"
#include "redis/commands/handlers.hpp"
#include "redis/commands/help.hpp"
#include "redis/commands/streams/stream_args.hpp"

namespace compozy::redis {

namespace {

// Null after an error.
const StreamValue* find_stream(Context& ctx) {
  const StreamValue* stream = nullptr;
  if (ctx.read(ctx.arg(2), stream) && stream == nullptr) ctx.error(kNoSuchKey);
  return stream;
}

void reply_number(Context& ctx, std::string_view name, uint64_t value) {
  ctx.reply.bulk(name);
  ctx.reply.integer(static_cast<int64_t>(value));
}

void reply_id(Context& ctx, std::string_view name, StreamId id) {
  ctx.reply.bulk(name);
  ctx.reply.bulk(id.to_string());
}

// How many entries the group has still to read, where that can be known.
void reply_progress(Context& ctx, const StreamValue& stream, const StreamGroup& group) {
  ctx.reply.bulk("entries-read");
  if (group.entries_read == StreamGroup::kUnknown) {
    ctx.reply.null();
  } else {
    ctx.reply.integer(group.entries_read);
  }
  ctx.reply.bulk("lag");
  int64_t read = group.entries_read;
  if (stream.entries_added == 0) return ctx.reply.integer(0);
  if (read == StreamGroup::kUnknown || stream.has_deletions_after(group.last_id)) {
    read = stream.entries_added_until(group.last_id);
  }
  if (read == StreamGroup::kUnknown) return ctx.reply.null();
  ctx.reply.integer(static_cast<int64_t>(stream.entries_added) - read);
}

void reply_common(Context& ctx, const StreamValue& stream) {
  reply_number(ctx, "length", stream.size());
  reply_number(ctx, "radix-tree-keys", stream.chunk_count());
  reply_number(ctx, "radix-tree-nodes", stream.radix_nodes());
  reply_id(ctx, "last-generated-id", stream.last_id);
  reply_id(ctx, "max-deleted-entry-id", stream.max_deleted_id);
  reply_number(ctx, "entries-added", stream.entries_added);
  reply_id(ctx, "recorded-first-entry-id", stream.first_id);
}

void reply_edge(Context& ctx, const StreamValue& stream, bool first) {
  ctx.reply.bulk(first ? "first-entry" : "last-entry");
  if (stream.size() == 0) return ctx.reply.null();
  reply_stream_entry(ctx, stream, *stream.edge(first));
}

void reply_pending_full(Context& ctx, const StreamGroup& group, uint64_t count) {
  reply_number(ctx, "pel-count", group.pending.size());
  ctx.reply.bulk("pending");
  const size_t shown = count == 0 ? group.pending.size() : std::min<uint64_t>(count, group.pending.size());
  ctx.reply.array(shown);
  auto at = group.pending.begin();
  for (size_t i = 0; i < shown; ++i, ++at) {
    ctx.reply.array(4);
    ctx.reply.bulk(at->first.to_string());
    ctx.reply.bulk(at->second.consumer->first);
    ctx.reply.integer(at->second.time_ms);
    ctx.reply.integer(static_cast<int64_t>(at->second.count));
  }
}

void reply_consumer_full(Context& ctx, const StreamGroup& group, std::string_view name, const StreamConsumer& consumer,
                         uint64_t count) {
  ctx.reply.map(4);
  ctx.reply.bulk("name");
  ctx.reply.bulk(name);
  ctx.reply.bulk("seen-time");
  ctx.reply.integer(consumer.seen_ms);
  reply_number(ctx, "pel-count", consumer.pending.size());
  ctx.reply.bulk("pending");
  const size_t shown = count == 0 ? consumer.pending.size() : std::min<uint64_t>(count, consumer.pending.size());
  ctx.reply.array(shown);
  auto at = consumer.pending.begin();
  for (size_t i = 0; i < shown; ++i, ++at) {
    const auto& delivery = group.pending.find(*at)->second;
    ctx.reply.array(3);
    ctx.reply.bulk(at->to_string());
    ctx.reply.integer(delivery.time_ms);
    ctx.reply.integer(static_cast<int64_t>(delivery.count));
  }
}

void reply_full(Context& ctx, const StreamValue& stream, uint64_t count) {
  ctx.reply.map(9);
  reply_common(ctx, stream);
  ctx.reply.bulk("entries");
  const size_t shown = count == 0 ? stream.size() : std::min<uint64_t>(count, stream.size());
  ctx.reply.array(shown);
  size_t left = shown;
  if (left > 0) {
    stream.for_each({}, StreamId::max(), false, [&](StreamId id, const StreamValue::Fields& fields) {
      reply_stream_entry(ctx, id, fields);
      return --left > 0;
    });
  }
  ctx.reply.bulk("groups");
  ctx.reply.array(stream.groups.size());
  for (const auto& [name, group] : stream.groups) {
    ctx.reply.map(7);
    ctx.reply.bulk("name");
    ctx.reply.bulk(name);
    reply_id(ctx, "last-delivered-id", group.last_id);
    reply_progress(ctx, stream, group);
    reply_pending_full(ctx, group, count);
    ctx.reply.bulk("consumers");
    ctx.reply.array(group.consumers.size());
    for (const auto& [consumer_name, consumer] : group.consumers) {
      reply_consumer_full(ctx, group, consumer_name, consumer, count);
    }
  }
}

}  // namespace

void run_xinfo_stream(Context& ctx) {
  constexpr int64_t kDefaultCount = 10;
  const StreamValue* stream = find_stream(ctx);
  if (stream == nullptr) return;
  int64_t count = kDefaultCount;
  const bool full = ctx.size() > 3;
  const bool counted = ctx.size() == 6 && ctx.is(4, "COUNT");
  if (full && (!ctx.is(3, "FULL") || (ctx.size() != 4 && !counted))) {
    ctx.error("ERR unknown subcommand or wrong number of arguments for '" + std::string(ctx.arg(1).substr(0, 128)) +
              "'. Try XINFO HELP.");
    return;
  }
  if (counted && !ctx.integer(ctx.arg(5), count)) return;
  if (count < 0) count = kDefaultCount;
  if (full) return reply_full(ctx, *stream, static_cast<uint64_t>(count));
  ctx.reply.map(10);
  reply_common(ctx, *stream);
  reply_number(ctx, "groups", stream->groups.size());
  reply_edge(ctx, *stream, true);
  reply_edge(ctx, *stream, false);
}

void run_xinfo_groups(Context& ctx) {
  const StreamValue* stream = find_stream(ctx);
  if (stream == nullptr) return;
  ctx.reply.array(stream->groups.size());
  for (const auto& [name, group] : stream->groups) {
    ctx.reply.map(6);
    ctx.reply.bulk("name");
    ctx.reply.bulk(name);
    reply_number(ctx, "consumers", group.consumers.size());
    reply_number(ctx, "pending", group.pending.size());
    reply_id(ctx, "last-delivered-id", group.last_id);
    reply_progress(ctx, *stream, group);
  }
}

void run_xinfo_consumers(Context& ctx) {
  const StreamValue* stream = find_stream(ctx);
  if (stream == nullptr) return;
  const auto group = stream->groups.find(ctx.arg(3));
  if (group == stream->groups.end()) {
    ctx.error("NOGROUP No such consumer group '" + std::string(ctx.arg(3)) + "' for key name '" +
              std::string(ctx.arg(2)) + "'");
    return;
  }
  ctx.reply.array(group->second.consumers.size());
  for (const auto& [name, consumer] : group->second.consumers) {
    ctx.reply.map(3);
    ctx.reply.bulk("name");
    ctx.reply.bulk(name);
    reply_number(ctx, "pending", consumer.pending.size());
    ctx.reply.bulk("idle");
    ctx.reply.integer(std::max<int64_t>(0, ctx.now_ms() - consumer.seen_ms));
  }
}

void run_xinfo_help(Context& ctx) {
  reply_help(ctx, {"CONSUMERS <key> <group>", "    Lists the consumers of a group.", "GROUPS <key>",
                   "    Lists the groups of a stream.", "STREAM <key> [FULL [COUNT <count>]]",
                   "    Describes a stream; FULL shows entries, groups and what is pending."});
}

}  // namespace compozy::redis
