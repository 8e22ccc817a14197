// SPDX-License-Identifier: Apache-2.0
#include "redis/engine/engine.hpp"

#include <algorithm>
#include <thread>

#include "base/text.hpp"
#include "redis/commands/handlers.hpp"

namespace compozy::redis {

namespace {

constexpr int64_t kExpiryBudgetUs = 1000;
constexpr int64_t kRehashBudgetUs = 100;
constexpr int64_t kRewriteBudgetUs = 2000;

std::string full_name(const Row& row) {
  return row.parent.empty() ? std::string(row.name) : std::string(row.parent) + "|" + std::string(row.name);
}

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

thread_local std::function<void()> busy_turn;

bool allowed_while_subscribed(const Row& row) {
  for (const Handler handler : {run_subscribe, run_unsubscribe, run_psubscribe, run_punsubscribe, run_ssubscribe,
                                run_sunsubscribe, run_ping, run_quit, run_reset}) {
    if (row.run == handler) return true;
  }
  return false;
}

}  // namespace

Engine::Engine(Options options)
    : state_(options.clock, options.random, static_cast<size_t>(options.settings.databases)),
      scripts_(state_),
      eviction_(state_, [this](Database& database, std::string_view key) { key_evicted(database, key); }) {
  state_.settings = std::move(options.settings);
  state_.apply_settings();
  state_.scripts = &scripts_;
  state_.engine = this;
  state_.started_ms = options.clock.wall_ms();
  for (int i = 0; i < 20; ++i) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    const uint64_t byte = options.random.below(256);
    state_.run_id += kDigits[byte >> 4];
    state_.run_id += kDigits[byte & 15];
  }
  state_.keyspace.set_events(this);
  state_.keyspace.set_lru_clock(static_cast<uint32_t>(options.clock.monotonic_us() / 1'000'000));
}

Engine::~Engine() = default;

void Engine::attach(EffectSink* sink, Persistence* persistence) {
  sink_ = sink;
  persistence_ = persistence;
  state_.effects.enabled = sink != nullptr;
  state_.notifications.hold_back(persistence != nullptr);
}

Session& Engine::open(SessionOwner* owner, std::string address) {
  auto session = std::make_unique<Session>(next_session_id_++, owner);
  session->authenticated = state_.settings.requirepass.empty();
  session->address = std::move(address);
  session->connected_at_ms = session->last_command_ms = state_.keyspace.clock().wall_ms();
  ++state_.stats.connections;
  session_list_.insert(session.get());
  owned_.push_back(std::move(session));
  return *owned_.back();
}

void Engine::close(Session& session) {
  waiters_.forget(state_, session);
  session.discard_transaction(state_.keyspace);
  state_.pubsub.forget(session);
  session_list_.erase(&session);
  std::erase_if(owned_, [&](const auto& owned) { return owned.get() == &session; });
}

bool Engine::refuse(Session& session, ReplyWriter& reply, std::string_view text) {
  if (session.in_multi) session.multi_failed = true;
  const size_t place = reply.begin_deferred();
  reply.error(text);
  count_error(std::string_view(reply.buffer()).substr(place));
  return false;
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

std::string Engine::write_refusal() {
  const Settings& settings = state_.settings;
  // There are no replicas: whoever asks for some cannot have his writes.
  if (settings.min_replicas_to_write > 0 && settings.min_replicas_max_lag > 0)
    return "NOREPLICAS Not enough good replicas to write.";
  return persistence_ == nullptr ? std::string() : persistence_->refusal();
}

std::string Engine::refusal(const Session& session, const Row& row, Args args) {
  if (!session.authenticated && !row.has(kNoAuth)) return "NOAUTH Authentication required.";
  uint32_t flags = flags_of(row, args);
  if (row.run == run_exec) {
    for (const QueuedCommand& queued : session.queue) flags |= queued.flags;
  }
  if (std::string reason = memory_refusal(session, row, flags); !reason.empty()) return reason;
  if ((flags & kWrite) != 0) {
    if (std::string reason = write_refusal(); !reason.empty()) return reason;
  }
  if (session.subscribed() && session.protocol == 2 && !allowed_while_subscribed(row)) {
    return "ERR Can't execute '" + full_name(row) +
           "': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context";
  }
  if (state_.scripts->busy() && !row.has(kAllowBusy)) return state_.scripts->busy_error();
  return {};
}

// Whether the command may run now. Otherwise it was refused, or queued for EXEC.
bool Engine::admit(Session& session, Args args, const Row*& row, ReplyWriter& reply) {
  const Found found = find_command(args);
  row = found.effective();
  if (row == nullptr) return refuse(session, reply, unknown_command(args));
  if (is_container(*found.row) && found.subcommand == nullptr && args.size() > 1) {
    return refuse(session, reply,
                  "ERR unknown subcommand '" + std::string(args[1].substr(0, 128)) + "'. Try " +
                      to_upper(found.row->name) + " HELP.");
  }
  if (!row->accepts(args.size()) || row->run == nullptr) {
    return refuse(session, reply, "ERR wrong number of arguments for '" + full_name(*row) + "' command");
  }
  if (const std::string text = refusal(session, *row, args); !text.empty()) return refuse(session, reply, text);
  if (!session.in_multi || runs_inside_multi(*row)) return true;
  if (row->has(kNoMulti)) return refuse(session, reply, "ERR Command not allowed inside a transaction");
  session.queue.push_back({row, flags_of(*row, args), {args.begin(), args.end()}});
  reply.simple("QUEUED");
  return false;
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

void Engine::run(Session& session, const Row& row, Args args, ReplyWriter& reply, std::optional<BlockRequest>* block,
                 bool from_script, bool retrying) {
  Context context(state_, session, row, args, reply);
  context.may_block = block != nullptr;
  context.from_script = from_script;
  context.retrying = retrying;
  const size_t database = session.database;
  const uint64_t dirty = state_.stats.dirty;
  const size_t place = reply.begin_deferred();
  ++state_.stats.commands;
  row.run(context);
  if (context.failed && !context.error_counted) count_error(std::string_view(reply.buffer()).substr(place));
  if (state_.stats.dirty != dirty && !context.propagated && !replaying_) state_.effects.append(database, args);
  if (block != nullptr && context.block) *block = std::move(context.block);
}

void Engine::call(Session& session, const Row& row, Args args, ReplyWriter& reply, bool from_script) {
  run(session, row, args, reply, nullptr, from_script);
}

void Engine::execute(Session& session, Args args) {
  if (args.empty()) return;
  const bool busy = state_.scripts->busy();  // Somebody's script is half done: time stands still, nothing is logged.
  if (!busy) state_.keyspace.begin_unit();
  const size_t place = session.outbox.bytes.size();
  ReplyWriter reply = session.writer();
  const Row* row = nullptr;
  if (admit(session, args, row, reply)) {
    session.last_command = row->name;
    std::optional<BlockRequest> block;
    run(session, *row, args, reply, &block, false);
    if (!busy) end_unit(&session);
    if (block) {
      waiters_.add(state_, {&session, row, {args.begin(), args.end()}, *std::move(block), session.database});
    }
    if (!busy) serve_waiters();
  }
  session.outbox.lsn = last_lsn_;
  if (session.replies == Session::Replies::on) return;
  if (session.replies == Session::Replies::skip_next) {
    session.replies = Session::Replies::skip;
  } else if (session.replies == Session::Replies::skip) {
    session.replies = Session::Replies::on;
    session.outbox.bytes.resize(place);
    return;
  }
  session.outbox.bytes.resize(place);
}

void Engine::end_unit(Session* session) {
  if (state_.effects.count() == 0) return state_.notifications.release(last_lsn_);
  if (sink_ != nullptr) last_lsn_ = sink_->append(state_.effects.bytes(), state_.effects.count() > 1);
  state_.effects.clear();
  state_.notifications.release(last_lsn_);
  if (session != nullptr) session->outbox.lsn = last_lsn_;
}

bool Engine::replay(Session& session, Args args, std::string& error) {
  replaying_ = true;
  state_.keyspace.set_replaying(true);
  const bool log = std::exchange(state_.effects.enabled, false);
  const Found found = find_command(args);
  const Row* row = found.effective();
  bool good = row != nullptr && row->run != nullptr && row->accepts(args.size());
  if (!good) {
    error = unknown_command(args);
  } else {
    session.outbox.bytes.clear();
    ReplyWriter reply = session.writer();
    if (session.in_multi && !runs_inside_multi(*row)) {
      session.queue.push_back({row, row->flags, {args.begin(), args.end()}});
    } else {
      run(session, *row, args, reply, nullptr, false);
    }
    good = !session.outbox.bytes.starts_with('-');
    if (!good) error = session.outbox.bytes;
    session.outbox.bytes.clear();
  }
  state_.effects.enabled = log;
  state_.keyspace.set_replaying(false);
  replaying_ = false;
  return good;
}

void Engine::key_expired(Database& database, std::string_view key) {
  ++state_.stats.expired_keys;
  const std::array<std::string_view, 2> command{"DEL", key};
  state_.effects.append(database.index(), command);
  state_.notifications.post(EventClass::expired, "expired", database.index(), key);
  if (!state_.blocked.empty()) state_.blocked.touched(database.index(), key);
}

void Engine::serve_waiters() {
  while (!waiters_.empty()) {
    const auto ready = state_.blocked.take_ready();
    if (ready.empty()) return;
    for (const auto& [database, key] : ready) {
      for (const Waiters::Place place : waiters_.waiting_for(database, key)) retry(place, key);
    }
  }
}

// Runs a waiter's command again for the key that is ready; whether it was served.
bool Engine::retry(Waiters::Place place, std::string_view key) {
  // A key that has become something else wakes only who wants to know of it.
  const Entry* entry = state_.keyspace.database(place->database).peek(key);
  if (entry == nullptr || entry->type != place->request.type) {
    if (place->request.gone.empty()) return false;
    finish_blocked(place, place->request.gone);
    return true;
  }
  Session& session = *place->session;
  const std::vector<std::string_view> args = place->arguments_for(key);
  ReplyWriter reply = session.writer();
  std::optional<BlockRequest> block;
  const size_t database = std::exchange(session.database, place->database);
  run(session, *place->row, args, reply, &block, false, true);
  session.database = database;
  end_unit(&session);
  if (block) return false;
  waiters_.remove(state_, place);
  session.outbox.lsn = last_lsn_;
  session.notify();
  return true;
}

void Engine::finish_blocked(Waiters::Place place, std::string_view error) {
  Session& session = *place->session;
  ReplyWriter reply = session.writer();
  if (!error.empty()) {
    reply.error(error);
  } else if (place->request.null_is_array) {
    reply.null_array();
  } else {
    reply.null();
  }
  waiters_.remove(state_, place);
  session.notify();
}

bool Engine::unblock(uint64_t session_id, bool with_error) {
  const auto place = waiters_.find(session_id);
  if (place == waiters_.end()) return false;
  finish_blocked(place, with_error ? "UNBLOCKED client unblocked via CLIENT UNBLOCK" : "");
  return true;
}

void Engine::rejected(const Row*, std::string_view error) { count_error("-" + std::string(error) + "\r\n"); }

void Engine::set_busy_turn(std::function<void()> turn) { busy_turn = std::move(turn); }

void Engine::let_others_run(Session& session) {
  const int64_t now_ms = state_.keyspace.now_ms();
  const MemoryAccount* account = set_current_account(nullptr);
  session.running_script = true;
  gate_.leave();
  if (busy_turn) {
    busy_turn();
  } else {
    std::this_thread::yield();
  }
  gate_.enter();
  session.running_script = false;
  set_current_account(const_cast<MemoryAccount*>(account));
  state_.keyspace.stop_time(now_ms);
}

void Engine::cron() {
  if (state_.scripts->busy()) return;
  state_.keyspace.begin_unit();
  state_.keyspace.set_lru_clock(static_cast<uint32_t>(state_.keyspace.clock().monotonic_us() / 1'000'000));
  for (const auto& place : waiters_.overdue(state_.keyspace.now_ms())) finish_blocked(place, {});
  if (state_.settings.active_expire) state_.keyspace.expire_actively(kExpiryBudgetUs);
  state_.keyspace.rehash_actively(kRehashBudgetUs);
  eviction_.make_room();
  eviction_.watch_level();
  end_unit(nullptr);
  serve_waiters();
  if (persistence_ != nullptr) persistence_->work(kRewriteBudgetUs);
  if (state_.storage != nullptr) state_.storage->work(kRewriteBudgetUs);
}

bool Engine::get_string(size_t database, std::string_view key, std::string& out) {
  state_.keyspace.begin_unit();
  const Entry* entry = state_.keyspace.database(database).find(key);
  const bool found = entry != nullptr && entry->type == Type::string;
  if (found) out.assign(entry->string());
  end_unit(nullptr);
  return found;
}

std::string Engine::rewrite_log() {
  if (persistence_ == nullptr) return "ERR Append only file is not enabled";
  return persistence_->start_rewrite();
}

std::string Engine::reload_log() {
  if (persistence_ == nullptr) return "ERR Append only file is not enabled";
  const auto loaded = persistence_->reload();
  return loaded ? std::string() : "ERR " + loaded.error().message;
}

std::vector<std::pair<std::string, std::string>> Engine::persistence_info() const {
  std::vector<std::pair<std::string, std::string>> lines{
      {"loading", "0"},
      {"rdb_changes_since_last_save", std::to_string(state_.stats.dirty)},
      {"aof_enabled", persistence_ == nullptr ? "0" : "1"}};
  if (persistence_ != nullptr) {
    for (auto& line : persistence_->info()) lines.push_back(std::move(line));
  }
  if (state_.storage != nullptr) {
    for (auto& line : state_.storage->info()) lines.push_back(std::move(line));
  }
  return lines;
}

}  // namespace compozy::redis
