// SPDX-License-Identifier: Apache-2.0
//
// Replication in the engine: what its replicas get, and who waits for them.
#include "observe/log.hpp"
#include "redis/commands/handlers.hpp"
#include "redis/commands/replication/failover.hpp"
#include "redis/engine/engine.hpp"

namespace compozy::redis {

// What the unit did, to those who follow this server.
void Engine::feed_replicas() {
  const EffectBuffer& effects = state_.effects;
  const std::string_view commands = effects.bytes(EffectBuffer::kReplicas);
  const int64_t backlog_bytes = state_.settings.repl_backlog_size;
  if (!effects.is_transaction(EffectBuffer::kReplicas)) return state_.replication.feed(commands, backlog_bytes);
  std::string unit;
  append_unit(unit, commands, true);
  state_.replication.feed(unit, backlog_bytes);
}

// A paused server stays as it is: its replicas, too.
void Engine::ask_replicas() {
  const bool paused = state_.pause.what != ClientPause::What::nothing;
  const bool hands_over = state_.replication.failover.state != Failover::State::none;
  if ((paused && !hands_over) || state_.following.on()) return;
  state_.replication.asks_for_acknowledgements = false;
  if (state_.replication.replicas.empty()) return;
  state_.replication.feed("*3\r\n$8\r\nREPLCONF\r\n$6\r\nGETACK\r\n$1\r\n*\r\n", state_.settings.repl_backlog_size);
}

void Engine::refuse_blocked(Handler which, std::string_view error) {
  const auto runs_it = [&](const Waiter& waiter) { return waiter.row->run == which; };
  for (const Waiters::Place place : waiters_.those(runs_it)) finish_blocked(place, error);
}

// A replica that hears nothing for long gives its master up.
void Engine::tend_replication() {
  continue_failover(state_);
  if (!state_.cron_is_paused) continue_shutdown(state_);
  start_full_sync(state_);
  const int64_t now_us = state_.keyspace.clock().monotonic_us();
  if (now_us < next_tending_us_) return;
  next_tending_us_ = now_us + 1'000'000;
  tend_replicas(state_);
  const bool paused = state_.pause.what != ClientPause::What::nothing;
  const bool due = now_us - last_ping_us_ >= state_.settings.repl_ping_replica_period * 1'000'000;
  if (!due || state_.following.on() || paused) return;
  last_ping_us_ = now_us;
  if (!state_.replication.replicas.empty())
    state_.replication.feed("*1\r\n$4\r\nPING\r\n", state_.settings.repl_backlog_size);
}

void Engine::serve_those_who_wait_for_replicas() {
  state_.replication.acknowledged_lately = false;
  const auto served = [&](const Waiter& waiter) {
    const BlockRequest& request = waiter.request;
    return request.replicas > 0 && state_.replication.acknowledged(request.offset) >= request.replicas;
  };
  for (const Waiters::Place place : waiters_.those(served)) finish_blocked(place, {});
}

void Engine::unblock_all(std::string_view error) {
  for (const Waiters::Place place : waiters_.those([](const Waiter&) { return true; })) {
    Session& session = *place->session;
    finish_blocked(place, error);
    session.close_after_reply = true;
  }
}

namespace {

// An error where none can be told: the data of the two may differ now.
void log_error_on_link(std::string_view reply, const std::string& name, std::string_view here, std::string_view there) {
  log::error("== CRITICAL == This " + std::string(here) + " is sending an error to its " + std::string(there) + ": '" +
                 std::string(reply.substr(1, reply.find('\r') - 1)) + "' after processing the command '" + name + "'",
             {});
}

}  // namespace

// What a master's command was answered goes nowhere.
void Engine::look_for_error(Session& session, const Row* row) {
  if (!session.outbox.bytes.starts_with('-')) return;
  log_error_on_link(session.outbox.bytes, row == nullptr ? "<unknown>" : full_name(*row), "replica", "master");
}

void Engine::forget_replica(Session& session) {
  if (!session.replica) return;
  Replication& replication = state_.replication;
  session.follower.state = Follower::State::none;
  if (std::erase(replication.replicas, &session) == 0) return;
  if (replication.replicas.empty()) replication.alone_since_ms = state_.keyspace.clock().wall_ms();
  replication.trim(state_.settings.repl_backlog_size);
}

// What a replica reads is the stream, and nothing else.
void Engine::refuse_reply_to_replica(Session& session, size_t place) {
  if (session.outbox.bytes.size() <= place || session.killed) return;
  const Row* row = session.last_command;
  if (row != nullptr && (row->run == run_sync || row->run == run_psync)) return;
  const std::string_view reply = std::string_view(session.outbox.bytes).substr(place);
  const std::string name = row == nullptr ? "<unknown>" : full_name(*row);
  if (reply.starts_with('-')) log_error_on_link(reply, name, "master", "replica");
  log::warn("Replica generated a reply to command '" + name + "', disconnecting it: " + replica_name(session), {});
  session.outbox.bytes.resize(place);
  session.killed = true;
}

void Engine::relay(std::string_view bytes) { state_.replication.feed(bytes, state_.settings.repl_backlog_size); }

}  // namespace compozy::redis
