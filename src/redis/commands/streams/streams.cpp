// SPDX-License-Identifier: Apache-2.0
//
// XADD, XLEN, XRANGE, XREVRANGE, XDEL, XTRIM, XSETID. The log gets what happened: the ID that was chosen, the length
// that trimming left. Source: redis.io/commands/?group=stream.
#include <string>
#include <vector>

#include "redis/commands/context.hpp"
#include "redis/commands/handlers.hpp"
#include "redis/commands/streams/stream_args.hpp"

namespace compozy::redis {

namespace {

// The ID for a new entry. False: it would not be above the stream's last one.
bool choose_id(Context& ctx, const StreamValue& stream, const StreamAddOption& add, StreamId& id) {
  if (!add.id_given) {
    const auto now = static_cast<uint64_t>(ctx.now_ms());
    id = {.ms = now};
    if (now <= stream.last_id.ms) {
      id = stream.last_id;
      id.increment();
    }
  } else if (!add.seq_given && add.id.ms == stream.last_id.ms) {
    if (stream.last_id.seq == ~uint64_t{0}) return false;
    id = stream.last_id;
    id.increment();
  } else {
    id = add.id;
  }
  return id > stream.last_id;
}

// Makes an approximate trimming exact: "~ 100 LIMIT 5" becomes "= <what was left>".
void spell_trim(const StreamValue& stream, const StreamTrimOption& option, std::vector<std::string>& command) {
  command[option.value_at - 1] = "=";
  command[option.value_at] =
      option.trim.length ? std::to_string(stream.size()) : stream.edge(true).value_or(StreamId{}).to_string();
}

void propagate(Context& ctx, const std::vector<std::string>& command) {
  ctx.propagate_as(std::vector<std::string_view>(command.begin(), command.end()));
}

bool check_add(Context& ctx, const StreamAddOption& add) {
  if (ctx.size() < add.id_at + 3 || (ctx.size() - add.id_at - 1) % 2 != 0) {
    ctx.wrong_arguments();
    return false;
  }
  if (add.id_given && add.seq_given && add.id == StreamId{}) {
    return ctx.error("ERR The ID specified in XADD must be greater than 0-0");
  }
  return true;
}

void reply_range(Context& ctx, bool backwards) {
  StreamId from;
  StreamId to;
  if (!parse_interval(ctx, ctx.arg(backwards ? 3 : 2), ctx.arg(backwards ? 2 : 3), from, to)) return;
  int64_t count = -1;
  for (size_t i = 4; i < ctx.size(); ++i) {
    if (!ctx.is(i, "COUNT") || i + 1 >= ctx.size()) {
      ctx.error(kSyntaxError);
      return;
    }
    if (!ctx.integer(ctx.arg(++i), count)) return;
    if (count < 0) count = 0;
  }
  const StreamValue* stream = nullptr;
  if (!ctx.read(ctx.arg(1), stream)) return;
  if (stream == nullptr) return ctx.reply.array(0);
  if (count == 0) return ctx.reply.null_array();
  const size_t place = ctx.reply.begin_deferred();
  size_t shown = 0;
  stream->for_each(from, to, backwards, [&](StreamId id, const StreamValue::Fields& fields) {
    reply_stream_entry(ctx, id, fields);
    ++shown;
    return count < 0 || static_cast<int64_t>(shown) < count;
  });
  ctx.reply.end_array(place, shown);
}

}  // namespace

void run_xadd(Context& ctx) {
  StreamTrimOption trim;
  StreamAddOption add;
  if (!parse_stream_options(ctx, trim, &add) || !check_add(ctx, add)) return;
  const std::string_view key = ctx.arg(1);
  StreamValue* stream = nullptr;
  if (!ctx.write(key, stream)) return;
  if (stream == nullptr && !add.create) return ctx.reply.null();
  if (stream == nullptr) stream = &ctx.create<StreamValue>(key);
  if (stream->last_id == StreamId::max()) {
    ctx.error("ERR The stream has exhausted the last possible ID, unable to add more items");
    return;
  }
  StreamId id;
  if (!choose_id(ctx, *stream, add, id)) {
    ctx.error("ERR The ID specified in XADD is equal or smaller than the target stream top item");
    return;
  }
  stream->append(id, ctx.args.subspan(add.id_at + 1), ctx.space().limits.stream);
  ctx.reply.bulk(id.to_string());
  ctx.touched(key);
  if (trim.value_at != 0 && stream->trim(trim.trim) > 0)
    ctx.server.notifications.post(EventClass::stream, "xtrim", ctx.db().index(), key);
  const bool chosen = !add.id_given || !add.seq_given;
  if (!chosen && !trim.approximate) return;
  std::vector<std::string> command(ctx.args.begin(), ctx.args.end());
  if (trim.approximate) spell_trim(*stream, trim, command);
  if (chosen) command[add.id_at] = id.to_string();
  propagate(ctx, command);
}

void run_xtrim(Context& ctx) {
  StreamTrimOption trim;
  if (!parse_stream_options(ctx, trim, nullptr)) return;
  const std::string_view key = ctx.arg(1);
  StreamValue* stream = nullptr;
  if (!ctx.write(key, stream)) return;
  const uint64_t deleted = stream == nullptr ? 0 : stream->trim(trim.trim);
  if (deleted > 0) {
    ctx.touched(key);
    if (trim.approximate) {
      std::vector<std::string> command(ctx.args.begin(), ctx.args.end());
      spell_trim(*stream, trim, command);
      propagate(ctx, command);
    }
  }
  ctx.reply.integer(static_cast<int64_t>(deleted));
}

void run_xlen(Context& ctx) {
  const StreamValue* stream = nullptr;
  if (ctx.read(ctx.arg(1), stream)) ctx.reply.integer(stream == nullptr ? 0 : static_cast<int64_t>(stream->size()));
}

void run_xrange(Context& ctx) { reply_range(ctx, false); }
void run_xrevrange(Context& ctx) { reply_range(ctx, true); }

void run_xdel(Context& ctx) {
  const std::string_view key = ctx.arg(1);
  StreamValue* stream = nullptr;
  if (!ctx.write(key, stream)) return;
  if (stream == nullptr) return ctx.reply.integer(0);
  std::vector<StreamId> ids(ctx.size() - 2);
  for (size_t i = 2; i < ctx.size(); ++i) {
    if (!parse_stream_id(ctx, ctx.arg(i), ids[i - 2])) return;
  }
  int64_t deleted = 0;
  bool first = false;
  for (const StreamId id : ids) {
    if (!stream->erase(id)) continue;
    first = first || id == stream->first_id;
    stream->max_deleted_id = std::max(stream->max_deleted_id, id);
    ++deleted;
  }
  if (first) stream->refresh_first_id();
  if (deleted > 0) ctx.touched(key);
  ctx.reply.integer(deleted);
}

void run_xsetid(Context& ctx) {
  StreamId id;
  if (!parse_stream_id(ctx, ctx.arg(2), id)) return;
  int64_t added = -1;
  StreamId max_deleted;
  for (size_t i = 3; i < ctx.size(); i += 2) {
    const bool more = i + 1 < ctx.size();
    if (more && ctx.is(i, "ENTRIESADDED")) {
      if (!ctx.integer(ctx.arg(i + 1), added)) return;
      if (added < 0) return void(ctx.error("ERR entries_added must be positive"));
    } else if (more && ctx.is(i, "MAXDELETEDID")) {
      if (!parse_stream_id(ctx, ctx.arg(i + 1), max_deleted)) return;
      if (id < max_deleted) {
        return void(ctx.error("ERR The ID specified in XSETID is smaller than the provided max_deleted_entry_id"));
      }
    } else {
      return void(ctx.error(kSyntaxError));
    }
  }
  const std::string_view key = ctx.arg(1);
  StreamValue* stream = nullptr;
  if (!ctx.write(key, stream)) return;
  if (stream == nullptr) return void(ctx.error(kNoSuchKey));
  if (stream->size() > 0) {
    if (id < *stream->edge(false)) {
      return void(ctx.error("ERR The ID specified in XSETID is smaller than the target stream top item"));
    }
    if (added != -1 && stream->size() > static_cast<uint64_t>(added)) {
      return void(ctx.error("ERR The entries_added specified in XSETID is smaller than the target stream length"));
    }
  }
  stream->last_id = id;
  if (added != -1) stream->entries_added = static_cast<uint64_t>(added);
  if (max_deleted != StreamId{}) stream->max_deleted_id = max_deleted;
  ctx.reply.ok();
  ctx.touched(key);
}

}  // namespace compozy::redis
