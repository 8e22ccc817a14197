// SPDX-License-Identifier: Apache-2.0
#include "redis/commands/connection/tracking.hpp"

#include <algorithm>

namespace compozy::redis {

namespace {

constexpr std::string_view kChannel = "__redis__:invalidate";

void write_keys(ReplyWriter& writer, const std::vector<std::string_view>& keys, bool everything) {
  if (everything) return writer.null();
  writer.array(keys.size());
  for (const std::string_view key : keys) writer.bulk(key);
}

}  // namespace

void Tracking::enable(Session& session, ClientTracking options, const std::vector<std::string>& prefixes) {
  if (!session.tracking.on) {
    ++clients_;
    tracked_.insert(session.id());
  }
  options.on = true;
  options.prefixes = std::move(session.tracking.prefixes);
  session.tracking = std::move(options);
  if (!session.tracking.broadcast) return;
  for (const std::string& prefix : prefixes) {
    session.tracking.prefixes.insert(prefix);
    prefixes_[prefix].clients.insert(session.id());
  }
  if (prefixes.empty() && session.tracking.prefixes.empty()) {
    session.tracking.prefixes.emplace();
    prefixes_[""].clients.insert(session.id());
  }
}

void Tracking::disable(Session& session) {
  if (!session.tracking.on) return;
  --clients_;
  tracked_.erase(session.id());
  for (const std::string& name : session.tracking.prefixes) {
    const auto at = prefixes_.find(name);
    if (at == prefixes_.end()) continue;
    at->second.clients.erase(session.id());
    if (at->second.clients.empty()) prefixes_.erase(at);
  }
  session.tracking = ClientTracking{};
}

void Tracking::remember(Session& session, std::string_view key) {
  const ClientTracking& tracking = session.tracking;
  if (!tracking.on || tracking.broadcast) return;
  if (tracking.opt_in && tracking.caching != ClientTracking::Caching::yes) return;
  if (tracking.opt_out && tracking.caching == ClientTracking::Caching::no) return;
  auto at = keys_.find(key);
  if (at == keys_.end()) at = keys_.try_emplace(std::string(key)).first;
  if (at->second.insert(session.id()).second) ++items_;
}

void Tracking::erase(Keys::iterator at) {
  items_ -= at->second.size();
  keys_.erase(at);
}

void Tracking::invalidate(std::string_view key, const Session* by) {
  for (auto& [name, prefix] : prefixes_) {
    if (key.starts_with(name)) prefix.changed.insert_or_assign(std::string(key), by == nullptr ? 0 : by->id());
  }
  const auto at = keys_.find(key);
  if (at == keys_.end()) return;
  for (const uint64_t id : at->second) {
    const Session* session = find_(id);
    if (session == nullptr || !session->tracking.on || session->tracking.broadcast) continue;
    if (session->tracking.no_loop && session == by) continue;
    pending_.emplace_back(id, key);
  }
  erase(at);
}

void Tracking::invalidate_all() {
  everything_ = tracked_;
  keys_.clear();
  items_ = 0;
}

void Tracking::tell(uint64_t id, const std::vector<std::string_view>& keys, bool everything, uint64_t lsn) {
  Session* session = find_(id);
  if (session == nullptr || !session->tracking.on) return;
  Session* target = session;
  if (session->tracking.redirect != 0) {
    target = find_(session->tracking.redirect);
    if (target == nullptr || target->killed) {
      session->tracking.broken_redirect = true;
      if (session->protocol < 3) return;
      ReplyWriter writer = session->writer();
      writer.push(2);
      writer.bulk("tracking-redir-broken");
      writer.integer(static_cast<int64_t>(session->tracking.redirect));
      session->notify();
      return;
    }
  }
  ReplyWriter writer = target->writer();
  if (target->protocol >= 3) {
    writer.push(2);
    writer.bulk("invalidate");
  } else if (target != session && target->subscribed()) {
    writer.array(3);
    writer.bulk("message");
    writer.bulk(kChannel);
  } else {
    return;  // RESP2 has no way to tell a client out of turn.
  }
  write_keys(writer, keys, everything);
  target->outbox.lsn = std::max(target->outbox.lsn, lsn);
  target->notify();
}

void Tracking::send_broadcasts(uint64_t lsn) {
  for (auto& [name, prefix] : prefixes_) {
    if (prefix.changed.empty()) continue;
    const auto changed = std::move(prefix.changed);
    prefix.changed.clear();
    for (const uint64_t id : prefix.clients) {
      const Session* session = find_(id);
      if (session == nullptr) continue;
      std::vector<std::string_view> keys;
      for (const auto& [key, by] : changed) {
        if (!session->tracking.no_loop || by != id) keys.push_back(key);
      }
      if (!keys.empty()) tell(id, keys, false, lsn);
    }
  }
}

void Tracking::send(uint64_t lsn) {
  for (const auto& [id, key] : std::exchange(pending_, {})) tell(id, {key}, false, lsn);
  for (const uint64_t id : std::exchange(everything_, {})) tell(id, {}, true, lsn);
  send_broadcasts(lsn);
}

void Tracking::limit(size_t keys_max) {
  while (keys_max > 0 && keys_.size() > keys_max) {
    const auto victim = keys_.begin();
    for (const uint64_t id : victim->second) pending_.emplace_back(id, victim->first);
    erase(victim);
  }
}

}  // namespace compozy::redis
