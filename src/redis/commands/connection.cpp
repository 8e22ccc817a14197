// SPDX-License-Identifier: Apache-2.0
//
// HELLO, AUTH, PING and other commands about the connection. Source: redis.io/commands/?group=connection.
#include <algorithm>
#include <string>

#include "redis/commands/context.hpp"
#include "redis/commands/handlers.hpp"

namespace compozy::redis {

namespace {

bool authenticate(Context& ctx, std::string_view user, std::string_view password) {
  // Compares without telling by its time how much was right.
  const std::string& wanted = ctx.server.settings.requirepass;
  size_t difference = password.size() ^ wanted.size();
  for (size_t i = 0; i < password.size(); ++i) {
    difference |= static_cast<size_t>(password[i] ^ (wanted.empty() ? '\0' : wanted[i % wanted.size()]));
  }
  if (user != "default" || (!wanted.empty() && difference != 0)) {
    return ctx.error("WRONGPASS invalid username-password pair or user is disabled.");
  }
  ctx.session.authenticated = true;
  return true;
}

bool valid_name(Context& ctx, std::string_view name) {
  if (std::ranges::all_of(name, [](char c) { return c >= '!' && c <= '~'; })) return true;
  return ctx.error("ERR Client names cannot contain spaces, newlines or special characters.");
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
  if (ctx.size() == 2 && ctx.server.settings.requirepass.empty()) {
    ctx.error(
        "ERR AUTH <password> called without any password configured for the default user. Are you sure your "
        "configuration "
        "is correct?");
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
      if (!valid_name(ctx, *name)) return;
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
  session.database = 0;
  session.protocol = 2;
  session.name.clear();
  session.authenticated = ctx.server.settings.requirepass.empty();
  session.replies = Session::Replies::on;
  ctx.reply.simple("RESET");
}

void run_client_id(Context& ctx) { ctx.reply.integer(static_cast<int64_t>(ctx.session.id())); }

void run_client_getname(Context& ctx) {
  if (ctx.session.name.empty()) return ctx.reply.null();
  ctx.reply.bulk(ctx.session.name);
}

void run_client_setname(Context& ctx) {
  if (!valid_name(ctx, ctx.arg(2))) return;
  ctx.session.name = ctx.arg(2);
  ctx.reply.ok();
}

void run_client_no_evict(Context& ctx) {
  if (ctx.is(2, "ON") || ctx.is(2, "OFF")) return ctx.reply.ok();
  ctx.error(kSyntaxError);
}

void run_client_reply(Context& ctx) {
  if (ctx.is(2, "ON")) {
    ctx.session.replies = Session::Replies::on;
    return ctx.reply.ok();
  }
  if (ctx.is(2, "OFF")) {
    ctx.session.replies = Session::Replies::off;
  } else if (ctx.is(2, "SKIP")) {
    if (ctx.session.replies != Session::Replies::off) ctx.session.replies = Session::Replies::skip_next;
  } else {
    ctx.error(kSyntaxError);
  }
}

namespace {

std::string client_line(const Session& session, int64_t now_ms) {
  std::string flags = session.subscribed() ? "P" : "";
  if (session.in_multi) flags += "x";
  if (session.blocked) flags += "b";
  if (session.unix_socket) flags += "U";
  if (flags.empty()) flags = "N";
  std::string line = "id=" + std::to_string(session.id()) + " addr=" + session.address +
                     " laddr=" + session.local_address + " fd=-1 name=" + session.name;
  line += " age=" + std::to_string((now_ms - session.connected_at_ms) / 1000);
  line += " idle=" + std::to_string(std::max<int64_t>(0, now_ms - session.last_command_ms) / 1000);
  line += " flags=" + flags + " db=" + std::to_string(session.database);
  line += " sub=" + std::to_string(session.channels.size()) + " psub=" + std::to_string(session.patterns.size());
  line += " ssub=" + std::to_string(session.shard_channels.size());
  line += " multi=" + (session.in_multi ? std::to_string(session.queue.size()) : "-1");
  line += " qbuf=0 qbuf-free=0 argv-mem=0 multi-mem=0 rbs=1024 rbp=0 obl=0 oll=0 omem=0 tot-mem=0 events=r cmd=" +
          (session.last_command.empty() ? "NULL" : session.last_command) +
          " user=default redir=-1 resp=" + std::to_string(session.protocol) + "\n";
  return line;
}

}  // namespace

void run_client_info(Context& ctx) { ctx.reply.verbatim("txt", client_line(ctx.session, ctx.now_ms())); }

void run_client_list(Context& ctx) {
  std::string text;
  for (const Session* session : ctx.server.engine->sessions()) text += client_line(*session, ctx.now_ms());
  ctx.reply.verbatim("txt", text);
}

void run_client_kill(Context& ctx) {
  const bool old_style = ctx.size() == 3;
  if (!old_style && ctx.size() % 2 != 0) {
    ctx.error(kSyntaxError);
    return;
  }
  int64_t killed = 0;
  bool skip_me = true;
  for (size_t i = 2; !old_style && i + 1 < ctx.size(); i += 2) {
    if (ctx.is(i, "SKIPME")) skip_me = !ctx.is(i + 1, "no");
  }
  for (Session* session : ctx.server.engine->sessions()) {
    bool matches = old_style ? session->address == ctx.arg(2) : true;
    for (size_t i = 2; !old_style && i + 1 < ctx.size(); i += 2) {
      if (ctx.is(i, "ID")) matches = matches && std::to_string(session->id()) == ctx.arg(i + 1);
      if (ctx.is(i, "ADDR")) matches = matches && session->address == ctx.arg(i + 1);
      if (ctx.is(i, "LADDR")) matches = matches && session->local_address == ctx.arg(i + 1);
      if (ctx.is(i, "USER")) matches = matches && ctx.arg(i + 1) == "default";
      if (ctx.is(i, "TYPE")) matches = matches && ctx.is(i + 1, session->subscribed() ? "pubsub" : "normal");
    }
    if (!matches || (!old_style && skip_me && session == &ctx.session)) continue;
    ++killed;
    if (session == &ctx.session) {
      session->close_after_reply = true;
    } else {
      session->killed = true;
      session->notify();
    }
  }
  if (!old_style) return ctx.reply.integer(killed);
  if (killed == 0) {
    ctx.error("ERR No such client");
  } else {
    ctx.reply.ok();
  }
}

void run_client_unblock(Context& ctx) {
  int64_t id = 0;
  if (!ctx.integer(ctx.arg(2), id)) return;
  const bool with_error = ctx.size() == 4 && ctx.is(3, "ERROR");
  if (ctx.size() > 4 || (ctx.size() == 4 && !with_error && !ctx.is(3, "TIMEOUT"))) {
    ctx.error("ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR");
    return;
  }
  ctx.reply.integer(ctx.server.engine->unblock(static_cast<uint64_t>(id), with_error) ? 1 : 0);
}

}  // namespace compozy::redis
