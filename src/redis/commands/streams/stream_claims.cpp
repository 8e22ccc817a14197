// SPDX-License-Identifier: Apache-2.0
//
// XPENDING, XCLAIM, XAUTOCLAIM: what was delivered and not acknowledged. The log gets each claim with its outcome.
// Source: redis.io/commands/xpending, redis.io/commands/xclaim.
#include <algorithm>
#include <limits>
#include <string>
#include <vector>

#include "redis/commands/context.hpp"
#include "redis/commands/handlers.hpp"
#include "redis/commands/streams/stream_args.hpp"

namespace compozy::redis {

namespace {

struct PendingQuery {
  int64_t min_idle = 0;
  int64_t count = 0;
  StreamId from;
  StreamId to;
  std::optional<std::string_view> consumer;
};

bool parse_pending(Context& ctx, PendingQuery& query) {
  size_t at = 3;
  if (ctx.is(3, "IDLE")) {
    if (!ctx.integer(ctx.arg(4), query.min_idle)) return false;
    if (ctx.size() < 8) return ctx.error(kSyntaxError);
    at = 5;
  }
  if (!ctx.integer(ctx.arg(at + 2), query.count)) return false;
  query.count = std::max<int64_t>(0, query.count);
  if (!parse_interval(ctx, ctx.arg(at), ctx.arg(at + 1), query.from, query.to)) return false;
  if (at + 3 < ctx.size()) query.consumer = ctx.arg(at + 3);
  return true;
}

void reply_summary(Context& ctx, const StreamGroup& group) {
  ctx.reply.array(4);
  ctx.reply.integer(static_cast<int64_t>(group.pending.size()));
  if (group.pending.empty()) {
    ctx.reply.null();
    ctx.reply.null();
    return ctx.reply.null_array();
  }
  ctx.reply.bulk(group.pending.begin()->first.to_string());
  ctx.reply.bulk(group.pending.rbegin()->first.to_string());
  const size_t place = ctx.reply.begin_deferred();
  size_t shown = 0;
  for (const auto& [name, consumer] : group.consumers) {
    if (consumer.pending.empty()) continue;
    ctx.reply.array(2);
    ctx.reply.bulk(name);
    ctx.reply.bulk_int(static_cast<int64_t>(consumer.pending.size()));
    ++shown;
  }
  ctx.reply.end_array(place, shown);
}

void reply_pending(Context& ctx, const StreamGroup& group, const PendingQuery& query) {
  const size_t place = ctx.reply.begin_deferred();
  int64_t shown = 0;
  for (auto at = group.pending.lower_bound(query.from); at != group.pending.end() && at->first <= query.to; ++at) {
    if (shown == query.count) break;
    const auto& delivery = at->second;
    if (query.consumer && std::string_view(delivery.consumer->first) != *query.consumer) continue;
    const int64_t idle = ctx.now_ms() - delivery.time_ms;
    if (query.min_idle != 0 && idle < query.min_idle) continue;
    ctx.reply.array(4);
    ctx.reply.bulk(at->first.to_string());
    ctx.reply.bulk(delivery.consumer->first);
    ctx.reply.integer(std::max<int64_t>(0, idle));
    ctx.reply.integer(static_cast<int64_t>(delivery.count));
    ++shown;
  }
  ctx.reply.end_array(place, static_cast<size_t>(shown));
}

struct Claim {
  int64_t min_idle = 0;
  std::vector<StreamId> ids;
  int64_t delivery_ms = -1;
  int64_t retry_count = -1;
  bool force = false;
  bool just_id = false;
  StreamId last_id;
};

bool parse_claim_option(Context& ctx, size_t& i, Claim& claim) {
  const bool more = i + 1 < ctx.size();
  if (ctx.is(i, "FORCE")) {
    claim.force = true;
  } else if (ctx.is(i, "JUSTID")) {
    claim.just_id = true;
  } else if (ctx.is(i, "IDLE") && more) {
    int64_t idle = 0;
    if (!ctx.integer(ctx.arg(++i), idle, "ERR Invalid IDLE option argument for XCLAIM")) return false;
    if (__builtin_sub_overflow(ctx.now_ms(), idle, &claim.delivery_ms)) claim.delivery_ms = -2;
  } else if (ctx.is(i, "TIME") && more) {
    if (!ctx.integer(ctx.arg(++i), claim.delivery_ms, "ERR Invalid TIME option argument for XCLAIM")) return false;
  } else if (ctx.is(i, "RETRYCOUNT") && more) {
    if (!ctx.integer(ctx.arg(++i), claim.retry_count, "ERR Invalid RETRYCOUNT option argument for XCLAIM"))
      return false;
  } else if (ctx.is(i, "LASTID") && more) {
    return parse_stream_id(ctx, ctx.arg(++i), claim.last_id);
  } else {
    return ctx.error("ERR Unrecognized XCLAIM option '" + std::string(ctx.arg(i)) + "'");
  }
  return true;
}

bool parse_claim(Context& ctx, Claim& claim) {
  if (!ctx.integer(ctx.arg(4), claim.min_idle, "ERR Invalid min-idle-time argument for XCLAIM")) return false;
  claim.min_idle = std::max<int64_t>(0, claim.min_idle);
  size_t i = 5;
  StreamId id;
  for (; i < ctx.size() && read_stream_id(ctx.arg(i), 0, true, id); ++i) claim.ids.push_back(id);
  for (; i < ctx.size(); ++i) {
    if (!parse_claim_option(ctx, i, claim)) return false;
  }
  // A wrong time comes from a client with a wrong clock: now will do.
  if (claim.delivery_ms < 0 || claim.delivery_ms > ctx.now_ms()) claim.delivery_ms = ctx.now_ms();
  return true;
}

// Claims for one consumer of one group, which comes into being with its first claim.
class Claimer {
 public:
  Claimer(Context& ctx, const StreamValue& stream, StreamGroup& group, bool just_id)
      : ctx_(ctx), stream_(stream), group_(group), just_id_(just_id) {}

  void take(StreamId id, int64_t time_ms, uint64_t count) {
    auto* consumer = group_.find_consumer(ctx_.arg(3));
    if (consumer == nullptr) {
      consumer = &group_.add_consumer(ctx_.arg(3), ctx_.now_ms());
      ctx_.server.notifications.post(EventClass::stream, "xgroup-createconsumer", ctx_.db().index(), ctx_.arg(1));
    }
    consumer->second.seen_ms = ctx_.now_ms();
    group_.assign(id, *consumer, time_ms, count);
    if (just_id_) {
      ctx_.reply.bulk(id.to_string());
    } else {
      reply_stream_entry(ctx_, stream_, id);
    }
    log(id);
  }
  // The entry was deleted from the stream: nobody can get it again.
  StreamGroup::Pending::iterator drop(StreamGroup::Pending::iterator entry) {
    log(entry->first);
    return group_.forget(entry);
  }
  bool logged() const { return logged_; }

 private:
  void log(StreamId id) {
    log_claim(ctx_, ctx_.arg(1), ctx_.arg(2), group_, id, group_.pending.find(id)->second);
    ++ctx_.server.stats.dirty;
    logged_ = true;
  }

  Context& ctx_;
  const StreamValue& stream_;
  StreamGroup& group_;
  bool just_id_;
  bool logged_ = false;
};

// Answers whether an entry was claimed, and replies with it.
bool claim_one(Context& ctx, const StreamValue& stream, StreamGroup& group, const Claim& claim, StreamId id,
               Claimer& claimer) {
  const auto entry = group.pending.find(id);
  const bool known = entry != group.pending.end();
  if (!stream.contains(id)) {
    if (known) claimer.drop(entry);
    return false;
  }
  if (!known && !claim.force) return false;
  if (known && claim.min_idle != 0 && ctx.now_ms() - entry->second.time_ms < claim.min_idle) return false;
  uint64_t count = known ? entry->second.count : 1;
  if (claim.retry_count >= 0) {
    count = static_cast<uint64_t>(claim.retry_count);
  } else if (!claim.just_id) {
    ++count;
  }
  claimer.take(id, claim.delivery_ms, count);
  return true;
}

struct AutoClaim {
  int64_t min_idle = 0;
  StreamId from;
  int64_t count = 100;
  bool just_id = false;
};

bool parse_auto_claim(Context& ctx, AutoClaim& claim) {
  if (!ctx.integer(ctx.arg(4), claim.min_idle, "ERR Invalid min-idle-time argument for XAUTOCLAIM")) return false;
  claim.min_idle = std::max<int64_t>(0, claim.min_idle);
  StreamId unused;
  if (!parse_interval(ctx, ctx.arg(5), "+", claim.from, unused)) return false;
  for (size_t i = 6; i < ctx.size(); ++i) {
    if (ctx.is(i, "COUNT") && i + 1 < ctx.size()) {
      constexpr int64_t kMax = std::numeric_limits<int64_t>::max() / 16;
      if (!ctx.integer(ctx.arg(++i), claim.count)) return false;
      if (claim.count < 1 || claim.count > kMax) return ctx.error("ERR COUNT must be > 0");
    } else if (ctx.is(i, "JUSTID")) {
      claim.just_id = true;
    } else {
      return ctx.error(kSyntaxError);
    }
  }
  return true;
}

// Claims in the order of IDs; answers where the next call should go on.
StreamId claim_idle(Context& ctx, const StreamValue& stream, StreamGroup& group, const AutoClaim& claim,
                    std::vector<StreamId>& gone, size_t& claimed) {
  constexpr int64_t kLooksPerEntry = 10;
  Claimer claimer(ctx, stream, group, claim.just_id);
  int64_t left = claim.count;
  auto entry = group.pending.lower_bound(claim.from);
  for (int64_t looks = claim.count * kLooksPerEntry; looks > 0 && left > 0 && entry != group.pending.end(); --looks) {
    const StreamId id = entry->first;
    if (!stream.contains(id)) {
      entry = claimer.drop(entry);
      gone.push_back(id);
      --left;
      continue;
    }
    const bool idle = claim.min_idle == 0 || ctx.now_ms() - entry->second.time_ms >= claim.min_idle;
    if (idle) {
      claimer.take(id, ctx.now_ms(), entry->second.count + (claim.just_id ? 0 : 1));
      ++claimed;
      --left;
    }
    ++entry;
  }
  return entry == group.pending.end() ? StreamId{} : entry->first;
}

}  // namespace

void run_xpending(Context& ctx) {
  const bool summary = ctx.size() == 3;
  PendingQuery query;
  if (!summary && (ctx.size() < 6 || ctx.size() > 9)) {
    ctx.error(kSyntaxError);
    return;
  }
  if (!summary && !parse_pending(ctx, query)) return;
  StreamValue* stream = nullptr;
  StreamGroup* group = nullptr;
  if (!find_stream_group(ctx, stream, group)) return;
  if (summary) return reply_summary(ctx, *group);
  reply_pending(ctx, *group, query);
}

void run_xclaim(Context& ctx) {
  StreamValue* stream = nullptr;
  StreamGroup* group = nullptr;
  Claim claim;
  if (!find_stream_group(ctx, stream, group) || !parse_claim(ctx, claim)) return;
  ctx.propagate_nothing();
  const bool moves = claim.last_id > group->last_id;
  if (moves) group->last_id = claim.last_id;
  Claimer claimer(ctx, *stream, *group, claim.just_id);
  const size_t place = ctx.reply.begin_deferred();
  size_t claimed = 0;
  for (const StreamId id : claim.ids) claimed += claim_one(ctx, *stream, *group, claim, id, claimer) ? 1 : 0;
  ctx.reply.end_array(place, claimed);
  if (!moves || claimer.logged()) return;
  log_group_id(ctx, ctx.arg(1), ctx.arg(2), *group);
  ++ctx.server.stats.dirty;
}

void run_xautoclaim(Context& ctx) {
  AutoClaim claim;
  StreamValue* stream = nullptr;
  StreamGroup* group = nullptr;
  if (!parse_auto_claim(ctx, claim) || !find_stream_group(ctx, stream, group)) return;
  ctx.propagate_nothing();
  std::vector<StreamId> gone;
  size_t claimed = 0;
  ctx.reply.array(3);
  const size_t place = ctx.reply.begin_deferred();
  const StreamId next = claim_idle(ctx, *stream, *group, claim, gone, claimed);
  ctx.reply.end_array(place, claimed);
  const std::string entries = ctx.reply.buffer().substr(place);
  ctx.reply.buffer().resize(place);
  ctx.reply.bulk(next.to_string());
  ctx.reply.raw(entries);
  ctx.reply.array(gone.size());
  for (const StreamId id : gone) ctx.reply.bulk(id.to_string());
}

}  // namespace compozy::redis
