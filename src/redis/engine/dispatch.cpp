// SPDX-License-Identifier: Apache-2.0
//
// From arguments to a handler: what is refused, queued or held, and what is noted about each call.
#include "redis/engine/dispatch.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "redis/commands/connection/client_info.hpp"
#include "redis/commands/handlers.hpp"
#include "redis/commands/replication/replication.hpp"
#include "redis/commands/server/redaction.hpp"
#include "redis/engine/engine.hpp"

namespace compozy::redis {

namespace {

// What a command has replied; the debugger of scripts may have sent what stood before it.
std::string_view written_since(ReplyWriter& reply, size_t place) {
  const std::string_view bytes = reply.buffer();
  return bytes.substr(std::min(place, bytes.size()));
}

}  // namespace

std::string unknown_command(Args args) {
  std::string shown;
  for (size_t i = 1; i < args.size() && shown.size() < 128; ++i) {
    shown += "'" + std::string(args[i].substr(0, 128 - shown.size())) + "' ";
  }
  return "ERR unknown command '" + std::string(args[0].substr(0, 128)) + "', with args beginning with: " + shown;
}

// What may run in a transaction at once instead of being queued.
bool runs_inside_multi(const Row& row) {
  for (const Handler handler : {run_exec, run_discard, run_multi, run_watch, run_quit, run_reset}) {
    if (row.run == handler) return true;
  }
  return false;
}

bool allowed_while_subscribed(const Row& row) {
  for (const Handler handler : {run_subscribe, run_unsubscribe, run_psubscribe, run_punsubscribe, run_ssubscribe,
                                run_sunsubscribe, run_ping, run_quit, run_reset}) {
    if (row.run == handler) return true;
  }
  return false;
}

namespace {

bool well_formed(const Found& found, Args args) {
  const Row* row = found.effective();
  return row != nullptr && row->run != nullptr && row->accepts(args.size()) &&
         (found.subcommand != nullptr || args.size() == 1 || !is_container(*row));
}

}  // namespace

// What is wrong with a command that is not well formed.
std::string Engine::shape_problem(const Found& found, Args args) const {
  const Row* row = found.effective();
  if (row == nullptr) return unknown_command(args);
  if (is_container(*found.row) && found.subcommand == nullptr && args.size() > 1) {
    return "ERR unknown subcommand '" + std::string(args[1].substr(0, 128)) + "'. Try " + to_upper(found.row->name) +
           " HELP.";
  }
  return "ERR wrong number of arguments for '" + full_name(*row) + "' command";
}

Engine::Admission Engine::refuse(Session& session, const Row* row, ReplyWriter& reply, std::string_view text) {
  session.last_command = row;  // CLIENT LIST tells it also when it did not run.
  if (session.in_multi && (row == nullptr || row->run != run_exec)) session.multi_failed = true;
  const size_t place = reply.begin_deferred();
  if (row != nullptr && row->run == run_exec && session.in_multi) {
    session.discard_transaction(state_.keyspace);
    reply.error("EXECABORT Transaction discarded because of: " + std::string(text));
  } else {
    reply.error(text);
  }
  count_error(written_since(reply, place));
  if (row != nullptr) ++state_.stats_of(*row).rejected;
  return Admission::answered;
}

// Why this user may not run it; what is denied is logged.
std::string Engine::denied(Session& session, const Row& row, Args args, std::string_view context) {
  if (session.user == nullptr || session.user->allows_everything()) return {};
  std::string object;
  const AclDenied denied = session.user->check(acl_request(row, args), object);
  if (denied == AclDenied::nothing) return {};
  state_.acl.log({.reason = denied,
                  .context = context,
                  .object = object,
                  .user = session.user->name(),
                  .at_ms = state_.keyspace.now_ms(),
                  .client = client_line(state_, session)},
                 state_.settings.acllog_max_len);
  if (denied == AclDenied::command) return "this user has no permissions to run the '" + object + "' command";
  return denied == AclDenied::key ? "this user has no permissions to access one of the keys used as arguments"
                                  : "this user has no permissions to access one of the channels used as arguments";
}

std::string Engine::refusal(const Session& session, const Row& row) const {
  const Settings& settings = state_.settings;
  if (row.name == "debug" && !state_.allows_protected(settings.enable_debug_command, session)) {
    return "ERR DEBUG command not allowed. If the enable-debug-command option is set to \"local\", you can run it from "
           "a local connection, otherwise you need to set this option in the configuration file, and then restart the "
           "server.";
  }
  const bool loads = row.parent == "module" && (row.name.starts_with("load") || row.name == "unload");
  if (loads && !state_.allows_protected(settings.enable_module_command, session)) {
    return "ERR MODULE command not allowed. If the enable-module-command option is set to \"local\", you can run it "
           "from a local connection, otherwise you need to set this option in the configuration file, and then restart "
           "the server.";
  }
  if (!session.authenticated && !row.has(kNoAuth)) return "NOAUTH Authentication required.";
  return {};
}

// The flags of the command, where a script says more about itself than EVAL can.
uint32_t Engine::flags_of(const Row& row, Args args) const {
  if (row.group != "scripting" || !row.has(kMovableKeys)) return row.flags;
  const auto declared = state_.scripts->declared_flags(row.name, args[1]);
  if (!declared) return row.flags;
  uint32_t flags = row.flags & ~static_cast<uint32_t>(kStale | kDenyOom | kWrite | kMayReplicate);
  if ((*declared & (kScriptAllowOom | kScriptNoWrites)) == 0) flags |= kDenyOom;
  if ((*declared & kScriptNoWrites) == 0) flags |= kWrite;
  if ((*declared & kScriptAllowStale) != 0) flags |= kStale;
  return flags;
}

// For EXEC, together with those of the commands that it runs.
uint32_t Engine::unit_flags(const Session& session, const Row& row, Args args) const {
  uint32_t flags = flags_of(row, args);
  if (row.run != run_exec) return flags;
  constexpr auto kNeedAll = static_cast<uint32_t>(kStale | kLoading);  // every one of them must have these
  for (const QueuedCommand& queued : session.queue)
    flags = ((flags | queued.flags) & ~kNeedAll) | (flags & queued.flags & kNeedAll);
  return flags;
}

std::string Engine::write_refusal() {
  const Settings& settings = state_.settings;
  const bool master = !state_.following.on();
  if (master && state_.storage != nullptr && settings.stop_writes_on_bgsave_error && !settings.save.empty() &&
      state_.storage->last_save_failed()) {
    return "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk. Commands "
           "that may modify the data set are disabled, because this instance is configured to report errors during "
           "writes if RDB snapshotting fails (stop-writes-on-bgsave-error option). Please check the Redis logs for "
           "details about the RDB error.";
  }
  if (master && persistence_ != nullptr) {
    if (std::string reason = persistence_->refusal(); !reason.empty()) return reason;
  }
  if (settings.min_replicas_to_write > 0 && settings.min_replicas_max_lag > 0 && master &&
      good_replicas(state_) < settings.min_replicas_to_write)
    return "NOREPLICAS Not enough good replicas to write.";
  if (!master && settings.replica_read_only) return "READONLY You can't write against a read only replica.";
  return {};
}

// What depends on the server's state, and not on who asks.
std::string Engine::state_refusal(const Session& session, const Row& row, uint32_t flags) {
  if (std::string reason = memory_refusal(session, row, flags); !reason.empty()) return reason;
  if ((flags & kWrite) != 0) {
    if (std::string reason = write_refusal(); !reason.empty()) return reason;
  }
  if (session.subscribed() && session.protocol == 2 && !allowed_while_subscribed(row)) {
    return "ERR Can't execute '" + full_name(row) +
           "': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context";
  }
  if ((flags & kStale) == 0 && state_.is_stale())
    return "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.";
  if (state_.loading && (flags & kLoading) == 0) return "LOADING Redis is loading the dataset in memory";
  if (state_.loading_aside && (flags & kNoAsyncLoading) != 0) return "LOADING Redis is loading the dataset in memory";
  if (state_.scripts->busy() && !row.has(kAllowBusy)) return state_.scripts->busy_error();
  return {};
}

// Nearly always nothing of what state_refusal() looks at is there.
bool Engine::state_may_refuse(const Session& session, uint32_t flags) const {
  const Settings& settings = state_.settings;
  const bool guards_writes = persistence_ != nullptr || state_.storage != nullptr || settings.min_replicas_to_write > 0;
  return settings.maxmemory > 0 || state_.out_of_memory || (guards_writes && (flags & kWrite) != 0) ||
         session.subscribed() || state_.loading || state_.following.on() || state_.scripts->busy();
}

// CLIENT PAUSE: what changes data waits, also in a transaction or a script; in the mode ALL, everything.
bool Engine::postpones(const Session& session, uint32_t flags) const {
  if (state_.pause.what == ClientPause::What::nothing || session.user == nullptr) return false;
  return state_.pause.what == ClientPause::What::everything || (flags & (kWrite | kMayReplicate)) != 0;
}

void Engine::pause_ended() {
  for (const auto& [id, session] : session_list_) {
    if (!std::exchange(session->postponed, false)) continue;
    --state_.postponed_clients;
    session->notify();
  }
}

Engine::Admission Engine::admit(Session& session, Args args, const Found& found, ReplyWriter& reply) {
  const Row* row = found.effective();
  if (!well_formed(found, args)) return refuse(session, row, reply, shape_problem(found, args));
  if (!session.authenticated || row->has(kAdmin)) {
    if (const std::string text = refusal(session, *row); !text.empty()) return refuse(session, row, reply, text);
  }
  if (session.in_multi && row->has(kNoMulti))
    return refuse(session, row, reply, "ERR Command not allowed inside a transaction");
  if (session.user != nullptr && !session.user->allows_everything()) {
    const std::string text = denied(session, *row, args, session.in_multi ? "multi" : "toplevel");
    if (!text.empty()) return refuse(session, row, reply, "NOPERM " + text);
  }
  const uint32_t flags = unit_flags(session, *row, args);
  if (state_may_refuse(session, flags)) {
    if (const std::string text = state_refusal(session, *row, flags); !text.empty())
      return refuse(session, row, reply, text);
  }
  if (session.in_multi && !runs_inside_multi(*row)) {
    session.last_command = row;
    session.queue_command(*row, flags, {args.begin(), args.end()});
    reply.simple("QUEUED");
    return Admission::answered;
  }
  constexpr auto kOfKeys = static_cast<uint32_t>(kWrite | kReadonly | kMayReplicate);
  if (session.replica && (flags & kOfKeys) != 0)
    return refuse(session, row, reply, "ERR Replica can't interact with the keyspace");
  return postpones(session, flags) ? Admission::postponed : Admission::run;
}

void Engine::count_error(std::string_view reply) {
  if (!reply.starts_with('-')) return;
  ++state_.stats.errors;
  const size_t end = reply.find_first_of(" \r");
  const std::string_view code = reply.substr(1, end - 1);
  const auto at = state_.stats.errors_by_code.find(code);
  if (at != state_.stats.errors_by_code.end()) {
    ++at->second;
  } else if (state_.stats.errors_by_code.size() < 128) {
    state_.stats.errors_by_code.emplace(code, 1);
  }
}

// A command that a script called was refused.
void Engine::rejected(const Row* row, std::string_view error) {
  count_error("-" + std::string(error) + "\r\n");
  if (row != nullptr) ++state_.stats_of(*row).rejected;
}

void Engine::measure(Session& session, const Row& row, Args args, int64_t started_us, bool failed) {
  const Settings& settings = state_.settings;
  const int64_t now_us = state_.keyspace.clock().monotonic_us();
  turn_.now_us = now_us;
  const int64_t took_us = now_us - started_us;
  CommandStats& stats = state_.stats_of(row);
  ++stats.calls;
  stats.us += static_cast<uint64_t>(took_us);
  if (failed) ++stats.failed;
  if (settings.latency_tracking) stats.durations.add(took_us * 1000);
  if (settings.latency_monitor_threshold > 0 && took_us >= settings.latency_monitor_threshold * 1000) {
    state_.latency.add(row.has(kFast) ? "fast-command" : "command", state_.keyspace.clock().wall_ms() / 1000,
                       took_us / 1000);
  }
  if (settings.slowlog_log_slower_than < 0 || took_us < settings.slowlog_log_slower_than || row.has(kSkipSlowlog) ||
      settings.slowlog_max_len == 0)
    return;
  std::vector<std::string_view> shown;
  state_.slow_log.add({.id = 0,
                       .at_s = state_.keyspace.clock().wall_ms() / 1000,
                       .duration_us = took_us,
                       .args = SlowLog::shortened(redacted(row, args, shown)),
                       .address = session.address,
                       .client_name = session.name},
                      settings.slowlog_max_len);
}

// MONITOR sees a command when it has run, so that one that ends the watching is not seen; scripts come before the
// commands that they run.
void Engine::feed(Session& session, const Row& row, Args args, bool from_script) {
  const bool skipped = row.has(kSkipMonitor) && row.run != run_exec && row.group != "scripting";
  if (state_.monitors == 0 || skipped || row.has(kAdmin) || state_.loading) return;
  std::vector<std::string_view> shown;
  state_.feed_monitors(session, from_script, redacted(row, args, shown));
}

// For clients that keep what they read.
void Engine::observe(Session& session, const Row& row, Args args, bool from_script) {
  if (!state_.tracking.active() || !row.has(kReadonly) || row.group == "scripting") return;
  Session& reader = from_script && state_.current != nullptr ? *state_.current : session;
  if (!reader.tracking.on) return;
  // A script's reads count as reads of all the keys that it declared.
  const Row& what = from_script && caller_row_ != nullptr ? *caller_row_ : row;
  const Args whose = from_script && caller_row_ != nullptr ? caller_args_ : args;
  for (const size_t at : key_positions(what, whose)) state_.tracking.remember(reader, whose[at]);
}

void Engine::run(Session& session, const Row& row, Args args, ReplyWriter& reply, std::optional<BlockRequest>* block,
                 bool from_script, bool retrying) {
  Context context(state_, session, row, args, reply);
  context.may_block = block != nullptr;
  context.from_script = from_script;
  context.retrying = retrying;
  const size_t database = session.database;
  const uint64_t dirty = state_.stats.dirty;
  const size_t place = reply.begin_deferred();
  // What a script does between its calls is not its calls'.
  const int64_t started_us = from_script ? state_.keyspace.clock().monotonic_us() : now_us();
  ++state_.stats.commands;
  const bool script = row.group == "scripting";
  if (script && !from_script) {
    caller_row_ = &row;
    caller_args_ = args;
  }
  if (script && !replaying_ && !retrying) feed(session, row, args, from_script);
  row.run(context);
  if (context.failed && !context.error_counted) count_error(written_since(reply, place));
  if (state_.stats.dirty != dirty && !context.propagated && !replaying_) state_.effects.append(database, args);
  if (block != nullptr && context.block) *block = std::move(context.block);
  if (replaying_) return;
  if (block == nullptr || !*block) {
    measure(session, row, args, started_us, context.failed);
  }
  if (!script && !retrying) feed(session, row, args, from_script);
  if (!retrying) observe(session, row, args, from_script);
}

void Engine::call(Session& session, const Row& row, Args args, ReplyWriter& reply, bool from_script) {
  run(session, row, args, reply, nullptr, from_script);
}

}  // namespace compozy::redis
