// SPDX-License-Identifier: Apache-2.0
#include "redis/session/pubsub.hpp"

#include <algorithm>
#include <array>

#include "base/text.hpp"

namespace compozy::redis {

void PubSub::add(Listeners& listeners, std::string_view name, Session& session) {
  const auto at = listeners.find(name);
  (at == listeners.end() ? listeners[std::string(name)] : at->second).push_back(&session);
}

void PubSub::remove(Listeners& listeners, std::string_view name, Session& session) {
  const auto at = listeners.find(name);
  if (at == listeners.end()) return;
  std::erase(at->second, &session);
  if (at->second.empty()) listeners.erase(at);
}

void PubSub::confirm(Session& session, std::string_view kind, std::string_view name, size_t count) {
  ReplyWriter writer = session.writer();
  writer.push(3);
  writer.bulk(kind);
  writer.bulk(name);
  writer.integer(static_cast<int64_t>(count));
}

void PubSub::confirm_nothing(Session& session, std::string_view kind, size_t count) {
  ReplyWriter writer = session.writer();
  writer.push(3);
  writer.bulk(kind);
  writer.null();
  writer.integer(static_cast<int64_t>(count));
}

void PubSub::subscribe(Session& session, std::string_view channel) {
  if (session.channels.emplace(channel).second) add(channels_, channel, session);
  confirm(session, "subscribe", channel, session.subscription_count());
}

void PubSub::psubscribe(Session& session, std::string_view pattern) {
  if (session.patterns.emplace(pattern).second) add(patterns_, pattern, session);
  confirm(session, "psubscribe", pattern, session.subscription_count());
}

void PubSub::ssubscribe(Session& session, std::string_view channel) {
  if (session.shard_channels.emplace(channel).second) add(shard_channels_, channel, session);
  confirm(session, "ssubscribe", channel, session.shard_channels.size());
}

void PubSub::unsubscribe(Session& session, std::string_view channel) {
  if (session.channels.erase(std::string(channel)) > 0) remove(channels_, channel, session);
  confirm(session, "unsubscribe", channel, session.subscription_count());
}

void PubSub::punsubscribe(Session& session, std::string_view pattern) {
  if (session.patterns.erase(std::string(pattern)) > 0) remove(patterns_, pattern, session);
  confirm(session, "punsubscribe", pattern, session.subscription_count());
}

void PubSub::sunsubscribe(Session& session, std::string_view channel) {
  if (session.shard_channels.erase(std::string(channel)) > 0) remove(shard_channels_, channel, session);
  confirm(session, "sunsubscribe", channel, session.shard_channels.size());
}

void PubSub::unsubscribe_all(Session& session) {
  if (session.channels.empty()) return confirm_nothing(session, "unsubscribe", session.subscription_count());
  while (!session.channels.empty()) unsubscribe(session, std::string(*session.channels.begin()));
}

void PubSub::punsubscribe_all(Session& session) {
  if (session.patterns.empty()) return confirm_nothing(session, "punsubscribe", session.subscription_count());
  while (!session.patterns.empty()) punsubscribe(session, std::string(*session.patterns.begin()));
}

void PubSub::sunsubscribe_all(Session& session) {
  if (session.shard_channels.empty()) return confirm_nothing(session, "sunsubscribe", 0);
  while (!session.shard_channels.empty()) sunsubscribe(session, std::string(*session.shard_channels.begin()));
}

void PubSub::forget(Session& session) {
  for (const auto& channel : session.channels) remove(channels_, channel, session);
  for (const auto& pattern : session.patterns) remove(patterns_, pattern, session);
  for (const auto& channel : session.shard_channels) remove(shard_channels_, channel, session);
  session.channels.clear();
  session.patterns.clear();
  session.shard_channels.clear();
}

// A message is written once, and its bytes go to all who get it; only its first one depends on the protocol.
void PubSub::deliver(Session& session, std::string_view message, uint64_t lsn) {
  const size_t place = session.outbox.bytes.size();
  session.writer().raw(message);
  if (session.protocol >= 3 && place < session.outbox.bytes.size()) session.outbox.bytes[place] = '>';
  session.outbox.lsn = std::max(session.outbox.lsn, lsn);
  session.notify();
}

size_t PubSub::publish(std::string_view channel, std::string_view message, uint64_t lsn) {
  size_t receivers = 0;
  if (const auto at = channels_.find(channel); at != channels_.end()) {
    receivers += at->second.size();
    std::string bytes;
    append_command(bytes, std::array{std::string_view("message"), channel, message});
    for (Session* session : at->second) deliver(*session, bytes, lsn);
  }
  for (const auto& [pattern, sessions] : patterns_) {
    if (!glob_match(pattern, channel)) continue;
    receivers += sessions.size();
    std::string bytes;
    append_command(bytes, std::array{std::string_view("pmessage"), std::string_view(pattern), channel, message});
    for (Session* session : sessions) deliver(*session, bytes, lsn);
  }
  return receivers;
}

size_t PubSub::spublish(std::string_view channel, std::string_view message, uint64_t lsn) {
  const auto at = shard_channels_.find(channel);
  if (at == shard_channels_.end()) return 0;
  std::string bytes;
  append_command(bytes, std::array{std::string_view("smessage"), channel, message});
  for (Session* session : at->second) deliver(*session, bytes, lsn);
  return at->second.size();
}

std::vector<std::string> PubSub::channels(std::string_view pattern, bool shard) const {
  std::vector<std::string> names;
  for (const auto& [channel, sessions] : shard ? shard_channels_ : channels_) {
    if (pattern.empty() || glob_match(pattern, channel)) names.push_back(channel);
  }
  return names;
}

size_t PubSub::subscriber_count(std::string_view channel, bool shard) const {
  const Listeners& listeners = shard ? shard_channels_ : channels_;
  const auto at = listeners.find(channel);
  return at == listeners.end() ? 0 : at->second.size();
}

}  // namespace compozy::redis
