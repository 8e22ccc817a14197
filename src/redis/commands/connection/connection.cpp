// SPDX-License-Identifier: Apache-2.0
//
// HELLO, AUTH, PING and other commands about the connection. Source: redis.io/commands/?group=connection.
#include <algorithm>
#include <string>

#include "redis/commands/connection/client_info.hpp"
#include "redis/commands/context.hpp"
#include "redis/commands/handlers.hpp"

namespace compozy::redis {

namespace {

constexpr std::string_view kWrongPassword = "WRONGPASS invalid username-password pair or user is disabled.";

bool authenticate(Context& ctx, std::string_view name, std::string_view password) {
  AclUser* user = ctx.server.acl.find(name);
  if (user != nullptr && user->enabled() && user->accepts(password)) {
    ctx.session.user = user;
    ctx.session.authenticated = true;
    return true;
  }
  ctx.server.acl.log({.reason = AclDenied::auth,
                      .context = ctx.session.in_transaction() ? "multi" : "toplevel",
                      .object = std::string(ctx.arg(0)),
                      .user = std::string(name),
                      .at_ms = ctx.now_ms(),
                      .client = client_line(ctx.server, ctx.session)},
                     ctx.server.settings.acllog_max_len);
  return ctx.error(kWrongPassword);
}

void reply_hello(Context& ctx) {
  ctx.reply.set_protocol(ctx.session.protocol);
  ctx.reply.map(7);
  ctx.reply.bulk("server");
  ctx.reply.bulk("redis");
  ctx.reply.bulk("version");
  ctx.reply.bulk(kRedisVersion);
  ctx.reply.bulk("proto");
  ctx.reply.integer(ctx.session.protocol);
  ctx.reply.bulk("id");
  ctx.reply.integer(static_cast<int64_t>(ctx.session.id()));
  ctx.reply.bulk("mode");
  ctx.reply.bulk("standalone");
  ctx.reply.bulk("role");
  ctx.reply.bulk("master");
  ctx.reply.bulk("modules");
  ctx.reply.array(0);
}

}  // namespace

bool valid_client_name(Context& ctx, std::string_view name) {
  if (std::ranges::all_of(name, [](char c) { return c >= '!' && c <= '~'; })) return true;
  return ctx.error("ERR Client names cannot contain spaces, newlines or special characters.");
}

void run_ping(Context& ctx) {
  if (ctx.size() > 2) return ctx.wrong_arguments();
  if (ctx.session.subscribed() && ctx.session.protocol == 2) {
    ctx.reply.array(2);
    ctx.reply.bulk("pong");
    return ctx.reply.bulk(ctx.size() == 2 ? ctx.arg(1) : std::string_view());
  }
  if (ctx.size() == 2) return ctx.reply.bulk(ctx.arg(1));
  ctx.reply.simple("PONG");
}

void run_echo(Context& ctx) { ctx.reply.bulk(ctx.arg(1)); }

void run_quit(Context& ctx) {
  ctx.reply.ok();
  ctx.session.close_after_reply = true;
}

void run_select(Context& ctx) {
  int64_t index = 0;
  if (!ctx.integer(ctx.arg(1), index)) return;
  if (index < 0 || index >= static_cast<int64_t>(ctx.space().database_count())) {
    ctx.error("ERR DB index is out of range");
    return;
  }
  ctx.session.database = static_cast<size_t>(index);
  ctx.reply.ok();
}

void run_auth(Context& ctx) {
  if (ctx.size() > 3) {
    ctx.error(kSyntaxError);
    return;
  }
  if (ctx.size() == 2 && ctx.server.acl.default_user().accepts_any_password()) {
    ctx.error(
        "ERR AUTH <password> called without any password configured for the default user. Are you sure your "
        "configuration is correct?");
    return;
  }
  if (authenticate(ctx, ctx.size() == 3 ? ctx.arg(1) : "default", ctx.args.back())) ctx.reply.ok();
}

void run_hello(Context& ctx) {
  int64_t version = ctx.session.protocol;
  size_t i = 1;
  if (ctx.size() >= 2) {
    if (!ctx.integer(ctx.arg(i++), version, "ERR Protocol version is not an integer or out of range")) return;
    if (version < 2 || version > 3) {
      ctx.error("NOPROTO unsupported protocol version");
      return;
    }
  }
  std::optional<std::string_view> name;
  for (; i < ctx.size(); ++i) {
    if (ctx.is(i, "AUTH") && i + 2 < ctx.size()) {
      if (!authenticate(ctx, ctx.arg(i + 1), ctx.arg(i + 2))) return;
      i += 2;
    } else if (ctx.is(i, "SETNAME") && i + 1 < ctx.size()) {
      name = ctx.arg(++i);
      if (!valid_client_name(ctx, *name)) return;
    } else {
      ctx.error("ERR Syntax error in HELLO option '" + std::string(ctx.arg(i)) + "'");
      return;
    }
  }
  if (!ctx.session.authenticated) {
    ctx.error(
        "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH <user> "
        "<pass> "
        "option can be used to authenticate the client and select the RESP protocol version at the same time");
    return;
  }
  if (name) ctx.session.name = *name;
  ctx.session.protocol = static_cast<int>(version);
  reply_hello(ctx);
}

void run_reset(Context& ctx) {
  Session& session = ctx.session;
  session.discard_transaction(ctx.space());
  ctx.server.pubsub.forget(session);
  ctx.server.tracking.disable(session);
  if (std::exchange(session.monitors, false)) --ctx.server.monitors;
  session.database = 0;
  session.protocol = 2;
  session.name.clear();
  session.no_evict = false;
  if (session.user != nullptr) {
    session.user = &ctx.server.acl.default_user();
    session.authenticated = !ctx.server.acl.default_needs_password();
  }
  session.replies = Session::Replies::on;
  ctx.reply.simple("RESET");
}

}  // namespace compozy::redis
