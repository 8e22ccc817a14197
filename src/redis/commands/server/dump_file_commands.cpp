// SPDX-License-Identifier: Apache-2.0
//
// SAVE and BGSAVE. Source: redis.io/commands/bgsave.
#include <string>

#include "redis/commands/context.hpp"
#include "redis/commands/handlers.hpp"

namespace compozy::redis {

namespace {

constexpr std::string_view kNoFile = "ERR This server has no dump file: its data is in the append only log";

}  // namespace

void run_save(Context& ctx) {
  const std::string problem = ctx.server.storage == nullptr ? std::string(kNoFile) : ctx.server.storage->save();
  if (problem.empty()) return ctx.reply.ok();
  ctx.error(problem);
}

void run_bgsave(Context& ctx) {
  const bool schedule = ctx.size() == 2 && ctx.is(1, "SCHEDULE");
  if (ctx.size() > 2 || (ctx.size() == 2 && !schedule)) {
    ctx.error(kSyntaxError);
    return;
  }
  StoragePort* storage = ctx.server.storage;
  if (storage != nullptr && schedule && !storage->saving() && ctx.space().snapshot() != nullptr) {
    storage->save_later();
    return ctx.reply.simple("Background saving scheduled");
  }
  const std::string problem = storage == nullptr ? std::string(kNoFile) : storage->start_save();
  if (problem.empty()) return ctx.reply.simple("Background saving started");
  ctx.error(problem);
}

}  // namespace compozy::redis
