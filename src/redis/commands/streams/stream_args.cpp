// SPDX-License-Identifier: Apache-2.0
#include "redis/commands/streams/stream_args.hpp"

#include <array>
#include <cerrno>
#include <cstdlib>
#include <string>
#include <vector>

namespace compozy::redis {

namespace {

constexpr std::string_view kInvalidId = "ERR Invalid stream ID specified as stream command argument";
constexpr size_t kIdMax = 127;

// As C reads numbers: Redis takes "007" and " 5" too.
bool read_unsigned(const std::string& text, uint64_t& value) {
  int64_t integer = 0;
  if (is_canonical_integer(text, integer)) {
    value = static_cast<uint64_t>(integer);
    return integer >= 0;
  }
  char* end = nullptr;
  errno = 0;
  value = std::strtoull(text.c_str(), &end, 10);
  return errno == 0 && !text.empty() && end == text.c_str() + text.size();
}

// An XADD's ID: its sequence number may be "*".
bool parse_add_id(Context& ctx, std::string_view text, StreamAddOption& add) {
  add.id_given = true;
  add.seq_given = true;
  const size_t dash = text.find('-');
  if (dash != std::string_view::npos && text.substr(dash + 1) == "*" && text.size() <= kIdMax) {
    add.seq_given = false;
    text = text.substr(0, dash);
  }
  return read_stream_id(text, 0, true, add.id) || ctx.error(kInvalidId);
}

bool parse_trim(Context& ctx, size_t& i, StreamTrimOption& option) {
  if (option.value_at != 0) {
    return ctx.error("ERR syntax error, MAXLEN and MINID options at the same time are not compatible");
  }
  const bool by_length = ctx.is(i, "MAXLEN");
  const bool marked = i + 2 < ctx.size() && (ctx.arg(i + 1) == "~" || ctx.arg(i + 1) == "=");
  option.approximate = marked && ctx.arg(i + 1) == "~";
  i += marked ? 2 : 1;
  option.value_at = i;
  option.trim.whole_chunks = option.approximate;
  if (by_length) {
    int64_t length = 0;
    if (!ctx.integer(ctx.arg(i), length)) return false;
    if (length < 0) return ctx.error("ERR The MAXLEN argument must be >= 0.");
    option.trim.length = static_cast<uint64_t>(length);
    return true;
  }
  StreamId first;
  if (!read_stream_id(ctx.arg(i), 0, false, first)) return ctx.error(kInvalidId);
  option.trim.first = first;
  return true;
}

bool settle_limit(Context& ctx, StreamTrimOption& option, bool add, bool limit_given) {
  if (option.trim.limit != 0 && option.value_at == 0) {
    return ctx.error("ERR syntax error, LIMIT cannot be used without specifying a trimming strategy");
  }
  if (!add && option.value_at == 0) {
    return ctx.error("ERR syntax error, XTRIM must be called with a trimming strategy");
  }
  if (ctx.space().replaying()) {
    option.trim.limit = 0;  // The log says exactly what was removed.
  } else if (limit_given && !option.approximate) {
    return ctx.error("ERR syntax error, LIMIT cannot be used without the special ~ option");
  } else if (!limit_given && option.approximate) {
    constexpr uint64_t kChunks = 100;
    constexpr uint64_t kUnboundedChunk = 10'000;
    constexpr uint64_t kMost = 1'000'000;
    const uint64_t entries = ctx.space().limits.stream.chunk_entries;
    option.trim.limit = entries == 0 ? kUnboundedChunk : std::min(kMost, entries * kChunks);
  }
  return true;
}

}  // namespace

bool read_stream_id(std::string_view text, uint64_t missing_seq, bool strict, StreamId& id) {
  if (text.size() > kIdMax) return false;
  if (text == "-" || text == "+") {
    id = text == "-" ? StreamId{} : StreamId::max();
    return !strict;
  }
  const std::string copy(text.substr(0, text.find('\0')));
  const size_t dash = copy.find('-');
  id.seq = missing_seq;
  return read_unsigned(copy.substr(0, dash), id.ms) &&
         (dash == std::string::npos || read_unsigned(copy.substr(dash + 1), id.seq));
}

bool parse_stream_id(Context& ctx, std::string_view text, StreamId& id, uint64_t missing_seq) {
  return read_stream_id(text, missing_seq, true, id) || ctx.error(kInvalidId);
}

bool parse_interval(Context& ctx, std::string_view from_text, std::string_view to_text, StreamId& from, StreamId& to) {
  const auto parse = [&](std::string_view text, uint64_t missing_seq, StreamId& id, bool& open) {
    open = text.size() > 1 && text[0] == '(';
    return read_stream_id(open ? text.substr(1) : text, missing_seq, open, id) || ctx.error(kInvalidId);
  };
  bool open = false;
  if (!parse(from_text, 0, from, open)) return false;
  if (open && !from.increment()) return ctx.error("ERR invalid start ID for the interval");
  if (!parse(to_text, ~uint64_t{0}, to, open)) return false;
  if (open && !to.decrement()) return ctx.error("ERR invalid end ID for the interval");
  return true;
}

void reply_stream_fields(Context& ctx, const StreamValue::Fields& fields) {
  ctx.reply.array(fields.size());
  for (const ListpackItem& item : fields) {
    if (item.is_number) {
      ctx.reply.bulk_int(item.number);
    } else {
      ctx.reply.bulk(item.bytes);
    }
  }
}

void reply_stream_entry(Context& ctx, StreamId id, const StreamValue::Fields& fields) {
  ctx.reply.array(2);
  ctx.reply.bulk(id.to_string());
  reply_stream_fields(ctx, fields);
}

bool reply_stream_entry(Context& ctx, const StreamValue& stream, StreamId id) {
  bool found = false;
  stream.for_each(id, id, false, [&](StreamId, const StreamValue::Fields& fields) {
    reply_stream_entry(ctx, id, fields);
    found = true;
    return false;
  });
  return found;
}

bool parse_stream_options(Context& ctx, StreamTrimOption& trim, StreamAddOption* add) {
  bool limit_given = false;
  size_t i = 2;
  for (; i < ctx.size(); ++i) {
    const bool more = i + 1 < ctx.size();
    if (add != nullptr && ctx.arg(i) == "*") break;
    if ((ctx.is(i, "MAXLEN") || ctx.is(i, "MINID")) && more) {
      if (!parse_trim(ctx, i, trim)) return false;
    } else if (ctx.is(i, "LIMIT") && more) {
      int64_t limit = 0;
      if (!ctx.integer(ctx.arg(++i), limit)) return false;
      if (limit < 0) return ctx.error("ERR The LIMIT argument must be >= 0.");
      trim.trim.limit = static_cast<uint64_t>(limit);
      limit_given = true;
    } else if (add != nullptr && ctx.is(i, "NOMKSTREAM")) {
      add->create = false;
    } else if (add != nullptr) {
      if (!parse_add_id(ctx, ctx.arg(i), *add)) return false;
      break;
    } else {
      return ctx.error(kSyntaxError);
    }
  }
  if (add != nullptr) add->id_at = i;
  return settle_limit(ctx, trim, add != nullptr, limit_given);
}

bool find_stream_group(Context& ctx, StreamValue*& stream, StreamGroup*& group) {
  if (!ctx.write(ctx.arg(1), stream)) return false;
  group = stream == nullptr ? nullptr : stream->find_group(ctx.arg(2));
  if (group != nullptr) return true;
  return ctx.error("NOGROUP No such key '" + std::string(ctx.arg(1)) + "' or consumer group '" +
                   std::string(ctx.arg(2)) + "'");
}

void log_claim(Context& ctx, std::string_view key, std::string_view group_name, const StreamGroup& group, StreamId id,
               const StreamGroup::Delivery& delivery) {
  ctx.propagate_as({"XCLAIM", key, group_name, std::string_view(delivery.consumer->first), "0", id.to_string(), "TIME",
                    std::to_string(delivery.time_ms), "RETRYCOUNT", std::to_string(delivery.count), "FORCE", "JUSTID",
                    "LASTID", group.last_id.to_string()});
}

void log_group_id(Context& ctx, std::string_view key, std::string_view group_name, const StreamGroup& group,
                  EffectBuffer::Target target) {
  ctx.propagate_only(target,
                     std::array<std::string_view, 7>{"XGROUP", "SETID", key, group_name, group.last_id.to_string(),
                                                     "ENTRIESREAD", std::to_string(group.entries_read)});
}

}  // namespace compozy::redis
