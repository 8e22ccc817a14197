// SPDX-License-Identifier: Apache-2.0
//
// SYNC: all data as an RDB file, then every write in command form, as the log gets it. One way: nobody is asked to
// acknowledge, nothing is kept for who went away. Source: redis.io/commands/sync.
#include <string>

#include "redis/commands/context.hpp"
#include "redis/commands/handlers.hpp"
#include "redis/rdb/rdb_file.hpp"

namespace compozy::redis {

void run_sync(Context& ctx) {
  if (ctx.session.replica) return;  // As in Redis, asking twice is no error.
  const std::string bytes = make_rdb(ctx.space(), {.version = std::string(kRedisVersion)});
  ctx.reply.raw("$" + std::to_string(bytes.size()) + "\r\n");
  ctx.reply.raw(bytes);
  ctx.session.replica = true;
  ctx.server.replicas.push_back(&ctx.session);
  ctx.server.effects.enabled = true;
  ctx.server.effects.select_again();
}

}  // namespace compozy::redis
