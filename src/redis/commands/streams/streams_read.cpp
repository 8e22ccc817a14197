// SPDX-License-Identifier: Apache-2.0
//
// XREAD and XREADGROUP, also blocking. A blocked client is served by the first of its streams that gets an entry; a
// group's client is woken with an error when the stream or the group goes away. The log gets an XCLAIM for each
// delivery and the group's new last ID. Source: redis.io/commands/xreadgroup.
#include <limits>
#include <string>
#include <vector>

#include "redis/commands/context.hpp"
#include "redis/commands/handlers.hpp"
#include "redis/commands/streams/stream_args.hpp"

namespace compozy::redis {

namespace {

struct Reading {
  bool grouped = false;
  std::string_view group;
  std::string_view consumer;
  bool no_ack = false;
  int64_t count = 0;  // 0: all
  bool blocks = false;
  int64_t deadline_ms = 0;
  size_t first_key = 0;
  size_t streams = 0;
  std::vector<StreamId> after;  // per stream; the highest ID stands for ">"
};

bool parse_block(Context& ctx, std::string_view text, Reading& reading) {
  int64_t ms = 0;
  if (!ctx.integer(text, ms, "ERR timeout is not an integer or out of range")) return false;
  if (ms < 0) return ctx.error("ERR timeout is negative");
  if (ms > std::numeric_limits<int64_t>::max() - ctx.now_ms()) return ctx.error("ERR timeout is out of range");
  if (ctx.from_script)
    return ctx.error("ERR " + std::string(ctx.arg(0)) + " command is not allowed with BLOCK option from scripts");
  reading.blocks = true;
  reading.deadline_ms = ms == 0 ? 0 : ctx.now_ms() + ms;
  return true;
}

bool parse_streams(Context& ctx, size_t first, Reading& reading) {
  reading.first_key = first;
  const size_t left = ctx.size() - first;
  if (left % 2 != 0) {
    return ctx.error("ERR Unbalanced XREAD list of streams: for each stream key an ID or '$' must be specified.");
  }
  reading.streams = left / 2;
  return true;
}

bool parse_option(Context& ctx, size_t& i, Reading& reading) {
  const size_t left = ctx.size() - i - 1;
  if (ctx.is(i, "BLOCK") && left >= 1) return parse_block(ctx, ctx.arg(++i), reading);
  if (ctx.is(i, "COUNT") && left >= 1) {
    if (!ctx.integer(ctx.arg(++i), reading.count)) return false;
    reading.count = std::max<int64_t>(0, reading.count);
    return true;
  }
  if (ctx.is(i, "GROUP") && left >= 2) {
    if (!reading.grouped) {
      return ctx.error("ERR The GROUP option is only supported by XREADGROUP. You called XREAD instead.");
    }
    reading.group = ctx.arg(i + 1);
    reading.consumer = ctx.arg(i + 2);
    i += 2;
    return true;
  }
  if (ctx.is(i, "NOACK")) {
    if (!reading.grouped) {
      return ctx.error("ERR The NOACK option is only supported by XREADGROUP. You called XREAD instead.");
    }
    reading.no_ack = true;
    return true;
  }
  return ctx.error(kSyntaxError);
}

bool parse_options(Context& ctx, Reading& reading) {
  for (size_t i = 1; i < ctx.size(); ++i) {
    if (ctx.is(i, "STREAMS") && i + 1 < ctx.size()) {
      if (!parse_streams(ctx, i + 1, reading)) return false;
      break;
    }
    if (!parse_option(ctx, i, reading)) return false;
  }
  if (reading.first_key == 0) return ctx.error(kSyntaxError);
  if (reading.grouped && reading.group.data() == nullptr) {
    return ctx.error("ERR Missing GROUP option for XREADGROUP");
  }
  return true;
}

bool check_group(Context& ctx, std::string_view key, const StreamValue* stream, const Reading& reading) {
  if (stream != nullptr && stream->groups.contains(reading.group)) return true;
  if (ctx.retrying) return ctx.error("NOGROUP the consumer group this client was blocked on no longer exists");
  return ctx.error("NOGROUP No such key '" + std::string(key) + "' or consumer group '" + std::string(reading.group) +
                   "' in XREADGROUP with GROUP option");
}

bool parse_ids(Context& ctx, Reading& reading) {
  for (size_t i = 0; i < reading.streams; ++i) {
    const std::string_view key = ctx.arg(reading.first_key + i);
    const std::string_view text = ctx.arg(reading.first_key + reading.streams + i);
    const StreamValue* stream = nullptr;
    if (!ctx.read(key, stream)) return false;
    if (reading.grouped && !check_group(ctx, key, stream, reading)) return false;
    StreamId id;
    if (text == "$") {
      if (reading.grouped) {
        return ctx.error(
            "ERR The $ ID is meaningless in the context of XREADGROUP: you want to read the history of this consumer "
            "by specifying a proper ID, or use the > ID to get new messages. The $ ID would just return an empty "
            "result set.");
      }
      if (stream != nullptr) id = stream->last_id;
    } else if (text == ">") {
      if (!reading.grouped) {
        return ctx.error(
            "ERR The > ID can be specified only when calling XREADGROUP using the GROUP <group> <consumer> option.");
      }
      id = StreamId::max();
    } else if (!parse_stream_id(ctx, text, id)) {
      return false;
    }
    reading.after.push_back(id);
  }
  return true;
}

// Entries that the consumer has got before and not acknowledged; of deleted ones only the ID is left.
void reply_history(Context& ctx, const StreamValue& stream, StreamGroup& group, StreamConsumer& consumer,
                   StreamId after, int64_t count) {
  const size_t place = ctx.reply.begin_deferred();
  size_t shown = 0;
  for (auto at = consumer.pending.upper_bound(after); at != consumer.pending.end(); ++at) {
    if (count != 0 && static_cast<int64_t>(shown) >= count) break;
    ++shown;
    if (reply_stream_entry(ctx, stream, *at)) {
      auto& delivery = group.pending.find(*at)->second;
      delivery.time_ms = ctx.now_ms();
      ++delivery.count;
    } else {
      ctx.reply.array(2);
      ctx.reply.bulk(at->to_string());
      ctx.reply.null_array();
    }
  }
  ctx.reply.end_array(place, shown);
}

void move_group(const StreamValue& stream, StreamGroup& group, StreamId id) {
  if (group.entries_read != StreamGroup::kUnknown && !stream.has_deletions_after(id)) {
    ++group.entries_read;
  } else if (stream.entries_added > 0) {
    group.entries_read = stream.entries_added_until(id);
  }
  group.last_id = id;
}

void reply_new(Context& ctx, const StreamValue& stream, StreamId from, const Reading& reading, std::string_view key,
               StreamGroup* group, StreamGroup::Consumers::value_type* consumer) {
  const size_t place = ctx.reply.begin_deferred();
  size_t shown = 0;
  bool moved = false;
  stream.for_each(from, StreamId::max(), false, [&](StreamId id, const StreamValue::Fields& fields) {
    if (group != nullptr && id > group->last_id) {
      move_group(stream, *group, id);
      moved = true;
    }
    reply_stream_entry(ctx, id, fields);
    ++shown;
    if (group != nullptr && !reading.no_ack) {
      group->assign(id, *consumer, ctx.now_ms(), 1);
      log_claim(ctx, key, reading.group, *group, id, group->pending.find(id)->second);
    }
    return reading.count == 0 || static_cast<int64_t>(shown) < reading.count;
  });
  ctx.reply.end_array(place, shown);
  if (!moved) return;
  // To the replicas, a claim tells of it, as from Redis; the log shall know the counter of entries, too.
  log_group_id(ctx, key, reading.group, *group, reading.no_ack ? EffectBuffer::kBoth : EffectBuffer::kLog);
}

// Serves one stream of a group's command; whether there was something to serve. The reply starts with `begin`.
template <class Begin>
bool serve_group(Context& ctx, StreamValue& stream, size_t i, const Reading& reading, Begin begin) {
  const std::string_view key = ctx.arg(reading.first_key + i);
  StreamGroup& group = *stream.find_group(reading.group);
  const bool history = reading.after[i] != StreamId::max();
  if (!history && (stream.size() == 0 || *stream.edge(false) <= group.last_id)) return false;
  begin();
  auto* consumer = group.find_consumer(reading.consumer);
  if (consumer == nullptr) {
    consumer = &group.add_consumer(reading.consumer, ctx.now_ms());
    ctx.server.notifications.post(EventClass::stream, "xgroup-createconsumer", ctx.db().index(), key);
    if (reading.no_ack) ctx.propagate_as({"XGROUP", "CREATECONSUMER", key, reading.group, reading.consumer});
  }
  consumer->second.seen_ms = ctx.now_ms();
  if (history) {
    reply_history(ctx, stream, group, consumer->second, reading.after[i], reading.count);
  } else {
    StreamId from = group.last_id;
    from.increment();
    reply_new(ctx, stream, from, reading, key, &group, consumer);
  }
  ++ctx.server.stats.dirty;
  return true;
}

template <class Begin>
bool serve_plain(Context& ctx, const StreamValue& stream, size_t i, const Reading& reading, Begin begin) {
  StreamId from = reading.after[i];
  if (stream.size() == 0 || *stream.edge(false) <= from) return false;
  begin();
  from.increment();
  reply_new(ctx, stream, from, reading, ctx.arg(reading.first_key + i), nullptr, nullptr);
  return true;
}

void block(Context& ctx, const Reading& reading) {
  BlockRequest request{.deadline_ms = reading.deadline_ms, .type = Type::stream};
  if (reading.grouped) request.gone = "UNBLOCKED the stream key no longer exists";
  for (size_t i = 0; i < reading.streams; ++i) {
    const std::string key(ctx.arg(reading.first_key + i));
    std::vector<std::string> retry{std::string(ctx.row.name)};
    if (reading.grouped)
      retry.insert(retry.end(), {"GROUP", std::string(reading.group), std::string(reading.consumer)});
    if (reading.no_ack) retry.emplace_back("NOACK");
    retry.insert(retry.end(), {"COUNT", std::to_string(reading.count), "BLOCK", "0", "STREAMS", key,
                               reading.grouped ? ">" : reading.after[i].to_string()});
    request.keys.push_back(key);
    request.retries.push_back(std::move(retry));
  }
  ctx.block = std::move(request);
}

void read_streams(Context& ctx, bool grouped) {
  Reading reading{.grouped = grouped};
  if (!parse_options(ctx, reading) || !parse_ids(ctx, reading)) return;
  if (grouped) ctx.propagate_nothing();
  const size_t place = ctx.reply.begin_deferred();
  size_t served = 0;
  for (size_t i = 0; i < reading.streams; ++i) {
    const std::string_view key = ctx.arg(reading.first_key + i);
    const auto begin = [&] {
      if (!ctx.reply.resp3()) ctx.reply.array(2);
      ctx.reply.bulk(key);
    };
    bool found = false;
    if (grouped) {
      StreamValue* stream = nullptr;
      found = ctx.write(key, stream) && stream != nullptr && serve_group(ctx, *stream, i, reading, begin);
    } else {
      const StreamValue* stream = nullptr;
      found = ctx.read(key, stream) && stream != nullptr && serve_plain(ctx, *stream, i, reading, begin);
    }
    served += found ? 1 : 0;
  }
  if (served > 0) {
    if (ctx.reply.resp3()) return ctx.reply.end_map(place, served);
    return ctx.reply.end_array(place, served);
  }
  if (reading.blocks && ctx.may_block) return block(ctx, reading);
  ctx.reply.null_array();
}

}  // namespace

void run_xread(Context& ctx) { read_streams(ctx, false); }
void run_xreadgroup(Context& ctx) { read_streams(ctx, true); }

}  // namespace compozy::redis
