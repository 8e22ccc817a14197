// SPDX-License-Identifier: Apache-2.0
//
// maxmemory in the engine: who is refused, and what is said of a key that went.
#include "redis/commands/handlers.hpp"
#include "redis/engine/engine.hpp"

namespace compozy::redis {

namespace {

// A transaction that is being queued takes memory without end; what ends it does not.
bool ends_or_guards_a_transaction(const Row& row) {
  for (const Handler handler : {run_exec, run_discard, run_multi, run_watch, run_unwatch, run_quit, run_reset}) {
    if (row.run == handler) return true;
  }
  return false;
}

}  // namespace

// Makes room before a command. Empty, or why the command cannot run. A script looks at the state of its beginning.
std::string Engine::memory_refusal(const Session& session, const Row& row, uint32_t flags) {
  if (state_.scripts->busy()) return {};
  state_.out_of_memory = false;
  if (state_.settings.maxmemory <= 0) return {};
  state_.out_of_memory = eviction_.make_room() == Eviction::Room::none;
  end_unit(nullptr);
  if (state_.tracking.active()) state_.tracking.send(last_lsn_);
  const bool queues = session.in_multi && !ends_or_guards_a_transaction(row);
  if (!state_.out_of_memory || (!queues && (flags & kDenyOom) == 0)) return {};
  return "OOM command not allowed when used memory > 'maxmemory'.";
}

void Engine::key_evicted(Database& database, std::string_view key) {
  ++state_.stats.evicted_keys;
  key_gone(database, key, EventClass::evicted, "evicted");
}

void Engine::key_added(Database& database, std::string_view key) {
  state_.notifications.post(EventClass::added, "new", database.index(), key);
}

}  // namespace compozy::redis
