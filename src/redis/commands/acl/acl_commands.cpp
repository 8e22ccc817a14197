// SPDX-License-Identifier: Apache-2.0
//
// ACL and its subcommands. Source: redis.io/commands/?group=server (ACL …).
#include <algorithm>
#include <string>
#include <vector>

#include "base/text.hpp"
#include "redis/commands/acl/acl.hpp"
#include "redis/commands/connection/client_info.hpp"
#include "redis/commands/context.hpp"
#include "redis/commands/handlers.hpp"

namespace compozy::redis {

namespace {

constexpr int64_t kPasswordBitsMax = 4096;
constexpr std::string_view kNoFile =
    "ERR This Redis instance is not configured to use an ACL file. You may want to specify users via the ACL SETUSER "
    "command and then issue a CONFIG REWRITE (assuming you have a Redis configuration file set) in order to store "
    "users "
    "in the Redis configuration.";

std::string_view reason_name(AclDenied reason) {
  switch (reason) {
    case AclDenied::command: return "command";
    case AclDenied::key: return "key";
    case AclDenied::channel: return "channel";
    default: return "auth";
  }
}

void end_session(Context& ctx, Session& session) {
  session.user = &ctx.server.acl.default_user();
  session.authenticated = false;
  if (&session == &ctx.session) {
    session.close_after_reply = true;
  } else {
    session.kill();
  }
}

// Whoever listens to what the user may no longer hear is disconnected.
void end_subscribers_without_right(Context& ctx, const AclUser& user) {
  for (const auto& [id, session] : ctx.server.engine->sessions()) {
    if (session->user != &user) continue;
    const auto allowed = [&](bool pattern) {
      return [&user, pattern](const std::string& name) { return user.allows_channel(name, pattern); };
    };
    if (std::ranges::all_of(session->patterns, allowed(true)) &&
        std::ranges::all_of(session->channels, allowed(false)) &&
        std::ranges::all_of(session->shard_channels, allowed(false)))
      continue;
    end_session(ctx, *session);
  }
}

void reply_selector(Context& ctx, const AclSelector& selector) {
  ctx.reply.bulk("commands");
  ctx.reply.bulk(selector.commands());
  ctx.reply.bulk("keys");
  ctx.reply.bulk(selector.keys());
  ctx.reply.bulk("channels");
  ctx.reply.bulk(selector.channel_patterns());
}

void reply_entry(Context& ctx, const AclLogEntry& entry) {
  ctx.reply.map(7);
  ctx.reply.bulk("count");
  ctx.reply.integer(static_cast<int64_t>(entry.count));
  ctx.reply.bulk("reason");
  ctx.reply.bulk(reason_name(entry.reason));
  ctx.reply.bulk("context");
  ctx.reply.bulk(entry.context);
  ctx.reply.bulk("object");
  ctx.reply.bulk(entry.object);
  ctx.reply.bulk("username");
  ctx.reply.bulk(entry.user);
  ctx.reply.bulk("age-seconds");
  ctx.reply.number(static_cast<double>(ctx.now_ms() - entry.at_ms) / 1000);
  ctx.reply.bulk("client-info");
  ctx.reply.bulk(entry.client);
}

}  // namespace

void run_acl_whoami(Context& ctx) {
  ctx.reply.bulk(ctx.session.user == nullptr ? "default" : std::string_view(ctx.session.user->name()));
}

void run_acl_users(Context& ctx) {
  const auto& users = ctx.server.acl.users();
  ctx.reply.array(users.size());
  for (const auto& [name, user] : users) ctx.reply.bulk(name);
}

void run_acl_list(Context& ctx) {
  const auto& users = ctx.server.acl.users();
  ctx.reply.array(users.size());
  for (const auto& [name, user] : users) ctx.reply.bulk(user->describe());
}

void run_acl_cat(Context& ctx) {
  if (ctx.size() > 3) return ctx.wrong_subcommand();
  if (ctx.size() == 2) {
    ctx.reply.array(acl_categories().size());
    for (const AclCategory& category : acl_categories()) ctx.reply.bulk(category.name);
    return;
  }
  const uint32_t bit = category_bit(ctx.arg(2));
  if (bit == 0) {
    ctx.error("ERR Unknown category '" + std::string(ctx.arg(2)) + "'");
    return;
  }
  std::vector<const Row*> rows;
  for (size_t id = 0; id < row_count(); ++id) {
    if ((row_at(id).acl & bit) != 0) rows.push_back(&row_at(id));
  }
  ctx.reply.array(rows.size());
  for (const Row* row : rows) ctx.reply.bulk(full_name(*row));
}

void run_acl_genpass(Context& ctx) {
  if (ctx.size() > 3) return ctx.wrong_subcommand();
  int64_t bits = 256;
  if (ctx.size() == 3) {
    if (!ctx.integer(ctx.arg(2), bits)) return;
    if (bits <= 0 || bits > kPasswordBitsMax) {
      ctx.error(
          "ERR ACL GENPASS argument must be the number of bits for the output password, a positive number up to 4096");
      return;
    }
  }
  std::string password;
  for (int64_t i = 0; i < (bits + 3) / 4; ++i) password += "0123456789abcdef"[ctx.space().random().below(16)];
  ctx.reply.bulk(password);
}

void run_acl_setuser(Context& ctx) {
  std::vector<std::string> rules;
  std::string unmatched;
  if (!merge_selectors(ctx.args.subspan(3), rules, unmatched)) {
    ctx.error("ERR Unmatched parenthesis in acl selector starting at '" + unmatched + "'.");
    return;
  }
  if (const std::string reason = ctx.server.acl.set_user(ctx.arg(2), rules); !reason.empty()) {
    ctx.error(reason);
    return;
  }
  end_subscribers_without_right(ctx, *ctx.server.acl.find(ctx.arg(2)));
  ctx.reply.ok();
}

void run_acl_deluser(Context& ctx) {
  for (const std::string_view name : ctx.args.subspan(2)) {
    if (name != "default") continue;
    ctx.error("ERR The 'default' user cannot be removed");
    return;
  }
  int64_t deleted = 0;
  for (const std::string_view name : ctx.args.subspan(2)) {
    const AclUser* user = ctx.server.acl.find(name);
    if (user == nullptr) continue;
    for (const auto& [id, session] : ctx.server.engine->sessions()) {
      if (session->user == user) end_session(ctx, *session);
    }
    ctx.server.acl.erase(name);
    ++deleted;
  }
  ctx.reply.integer(deleted);
}

void run_acl_getuser(Context& ctx) {
  const AclUser* user = ctx.server.acl.find(ctx.arg(2));
  if (user == nullptr) return ctx.reply.null();
  ctx.reply.map(6);
  ctx.reply.bulk("flags");
  const auto flags = user->flags();
  ctx.reply.set(flags.size());
  for (const auto flag : flags) ctx.reply.bulk(flag);
  ctx.reply.bulk("passwords");
  ctx.reply.array(user->password_hashes().size());
  for (const std::string& hash : user->password_hashes()) ctx.reply.bulk(hash);
  const auto& selectors = user->selectors();
  reply_selector(ctx, selectors.front());
  ctx.reply.bulk("selectors");
  ctx.reply.array(selectors.size() - 1);
  for (size_t i = 1; i < selectors.size(); ++i) {
    ctx.reply.map(3);
    reply_selector(ctx, selectors[i]);
  }
}

void run_acl_log(Context& ctx) {
  if (ctx.size() > 3) return ctx.wrong_subcommand();
  int64_t count = 10;
  if (ctx.size() == 3) {
    if (ctx.is(2, "RESET")) {
      ctx.server.acl.clear_log();
      return ctx.reply.ok();
    }
    if (!ctx.integer(ctx.arg(2), count)) return;
  }
  const auto& entries = ctx.server.acl.entries();
  const size_t shown = std::min(entries.size(), static_cast<size_t>(std::max<int64_t>(0, count)));
  ctx.reply.array(shown);
  for (size_t i = 0; i < shown; ++i) reply_entry(ctx, entries[i]);
}

void run_acl_dryrun(Context& ctx) {
  const AclUser* user = ctx.server.acl.find(ctx.arg(2));
  if (user == nullptr) {
    ctx.error("ERR User '" + std::string(ctx.arg(2)) + "' not found");
    return;
  }
  const Args command = ctx.args.subspan(3);
  const Found found = find_command(command);
  const Row* row = found.effective();
  if (row == nullptr || (is_container(*found.row) && command.size() > 1 && found.subcommand == nullptr)) {
    ctx.error("ERR Command '" + std::string(command[0]) + "' not found");
    return;
  }
  if (!row->accepts(command.size())) {
    ctx.error("ERR wrong number of arguments for '" + full_name(*row) + "' command");
    return;
  }
  std::string object;
  switch (user->check(acl_request(*row, command), object)) {
    case AclDenied::command: return ctx.reply.bulk("This user has no permissions to run the '" + object + "' command");
    case AclDenied::key: return ctx.reply.bulk("This user has no permissions to access the '" + object + "' key");
    case AclDenied::channel:
      return ctx.reply.bulk("This user has no permissions to access the '" + object + "' channel");
    default: return ctx.reply.ok();
  }
}

std::string load_acl_file(ServerState& server) {
  const std::string& file = server.settings.aclfile;
  if (file.empty() || server.host == nullptr) return std::string(kNoFile);
  const auto text = server.host->read_file(file);
  if (!text) return "ERR Error loading ACLs, opening file '" + file + "': " + text.error().message;
  server.acl.pubsub_open_by_default = server.settings.acl_pubsub_default == "allchannels";
  std::vector<Session*> others;
  for (const auto& [id, session] : server.engine->sessions()) {
    if (session->user != nullptr && session->user != &server.acl.default_user()) others.push_back(session);
  }
  if (const std::string errors = server.acl.load(*text, file); !errors.empty()) return "ERR " + errors;
  // Whoever was somebody in particular has to say so again.
  for (Session* session : others) {
    session->user = &server.acl.default_user();
    session->authenticated = false;
    if (session == server.current) {
      session->close_after_reply = true;
      continue;
    }
    session->kill();
  }
  return {};
}

void run_acl_load(Context& ctx) {
  const std::string reason = load_acl_file(ctx.server);
  if (!reason.empty()) {
    ctx.error(reason);
    return;
  }
  for (const auto& [name, user] : ctx.server.acl.users()) end_subscribers_without_right(ctx, *user);
  ctx.reply.ok();
}

void run_acl_save(Context& ctx) {
  const std::string& file = ctx.server.settings.aclfile;
  if (file.empty() || ctx.server.host == nullptr) {
    ctx.error(kNoFile);
    return;
  }
  const auto saved = ctx.server.host->write_file(file, ctx.server.acl.save());
  if (saved) return ctx.reply.ok();
  ctx.error("ERR There was an error trying to save the ACLs. Please check the server logs for more information");
}

}  // namespace compozy::redis
