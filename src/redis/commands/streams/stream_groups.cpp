// SPDX-License-Identifier: Apache-2.0
//
// XGROUP and XACK. Source: redis.io/commands/xgroup.
#include <string>
#include <vector>

#include "base/text.hpp"
#include "redis/commands/context.hpp"
#include "redis/commands/handlers.hpp"
#include "redis/commands/help.hpp"
#include "redis/commands/streams/stream_args.hpp"

namespace compozy::redis {

namespace {

struct GroupOptions {
  bool create_stream = false;
  int64_t entries_read = StreamGroup::kUnknown;
};

bool parse_group_options(Context& ctx, bool creates, GroupOptions& options) {
  for (size_t i = 5; i < ctx.size();) {
    if (creates && ctx.is(i, "MKSTREAM")) {
      options.create_stream = true;
      ++i;
    } else if (ctx.is(i, "ENTRIESREAD") && i + 1 < ctx.size()) {
      if (!ctx.integer(ctx.arg(i + 1), options.entries_read)) return false;
      if (options.entries_read < 0 && options.entries_read != StreamGroup::kUnknown) {
        return ctx.error("ERR value for ENTRIESREAD must be positive or -1");
      }
      i += 2;
    } else {
      return ctx.error("ERR unknown subcommand or wrong number of arguments for '" +
                       std::string(ctx.arg(1).substr(0, 128)) + "'. Try XGROUP HELP.");
    }
  }
  return true;
}

// False: an error was sent. The stream must exist unless it may be created.
bool find_stream(Context& ctx, bool may_be_absent, StreamValue*& stream) {
  if (!ctx.write(ctx.arg(2), stream)) return false;
  if (stream != nullptr || may_be_absent) return true;
  return ctx.error(
      "ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to use the MKSTREAM "
      "option to create an empty stream automatically.");
}

bool find_group(Context& ctx, StreamGroup*& group) {
  StreamValue* stream = nullptr;
  if (!find_stream(ctx, false, stream)) return false;
  group = stream->find_group(ctx.arg(3));
  if (group != nullptr) return true;
  return ctx.error("NOGROUP No such consumer group '" + std::string(ctx.arg(3)) + "' for key name '" +
                   std::string(ctx.arg(2)) + "'");
}

bool parse_start(Context& ctx, const StreamValue* stream, StreamId& id) {
  if (ctx.arg(4) != "$") return parse_stream_id(ctx, ctx.arg(4), id);
  if (stream != nullptr) id = stream->last_id;
  return true;
}

}  // namespace

void run_xgroup_create(Context& ctx) {
  GroupOptions options;
  if (!parse_group_options(ctx, true, options)) return;
  StreamValue* stream = nullptr;
  StreamId id;
  if (!find_stream(ctx, options.create_stream, stream) || !parse_start(ctx, stream, id)) return;
  const std::string_view key = ctx.arg(2);
  if (stream == nullptr) stream = &ctx.create<StreamValue>(key);
  const auto [group, created] = stream->groups.try_emplace(StreamGroup::Text(ctx.arg(3)));
  if (!created) {
    ctx.error("BUSYGROUP Consumer Group name already exists");
    return;
  }
  group->second.last_id = id;
  group->second.entries_read = options.entries_read;
  ctx.reply.ok();
  ctx.touched(key);
}

void run_xgroup_setid(Context& ctx) {
  GroupOptions options;
  StreamGroup* group = nullptr;
  if (!parse_group_options(ctx, false, options) || !find_group(ctx, group)) return;
  StreamValue* stream = nullptr;
  StreamId id;
  ctx.write(ctx.arg(2), stream);
  // "-" and "+" are IDs here.
  const bool end = read_stream_id(ctx.arg(4), 0, false, id);
  if (!end && !parse_start(ctx, stream, id)) return;
  group->last_id = id;
  group->entries_read = options.entries_read;
  ctx.reply.ok();
  ctx.touched(ctx.arg(2));
}

void run_xgroup_destroy(Context& ctx) {
  StreamValue* stream = nullptr;
  if (!find_stream(ctx, false, stream)) return;
  const auto group = stream->groups.find(ctx.arg(3));
  const bool found = group != stream->groups.end();
  if (found) {
    stream->groups.erase(group);
    ctx.touched(ctx.arg(2));
  }
  ctx.reply.integer(found ? 1 : 0);
}

void run_xgroup_createconsumer(Context& ctx) {
  StreamGroup* group = nullptr;
  if (!find_group(ctx, group)) return;
  const bool created = group->find_consumer(ctx.arg(4)) == nullptr;
  if (created) {
    group->add_consumer(ctx.arg(4), ctx.now_ms());
    ctx.touched(ctx.arg(2));
  }
  ctx.reply.integer(created ? 1 : 0);
}

void run_xgroup_delconsumer(Context& ctx) {
  StreamGroup* group = nullptr;
  if (!find_group(ctx, group)) return;
  const bool found = group->find_consumer(ctx.arg(4)) != nullptr;
  const size_t pending = group->remove_consumer(ctx.arg(4));
  if (found) ctx.touched(ctx.arg(2));
  ctx.reply.integer(static_cast<int64_t>(pending));
}

void run_xack(Context& ctx) {
  StreamValue* stream = nullptr;
  if (!ctx.write(ctx.arg(1), stream)) return;
  StreamGroup* group = stream == nullptr ? nullptr : stream->find_group(ctx.arg(2));
  if (group == nullptr) return ctx.reply.integer(0);
  std::vector<StreamId> ids(ctx.size() - 3);
  for (size_t i = 3; i < ctx.size(); ++i) {
    if (!parse_stream_id(ctx, ctx.arg(i), ids[i - 3])) return;
  }
  int64_t acknowledged = 0;
  for (const StreamId id : ids) {
    const auto entry = group->pending.find(id);
    if (entry == group->pending.end()) continue;
    group->forget(entry);
    ++acknowledged;
    ++ctx.server.stats.dirty;
  }
  ctx.reply.integer(acknowledged);
}

void run_xgroup_help(Context& ctx) {
  reply_help(ctx, {"CREATE <key> <group> <id|$> [MKSTREAM] [ENTRIESREAD <count>]",
                   "    Creates a group whose consumers get what follows the ID; MKSTREAM creates the stream too.",
                   "CREATECONSUMER <key> <group> <consumer>", "    Creates a consumer.",
                   "DELCONSUMER <key> <group> <consumer>", "    Deletes a consumer and what is pending for it.",
                   "DESTROY <key> <group>", "    Deletes a group.", "SETID <key> <group> <id|$> [ENTRIESREAD <count>]",
                   "    Sets the ID after which the group goes on."});
}

}  // namespace compozy::redis
