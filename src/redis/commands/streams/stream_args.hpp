// SPDX-License-Identifier: Apache-2.0
//
// What the stream commands share. Parsers reply with the error and answer false.
// Source: redis.io/docs/data-types/streams, redis.io/commands/?group=stream.
#pragma once

#include <cstdint>
#include <string_view>

#include "redis/commands/context.hpp"
#include "redis/keyspace/stream_value.hpp"

namespace compozy::redis {

// "5-3", "5" (with the sequence number given here); "-" and "+" unless strict. False without a reply.
bool read_stream_id(std::string_view text, uint64_t missing_seq, bool strict, StreamId& id);
// As above; with a reply.
bool parse_stream_id(Context& ctx, std::string_view text, StreamId& id, uint64_t missing_seq = 0);
// The ends of an interval: "(" in front excludes the ID itself.
bool parse_interval(Context& ctx, std::string_view from_text, std::string_view to_text, StreamId& from, StreamId& to);

void reply_stream_fields(Context& ctx, const StreamValue::Fields& fields);
// [id, [field, value …]]
void reply_stream_entry(Context& ctx, StreamId id, const StreamValue::Fields& fields);
// The entry with this ID; false: there is none, and no reply was sent.
bool reply_stream_entry(Context& ctx, const StreamValue& stream, StreamId id);

// MAXLEN or MINID, with [=|~] and LIMIT.
struct StreamTrimOption {
  StreamValue::Trim trim;
  size_t value_at = 0;  // where the threshold stands; 0: no trimming is asked for
  bool approximate = false;
};
// Where the ID of an XADD stands, and what it says.
struct StreamAddOption {
  size_t id_at = 0;
  bool create = true;
  bool id_given = false;
  bool seq_given = false;
  StreamId id;
};
// Parses from argument 2 on; `add` is null for XTRIM.
bool parse_stream_options(Context& ctx, StreamTrimOption& trim, StreamAddOption* add);

// The group of a key, with an error if either is missing.
bool find_stream_group(Context& ctx, StreamValue*& stream, StreamGroup*& group);

// What the log gets when an entry is delivered, claimed or found gone; and when a group's last ID moves.
void log_claim(Context& ctx, std::string_view key, std::string_view group_name, const StreamGroup& group, StreamId id,
               const StreamGroup::Delivery& delivery);
void log_group_id(Context& ctx, std::string_view key, std::string_view group_name, const StreamGroup& group,
                  EffectBuffer::Target target = EffectBuffer::kBoth);

}  // namespace compozy::redis
