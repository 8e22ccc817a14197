// SPDX-License-Identifier: Apache-2.0
#include "redis/engine/blocked.hpp"

#include <algorithm>

namespace compozy::redis {

bool Waiter::waits_for(size_t db, std::string_view key) const {
  return database == db && std::ranges::find(request.keys, key) != request.keys.end();
}

std::vector<std::string_view> Waiter::arguments_for(std::string_view key) const {
  for (size_t i = 0; i < request.retries.size(); ++i) {
    if (request.keys[i] == key) return {request.retries[i].begin(), request.retries[i].end()};
  }
  const KeySpec& spec = *row->keys.begin();
  if (spec.how == KeySpec::How::numkeys) {
    // BLMPOP timeout numkeys key… LEFT …
    std::vector<std::string_view> result(args.begin(), args.begin() + spec.first);
    result.insert(result.end(), {"1", key});
    result.insert(result.end(), args.begin() + spec.first + 1 + static_cast<ptrdiff_t>(request.keys.size()),
                  args.end());
    return result;
  }
  if (spec.last < 0) return {args.front(), key, args.back()};  // BLPOP key… timeout
  return {args.begin(), args.end()};
}

void Waiters::add(ServerState& state, Waiter waiter) {
  waiter.session->blocked = true;
  ++state.blocked_clients;
  for (const auto& key : waiter.request.keys) state.blocked.add(waiter.database, key);
  waiters_.push_back(std::move(waiter));
}

void Waiters::remove(ServerState& state, Place place) {
  place->session->blocked = false;
  --state.blocked_clients;
  for (const auto& key : place->request.keys) state.blocked.remove(place->database, key);
  waiters_.erase(place);
}

void Waiters::forget(ServerState& state, const Session& session) {
  const Place place = find(session.id());
  if (place != waiters_.end()) remove(state, place);
}

Waiters::Place Waiters::find(uint64_t session_id) {
  return std::ranges::find_if(waiters_, [&](const Waiter& waiter) { return waiter.session->id() == session_id; });
}

int64_t Waiters::next_deadline_ms() const {
  int64_t next = 0;
  for (const Waiter& waiter : waiters_) {
    const int64_t deadline = waiter.request.deadline_ms;
    if (deadline != 0 && (next == 0 || deadline < next)) next = deadline;
  }
  return next;
}

}  // namespace compozy::redis
