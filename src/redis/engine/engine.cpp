// SPDX-License-Identifier: Apache-2.0
#include "redis/engine/engine.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <thread>

#include "base/text.hpp"
#include "redis/commands/handlers.hpp"
#include "redis/engine/dispatch.hpp"

namespace compozy::redis {

namespace {

constexpr int64_t kExpiryBudgetUs = 1000;
constexpr int64_t kRehashBudgetUs = 100;
constexpr int64_t kRewriteBudgetUs = 2000;

thread_local std::function<void()> busy_turn;

}  // namespace

Engine::Engine(Options options)
    : state_(options.clock, options.random, static_cast<size_t>(options.settings.databases)),
      scripts_(state_),
      eviction_(state_, [this](Database& database, std::string_view key) { key_evicted(database, key); }) {
  state_.settings = std::move(options.settings);
  state_.apply_settings();
  state_.acl.pubsub_open_by_default = state_.settings.acl_pubsub_default == "allchannels";
  if (!state_.settings.requirepass.empty()) state_.acl.set_default_password(state_.settings.requirepass);
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
  state_.effects.logged = sink != nullptr;
  state_.notifications.hold_back(sink != nullptr);
}

Session& Engine::open(SessionOwner* owner, std::string address) {
  auto session = std::make_unique<Session>(next_session_id_++, owner);
  session->address = std::move(address);
  if (session->address != "embedded") {
    session->user = &state_.acl.default_user();
    session->authenticated = !state_.acl.default_needs_password();
  }
  session->connected_at_ms = session->last_command_ms = state_.keyspace.clock().wall_ms();
  ++state_.stats.connections;
  session_list_.emplace(session->id(), session.get());
  owned_.push_back(std::move(session));
  return *owned_.back();
}

void Engine::close(Session& session) {
  waiters_.forget(state_, session);
  session.discard_transaction(state_.keyspace);
  state_.pubsub.forget(session);
  state_.tracking.disable(session);
  if (session.monitors) --state_.monitors;
  if (session.postponed) --state_.postponed_clients;
  forget_replica(session);
  session_list_.erase(session.id());
  std::erase_if(owned_, [&](const auto& owned) { return owned.get() == &session; });
}

// rename-command: the name that the table knows; one that was renamed is not known any more.
Args Engine::unrenamed(Args args, std::vector<std::string_view>& storage) const {
  const std::string given = to_lower(args[0]);
  storage.assign(args.begin(), args.end());
  if (state_.renamed.contains(given)) storage[0] = "(renamed)";
  for (const auto& [from, to] : state_.renamed) {
    if (!to.empty() && to == given) storage[0] = from;
  }
  return storage;
}

void Engine::start_turn() {
  const Clock& clock = state_.keyspace.clock();
  const int64_t now_us = clock.monotonic_us();
  turn_ = {.on = true, .start_us = now_us, .start_wall_ms = clock.wall_ms(), .now_us = now_us};
}

Engine::Prepared Engine::prepare(const Session& session, Args args) const {
  constexpr size_t kNearKeys = 4096;  // so few are in the cache anyway
  Prepared prepared;
  if (args.empty()) return prepared;
  prepared.found = find_command(args);
  const Row* row = prepared.found.row;
  const Database& database = state_.keyspace.database(session.database);
  if (row == nullptr || row->keys.size() == 0 || database.size() < kNearKeys) return prepared;
  const KeySpec& spec = *row->keys.begin();
  const int at = spec.how == KeySpec::How::range ? spec.first : spec.first + spec.last;
  if (!spec.keyword.empty() || at <= 0 || static_cast<size_t>(at) >= args.size()) return prepared;
  prepared.hash = table_hash(args[static_cast<size_t>(at)]);
  prepared.keyed = true;
  database.prefetch(prepared.hash);
  return prepared;
}

void Engine::prefetch(const Session& session, const Prepared& prepared) const {
  if (prepared.keyed) state_.keyspace.database(session.database).prefetch_entry(prepared.hash);
}

bool Engine::execute(Session& session, Args given, const Prepared& prepared) {
  if (given.empty()) {
    if (session.replica) session.follower.acknowledged_at_ms = wall_ms();  // It loads, and says that it is there.
    return true;
  }
  if (!state_.renamed.empty()) {
    std::vector<std::string_view> storage;
    const Args args = unrenamed(given, storage);
    return execute_found(session, args, find_command(args));
  }
  return execute_found(session, given, prepared.found);
}

bool Engine::execute_found(Session& session, Args args, const Found& found) {
  const bool busy = state_.scripts->busy();  // Somebody's script is half done: time stands still, nothing is logged.
  if (!busy) state_.keyspace.begin_unit(turn_.on ? wall_ms() : 0);
  const size_t place = session.outbox.bytes.size();
  ReplyWriter reply = session.writer();
  const Admission admission = admit(session, args, found, reply);
  if (admission == Admission::postponed) {
    session.postponed = true;
    ++state_.postponed_clients;
    return false;
  }
  if (admission == Admission::run) {
    const Row& row = *found.effective();
    session.last_command = &row;
    Session* const before = std::exchange(state_.current, &session);
    std::optional<BlockRequest> block;
    run(session, row, args, reply, &block, false);
    state_.current = before;
    if (!busy) end_unit(&session);
    session.write_offset = state_.replication.offset();
    if (block) {
      waiters_.add(state_, {&session, &row, {args.begin(), args.end()}, *std::move(block), session.database});
    }
    if (!busy) serve_waiters();
  }
  end_command(session, place);
  if (state_.replication.acknowledged_lately) serve_those_who_wait_for_replicas();
  return true;
}

// What comes after the reply: it may be unwanted, and invalidations follow it.
void Engine::end_command(Session& session, size_t place) {
  session.outbox.lsn = last_lsn_;
  if (session.replica) refuse_reply_to_replica(session, place);
  if (session.replies != Session::Replies::on) {
    if (session.replies == Session::Replies::skip_next) {
      session.replies = Session::Replies::skip;
    } else if (session.replies == Session::Replies::skip) {
      session.replies = Session::Replies::on;
    }
    // What a subscription says is a message and no reply: it comes whatever the client said of replies.
    std::string& bytes = session.outbox.bytes;
    const bool subscribed = session.last_command != nullptr && session.last_command->name.ends_with("subscribe");
    if (!subscribed || place >= bytes.size() || bytes[place] == '-') bytes.resize(std::min(place, bytes.size()));
  }
  ClientTracking& tracking = session.tracking;
  if (!std::exchange(tracking.caching_is_new, false) && !session.in_multi)
    tracking.caching = ClientTracking::Caching::unsaid;
  if (state_.tracking.active()) {
    state_.tracking.limit(static_cast<size_t>(state_.settings.tracking_table_max_keys));
    state_.tracking.send(last_lsn_);
  }
}

void Engine::end_unit(Session* session) {
  EffectBuffer& effects = state_.effects;
  if (state_.replication.asks_for_acknowledgements) ask_replicas();
  if (effects.empty()) {
    effects.clear();
    return state_.notifications.release(last_lsn_);
  }
  if (session == nullptr) effects.separate = true;  // Expiry and eviction: each deletion for itself.
  const std::string_view logged = effects.bytes(EffectBuffer::kLog);
  if (sink_ != nullptr && !logged.empty())
    last_lsn_ = sink_->append(logged, effects.is_transaction(EffectBuffer::kLog));
  if (effects.replicated) feed_replicas();
  effects.clear();
  state_.notifications.release(last_lsn_);
  if (session != nullptr) session->outbox.lsn = last_lsn_;
}

void Engine::apply(Session& session, Args args) {
  const Found found = find_command(args);
  const Row* row = found.effective();
  ReplyWriter reply = session.writer();
  if (row == nullptr || row->run == nullptr || !row->accepts(args.size())) {
    reply.error(shape_problem(found, args));
    look_for_error(session, nullptr);
    return session.outbox.bytes.clear();
  }
  state_.keyspace.begin_unit();
  state_.keyspace.set_replaying(true);
  if (session.in_multi && !runs_inside_multi(*row)) {
    session.queue_command(*row, row->flags, {args.begin(), args.end()});
  } else {
    run(session, *row, args, reply, nullptr, false);
  }
  state_.keyspace.set_replaying(false);
  end_unit(&session);
  serve_waiters();
  if (state_.tracking.active()) state_.tracking.send(last_lsn_);
  look_for_error(session, row);
  session.outbox.bytes.clear();
}

bool Engine::replay(Session& session, Args args, std::string& error) {
  replaying_ = true;
  state_.keyspace.set_replaying(true);
  const bool logged = std::exchange(state_.effects.logged, false);
  const bool replicated = std::exchange(state_.effects.replicated, false);
  const Found found = find_command(args);
  const Row* row = found.effective();
  bool good = row != nullptr && row->run != nullptr && row->accepts(args.size());
  if (!good) {
    error = "ERR unknown command '" + std::string(args[0].substr(0, 128)) + "'";
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
  state_.effects.logged = logged;
  state_.effects.replicated = replicated;
  state_.keyspace.set_replaying(false);
  replaying_ = false;
  return good;
}

// Nobody asked for it: those who cache the key, the log and those who listen are told.
void Engine::key_gone(Database& database, std::string_view key, EventClass why, std::string_view event) {
  if (state_.tracking.active()) state_.tracking.invalidate(key, nullptr);
  const std::array<std::string_view, 2> command{"DEL", key};
  state_.effects.append(database.index(), command);
  state_.notifications.post(why, event, database.index(), key);
}

void Engine::key_expired(Database& database, std::string_view key) {
  ++state_.stats.expired_keys;
  key_gone(database, key, EventClass::expired, "expired");
  if (!state_.blocked.empty()) state_.blocked.touched(database.index(), key);
}

void Engine::serve_waiters() {
  while (!waiters_.empty()) {
    const auto ready = state_.blocked.take_ready();
    if (ready.empty()) return;
    state_.keyspace.begin_unit();  // Time went on: a key may have died since it was touched.
    for (const auto& [database, key] : ready) {
      const auto waits = [&](const Waiter& waiter) { return waiter.waits_for(database, key); };
      for (const Waiters::Place place : waiters_.those(waits)) retry(place, key);
    }
    end_unit(nullptr);
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
  CommandStats& stats = state_.stats_of(*place->row);
  ++stats.calls;
  if (!error.empty()) {
    const size_t start = reply.begin_deferred();
    reply.error(error);
    count_error(std::string_view(reply.buffer()).substr(start));
    ++stats.failed;
  } else if (place->request.replicas > 0) {
    reply.integer(state_.replication.acknowledged(place->request.offset));
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

void Engine::set_busy_turn(std::function<void()> turn) { busy_turn = std::move(turn); }

void Engine::let_others_run(Session& session) {
  const int64_t now_ms = state_.keyspace.now_ms();
  const MemoryAccount* account = set_current_account(nullptr);
  Session* const current = std::exchange(state_.current, nullptr);
  const bool replaying = std::exchange(replaying_, false);
  state_.keyspace.set_replaying(false);
  const auto turn = turn_;
  turn_.on = false;
  session.running_script = true;
  if (current != nullptr) current->running_script = true;  // DEBUG LOADAOF: the script is one of the log
  gate_.leave();
  if (busy_turn) {
    busy_turn();
  } else {
    std::this_thread::yield();
  }
  gate_.enter();
  session.running_script = false;
  if (current != nullptr) current->running_script = false;
  replaying_ = replaying;
  state_.keyspace.set_replaying(replaying);
  turn_ = turn;
  state_.current = current;
  set_current_account(const_cast<MemoryAccount*>(account));
  state_.keyspace.stop_time(now_ms);
}

SessionOwner::Debugging Engine::debugger_command(Session& session, std::vector<std::string>& command) {
  SessionOwner* owner = session.owner();
  if (owner == nullptr) return SessionOwner::Debugging::gone;
  auto outcome = SessionOwner::Debugging::nothing;
  const auto before = std::exchange(busy_turn, [&, others = busy_turn] {
    outcome = owner->next_debugger_command(session, command);
    if (others) others();
  });
  let_others_run(session);
  busy_turn = before;
  return outcome;
}

void Engine::cron() {
  if (state_.scripts->busy()) return;
  state_.keyspace.begin_unit();
  const bool paused = state_.pause.what != ClientPause::What::nothing;
  if (paused && state_.keyspace.now_ms() >= state_.pause.until_ms) state_.end_pause();
  state_.keyspace.set_lru_clock(static_cast<uint32_t>(state_.keyspace.clock().monotonic_us() / 1'000'000));
  const auto overdue = [now_ms = state_.keyspace.now_ms()](const Waiter& waiter) {
    return waiter.request.deadline_ms != 0 && waiter.request.deadline_ms <= now_ms;
  };
  for (const Waiters::Place place : waiters_.those(overdue)) finish_blocked(place, {});
  state_.stats.sample(state_.keyspace.clock().monotonic_us(), state_.replication);
  tend_replication();
  if (state_.loading) return;
  expire_actively();
  state_.keyspace.rehash_actively(kRehashBudgetUs);
  eviction_.make_room();
  eviction_.watch_level();
  end_unit(nullptr);
  serve_waiters();
  if (state_.tracking.active()) state_.tracking.send(last_lsn_);
  if (persistence_ != nullptr) persistence_->work(kRewriteBudgetUs);
  if (state_.storage != nullptr) state_.storage->work(kRewriteBudgetUs);
}

void Engine::expire_actively() {
  if (!state_.settings.active_expire) return;
  if (state_.following.on()) return state_.keyspace.expire_own();
  const Clock& clock = state_.keyspace.clock();
  const int64_t started_us = clock.monotonic_us();
  state_.keyspace.expire_actively(kExpiryBudgetUs);
  const int64_t took_ms = (clock.monotonic_us() - started_us) / 1000;
  if (state_.settings.latency_monitor_threshold > 0 && took_ms >= state_.settings.latency_monitor_threshold)
    state_.latency.add("expire-cycle", clock.wall_ms() / 1000, took_ms);
}

bool Engine::get_string(size_t database, std::string_view key, std::string& out) {
  state_.keyspace.begin_unit();
  const Entry* entry = state_.keyspace.database(database).find(key);
  const bool found = entry != nullptr && entry->type == Type::string;
  if (found) out.assign(entry->string());
  end_unit(nullptr);
  return found;
}

std::string Engine::rewrite_log(bool& scheduled) {
  if (persistence_ == nullptr) return "ERR Append only file is not enabled";
  const Persistence::Rewrite rewrite = persistence_->rewrite(state_.in_transaction);
  scheduled = rewrite.scheduled;
  return rewrite.refused;
}

std::string Engine::reload_log() {
  if (persistence_ == nullptr) return "ERR Append only file is not enabled";
  const auto loaded = persistence_->reload();
  return loaded ? std::string() : "ERR " + loaded.error().message;
}

std::vector<std::pair<std::string, std::string>> Engine::persistence_info() const {
  std::vector<std::pair<std::string, std::string>> lines{{"loading", state_.loading ? "1" : "0"},
                                                         {"async_loading", state_.loading_aside ? "1" : "0"}};
  if (state_.storage == nullptr) lines.emplace_back("rdb_changes_since_last_save", std::to_string(state_.stats.dirty));
  if (persistence_ == nullptr) lines.emplace_back("aof_enabled", "0");
  if (state_.storage != nullptr) {
    for (auto& line : state_.storage->info()) lines.push_back(std::move(line));
  }
  if (persistence_ != nullptr) {
    for (auto& line : persistence_->info()) lines.push_back(std::move(line));
  }
  if (state_.loading || state_.loading_aside) add_loading(lines);
  return lines;
}

void Engine::add_loading(std::vector<std::pair<std::string, std::string>>& lines) const {
  const LoadingProgress& progress = state_.loading_progress;
  const double share = progress.total_bytes == 0
                           ? 0
                           : static_cast<double>(progress.loaded_bytes) / static_cast<double>(progress.total_bytes);
  const int64_t elapsed_s = state_.keyspace.clock().wall_ms() / 1000 - progress.started_s;
  const auto left_s = share > 0 ? static_cast<int64_t>(static_cast<double>(elapsed_s) * (1 - share) / share) : 1;
  std::array<char, 32> percent{};
  std::snprintf(percent.data(), percent.size(), "%.2f", share * 100);
  lines.emplace_back("loading_start_time", std::to_string(progress.started_s));
  lines.emplace_back("loading_total_bytes", std::to_string(progress.total_bytes));
  lines.emplace_back("loading_loaded_bytes", std::to_string(progress.loaded_bytes));
  lines.emplace_back("loading_loaded_perc", percent.data());
  lines.emplace_back("loading_eta_seconds", std::to_string(left_s));
}

}  // namespace compozy::redis
