// SPDX-License-Identifier: Apache-2.0
//
// CLIENT and its subcommands. Source: redis.io/commands/?group=connection (CLIENT …).
#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "base/text.hpp"
#include "redis/commands/connection/client_info.hpp"
#include "redis/commands/context.hpp"
#include "redis/commands/handlers.hpp"

namespace compozy::redis {

namespace {

constexpr std::array<std::string_view, 4> kTypes{"normal", "replica", "slave", "pubsub"};

// "replica" and "slave" are one; "master" has no clients here.
bool type_in(Context& ctx, std::string_view text, std::string& type) {
  type = to_lower(text);
  if (type == "replica") type = "slave";
  if (type == "master" || std::ranges::find(kTypes, type) != kTypes.end()) return true;
  return ctx.error("ERR Unknown client type '" + std::string(text) + "'");
}

// The filters of CLIENT KILL; those that are given must all match.
struct Filter {
  std::string type;
  std::string_view address;
  std::string_view local_address;
  const AclUser* user = nullptr;
  uint64_t id = 0;
  bool skip_me = true;

  bool matches(const Session& session) const {
    if (!address.empty() && session.address != address) return false;
    if (!local_address.empty() && session.local_address != local_address) return false;
    if (!type.empty() && client_class(session) != type) return false;
    if (id != 0 && session.id() != id) return false;
    return user == nullptr || session.user == user;
  }
};

bool parse_filter(Context& ctx, Filter& filter) {
  for (size_t i = 2; i < ctx.size(); i += 2) {
    if (i + 1 >= ctx.size()) return ctx.error(kSyntaxError);
    const std::string_view value = ctx.arg(i + 1);
    if (ctx.is(i, "id")) {
      int64_t id = 0;
      if (!parse_int64(value, id) || id < 1) return ctx.error("ERR client-id should be greater than 0");
      filter.id = static_cast<uint64_t>(id);
    } else if (ctx.is(i, "type")) {
      if (!type_in(ctx, value, filter.type)) return false;
    } else if (ctx.is(i, "addr")) {
      filter.address = value;
    } else if (ctx.is(i, "laddr")) {
      filter.local_address = value;
    } else if (ctx.is(i, "user")) {
      filter.user = ctx.server.acl.find(value);
      if (filter.user == nullptr) return ctx.error("ERR No such user '" + std::string(value) + "'");
    } else if (ctx.is(i, "skipme") && (ctx.is(i + 1, "yes") || ctx.is(i + 1, "no"))) {
      filter.skip_me = ctx.is(i + 1, "yes");
    } else {
      return ctx.error(kSyntaxError);
    }
  }
  return true;
}

bool ids_in(Context& ctx, size_t from, std::vector<uint64_t>& ids) {
  for (size_t i = from; i < ctx.size(); ++i) {
    int64_t id = 0;
    if (!parse_int64(ctx.arg(i), id) || id < 1) return ctx.error("ERR Invalid client ID");
    ids.push_back(static_cast<uint64_t>(id));
  }
  return true;
}

// What CLIENT TRACKING ON … asks for.
struct TrackingRequest {
  ClientTracking options;
  std::vector<std::string> prefixes;
};

bool parse_tracking(Context& ctx, TrackingRequest& request) {
  ClientTracking& options = request.options;
  for (size_t i = 3; i < ctx.size(); ++i) {
    const bool more = i + 1 < ctx.size();
    if (ctx.is(i, "redirect") && more) {
      if (options.redirect != 0) return ctx.error("ERR A client can only redirect to a single other client");
      int64_t id = 0;
      if (!ctx.integer(ctx.arg(++i), id)) return false;
      if (id < 0 || ctx.server.session_by_id(static_cast<uint64_t>(id)) == nullptr)
        return ctx.error("ERR The client ID you want redirect to does not exist");
      options.redirect = static_cast<uint64_t>(id);
    } else if (ctx.is(i, "bcast")) {
      options.broadcast = true;
    } else if (ctx.is(i, "optin")) {
      options.opt_in = true;
    } else if (ctx.is(i, "optout")) {
      options.opt_out = true;
    } else if (ctx.is(i, "noloop")) {
      options.no_loop = true;
    } else if (ctx.is(i, "prefix") && more) {
      request.prefixes.emplace_back(ctx.arg(++i));
    } else {
      return ctx.error(kSyntaxError);
    }
  }
  return true;
}

bool overlap(std::string_view a, std::string_view b) { return a.starts_with(b) || b.starts_with(a); }

bool check_prefixes(Context& ctx, const std::vector<std::string>& prefixes) {
  for (size_t i = 0; i < prefixes.size(); ++i) {
    for (const std::string& known : ctx.session.tracking.prefixes) {
      if (known == prefixes[i] || !overlap(known, prefixes[i])) continue;
      return ctx.error("ERR Prefix '" + prefixes[i] + "' overlaps with an existing prefix '" + known +
                       "'. Prefixes for a single client must not overlap.");
    }
    for (size_t j = i + 1; j < prefixes.size(); ++j) {
      if (!overlap(prefixes[i], prefixes[j])) continue;
      return ctx.error("ERR Prefix '" + prefixes[i] + "' overlaps with another provided prefix '" + prefixes[j] +
                       "'. Prefixes for a single client must not overlap.");
    }
  }
  return true;
}

bool check_tracking(Context& ctx, const TrackingRequest& request) {
  const ClientTracking& wanted = request.options;
  const ClientTracking& now = ctx.session.tracking;
  if (!wanted.broadcast && !request.prefixes.empty())
    return ctx.error("ERR PREFIX option requires BCAST mode to be enabled");
  if (now.on && now.broadcast != wanted.broadcast) {
    return ctx.error(
        "ERR You can't switch BCAST mode on/off before disabling tracking for this client, and then re-enabling it "
        "with "
        "a different mode.");
  }
  if (wanted.broadcast && (wanted.opt_in || wanted.opt_out))
    return ctx.error("ERR OPTIN and OPTOUT are not compatible with BCAST");
  if (wanted.opt_in && wanted.opt_out) return ctx.error("ERR You can't specify both OPTIN mode and OPTOUT mode");
  if ((wanted.opt_in && now.opt_out) || (wanted.opt_out && now.opt_in)) {
    return ctx.error(
        "ERR You can't switch OPTIN/OPTOUT mode before disabling tracking for this client, and then re-enabling it "
        "with "
        "a different mode.");
  }
  return !wanted.broadcast || check_prefixes(ctx, request.prefixes);
}

}  // namespace

void run_client_id(Context& ctx) { ctx.reply.integer(static_cast<int64_t>(ctx.session.id())); }

void run_client_getname(Context& ctx) {
  if (ctx.session.name.empty()) return ctx.reply.null();
  ctx.reply.bulk(ctx.session.name);
}

void run_client_setname(Context& ctx) {
  if (!valid_client_name(ctx, ctx.arg(2))) return;
  ctx.session.name = ctx.arg(2);
  ctx.reply.ok();
}

void run_client_no_evict(Context& ctx) {
  if (!ctx.is(2, "ON") && !ctx.is(2, "OFF")) {
    ctx.error(kSyntaxError);
    return;
  }
  ctx.session.no_evict = ctx.is(2, "ON");
  ctx.reply.ok();
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

void run_client_info(Context& ctx) { ctx.reply.verbatim("txt", client_line(ctx.server, ctx.session) + "\n"); }

void run_client_list(Context& ctx) {
  std::string type;
  std::vector<uint64_t> ids;
  if (ctx.size() == 4 && ctx.is(2, "type")) {
    if (!type_in(ctx, ctx.arg(3), type)) return;
  } else if (ctx.size() > 3 && ctx.is(2, "id")) {
    if (!ids_in(ctx, 3, ids)) return;
  } else if (ctx.size() != 2) {
    ctx.error(kSyntaxError);
    return;
  }
  std::string text;
  const auto add = [&](const Session& session) {
    if (!session.killed && (type.empty() || client_class(session) == type))
      text += client_line(ctx.server, session) + "\n";
  };
  if (ids.empty()) {
    for (const auto& [id, session] : ctx.server.engine->sessions()) add(*session);
  }
  for (const uint64_t id : ids) {
    if (const Session* session = ctx.server.session_by_id(id)) add(*session);
  }
  ctx.reply.verbatim("txt", text);
}

void run_client_kill(Context& ctx) {
  Filter filter;
  const bool old_style = ctx.size() == 3;
  if (old_style) {
    filter.address = ctx.arg(2);
    filter.skip_me = false;
  } else if (!parse_filter(ctx, filter)) {
    return;
  }
  int64_t killed = 0;
  for (const auto& [id, session] : ctx.server.engine->sessions()) {
    if (session->killed || !filter.matches(*session) || (filter.skip_me && session == &ctx.session)) continue;
    ++killed;
    if (session == &ctx.session) {
      session->close_after_reply = true;
    } else {
      session->kill();
    }
  }
  if (!old_style) return ctx.reply.integer(killed);
  if (killed > 0) return ctx.reply.ok();
  ctx.error("ERR No such client");
}

void run_client_unblock(Context& ctx) {
  int64_t id = 0;
  const bool with_error = ctx.size() == 4 && ctx.is(3, "ERROR");
  if (ctx.size() > 4 || (ctx.size() == 4 && !with_error && !ctx.is(3, "TIMEOUT"))) {
    ctx.error("ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR");
    return;
  }
  if (!ctx.integer(ctx.arg(2), id)) return;
  ctx.reply.integer(ctx.server.engine->unblock(static_cast<uint64_t>(id), with_error) ? 1 : 0);
}

void run_client_pause(Context& ctx) {
  if (ctx.size() > 4) return ctx.wrong_arguments();
  ClientPause::What what = ClientPause::What::everything;
  if (ctx.size() == 4) {
    if (ctx.is(3, "WRITE")) {
      what = ClientPause::What::writes;
    } else if (!ctx.is(3, "ALL")) {
      ctx.error("ERR CLIENT PAUSE mode must be WRITE or ALL");
      return;
    }
  }
  int64_t ms = 0;
  if (!ctx.integer(ctx.arg(2), ms, "ERR timeout is not an integer or out of range")) return;
  if (ms < 0) {
    ctx.error("ERR timeout is negative");
    return;
  }
  int64_t until_ms = 0;
  if (add_overflows(ctx.now_ms(), ms, until_ms)) {
    ctx.error("ERR timeout is out of range");
    return;
  }
  // A pause that is there already is never made weaker or shorter.
  ClientPause& pause = ctx.server.pause;
  pause.what = std::max(pause.what, what);
  pause.until_ms = std::max(pause.until_ms, until_ms);
  ctx.space().set_expiry_paused(true);
  ctx.reply.ok();
}

void run_client_unpause(Context& ctx) {
  if (ctx.server.pause.what != ClientPause::What::nothing) ctx.server.end_pause();
  ctx.reply.ok();
}

void run_client_tracking(Context& ctx) {
  Session& session = ctx.session;
  const bool on = ctx.is(2, "on");
  TrackingRequest request;
  if (!parse_tracking(ctx, request)) return;
  if (on) {
    if (!check_tracking(ctx, request)) return;
    ctx.server.tracking.enable(session, std::move(request.options), request.prefixes);
  } else if (ctx.is(2, "off")) {
    ctx.server.tracking.disable(session);
  } else {
    ctx.error(kSyntaxError);
    return;
  }
  ctx.reply.ok();
}

void run_client_caching(Context& ctx) {
  ClientTracking& tracking = ctx.session.tracking;
  if (!tracking.opt_in && !tracking.opt_out) {
    ctx.error(
        "ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or OPTOUT mode enabled");
    return;
  }
  if (ctx.is(2, "yes")) {
    if (!tracking.opt_in) {
      ctx.error("ERR CLIENT CACHING YES is only valid when tracking is enabled in OPTIN mode.");
      return;
    }
    tracking.caching = ClientTracking::Caching::yes;
  } else if (ctx.is(2, "no")) {
    if (!tracking.opt_out) {
      ctx.error("ERR CLIENT CACHING NO is only valid when tracking is enabled in OPTOUT mode.");
      return;
    }
    tracking.caching = ClientTracking::Caching::no;
  } else {
    ctx.error(kSyntaxError);
    return;
  }
  tracking.caching_is_new = true;
  ctx.reply.ok();
}

void run_client_getredir(Context& ctx) {
  const ClientTracking& tracking = ctx.session.tracking;
  ctx.reply.integer(tracking.on ? static_cast<int64_t>(tracking.redirect) : -1);
}

void run_client_trackinginfo(Context& ctx) {
  const ClientTracking& tracking = ctx.session.tracking;
  std::vector<std::string_view> flags{tracking.on ? "on" : "off"};
  if (tracking.broadcast) flags.emplace_back("bcast");
  if (tracking.opt_in) {
    flags.emplace_back("optin");
    if (tracking.caching == ClientTracking::Caching::yes) flags.emplace_back("caching-yes");
  }
  if (tracking.opt_out) {
    flags.emplace_back("optout");
    if (tracking.caching == ClientTracking::Caching::no) flags.emplace_back("caching-no");
  }
  if (tracking.no_loop) flags.emplace_back("noloop");
  if (tracking.broken_redirect) flags.emplace_back("broken_redirect");
  ctx.reply.map(3);
  ctx.reply.bulk("flags");
  ctx.reply.set(flags.size());
  for (const auto flag : flags) ctx.reply.bulk(flag);
  ctx.reply.bulk("redirect");
  ctx.reply.integer(tracking.on ? static_cast<int64_t>(tracking.redirect) : -1);
  ctx.reply.bulk("prefixes");
  ctx.reply.array(tracking.prefixes.size());
  for (const std::string& prefix : tracking.prefixes) ctx.reply.bulk(prefix);
}

}  // namespace compozy::redis
