// SPDX-License-Identifier: Apache-2.0
//
// SUBSCRIBE, PUBLISH and their kin. Source: redis.io/docs/manual/pubsub.
#include <string>

#include "redis/commands/context.hpp"
#include "redis/commands/handlers.hpp"

namespace compozy::redis {

namespace {

using Change = void (PubSub::*)(Session&, std::string_view);
using ChangeAll = void (PubSub::*)(Session&);

// Confirmations go to the session's outbox, which is where this call's reply is written, too.
void subscribe(Context& ctx, Change change) {
  for (const std::string_view name : ctx.args.subspan(1)) (ctx.server.pubsub.*change)(ctx.session, name);
}

void unsubscribe(Context& ctx, Change change, ChangeAll all) {
  if (ctx.size() == 1) {
    (ctx.server.pubsub.*all)(ctx.session);
  } else {
    subscribe(ctx, change);
  }
}

void list_channels(Context& ctx, bool shard) {
  if (ctx.size() > 3) return ctx.wrong_arguments();
  const auto channels = ctx.server.pubsub.channels(ctx.size() == 3 ? ctx.arg(2) : std::string_view(), shard);
  ctx.reply.array(channels.size());
  for (const auto& channel : channels) ctx.reply.bulk(channel);
}

void count_subscribers(Context& ctx, bool shard) {
  ctx.reply.array((ctx.size() - 2) * 2);
  for (const std::string_view channel : ctx.args.subspan(2)) {
    ctx.reply.bulk(channel);
    ctx.reply.integer(static_cast<int64_t>(ctx.server.pubsub.subscriber_count(channel, shard)));
  }
}

bool refuse_in_transaction(Context& ctx) {
  // A RESP2 client inside EXEC could not tell confirmations from replies.
  if (ctx.may_block || ctx.session.protocol >= 3) return false;
  ctx.error("ERR " + std::string(ctx.row.name) + " is not allowed in a transaction");
  return true;
}

}  // namespace

void run_subscribe(Context& ctx) {
  if (!refuse_in_transaction(ctx)) subscribe(ctx, &PubSub::subscribe);
}
void run_psubscribe(Context& ctx) {
  if (!refuse_in_transaction(ctx)) subscribe(ctx, &PubSub::psubscribe);
}
void run_ssubscribe(Context& ctx) {
  if (!refuse_in_transaction(ctx)) subscribe(ctx, &PubSub::ssubscribe);
}
void run_unsubscribe(Context& ctx) { unsubscribe(ctx, &PubSub::unsubscribe, &PubSub::unsubscribe_all); }
void run_punsubscribe(Context& ctx) { unsubscribe(ctx, &PubSub::punsubscribe, &PubSub::punsubscribe_all); }
void run_sunsubscribe(Context& ctx) { unsubscribe(ctx, &PubSub::sunsubscribe, &PubSub::sunsubscribe_all); }

void run_publish(Context& ctx) {
  const size_t receivers = ctx.server.pubsub.publish(ctx.arg(1), ctx.arg(2), ctx.server.engine->last_lsn());
  if (ctx.server.effects.replicated) ctx.propagate_only(EffectBuffer::kReplicas, ctx.args);
  ctx.reply.integer(static_cast<int64_t>(receivers));
}

void run_spublish(Context& ctx) {
  const size_t receivers = ctx.server.pubsub.spublish(ctx.arg(1), ctx.arg(2), ctx.server.engine->last_lsn());
  if (ctx.server.effects.replicated) ctx.propagate_only(EffectBuffer::kReplicas, ctx.args);
  ctx.reply.integer(static_cast<int64_t>(receivers));
}

void run_pubsub_channels(Context& ctx) { list_channels(ctx, false); }
void run_pubsub_shardchannels(Context& ctx) { list_channels(ctx, true); }
void run_pubsub_numsub(Context& ctx) { count_subscribers(ctx, false); }
void run_pubsub_shardnumsub(Context& ctx) { count_subscribers(ctx, true); }
void run_pubsub_numpat(Context& ctx) { ctx.reply.integer(static_cast<int64_t>(ctx.server.pubsub.pattern_count())); }

}  // namespace compozy::redis
