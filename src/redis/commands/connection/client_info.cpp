// SPDX-License-Identifier: Apache-2.0
#include "redis/commands/connection/client_info.hpp"

#include <algorithm>

#include "redis/commands/acl/acl.hpp"

namespace compozy::redis {

namespace {

constexpr size_t kBaseBytes = 790;     // a client's own record in Redis
constexpr size_t kReplyBlock = 16384;  // replies beyond the buffer are kept in blocks
constexpr size_t kReplyBlockHeader = 40;
constexpr size_t kEntryBytes = 80;  // a subscription, a watched key, a prefix, beside its text

std::string flags_of(const Session& session) {
  std::string flags;
  if (session.replica) flags += 'S';
  if (session.master) flags += 'M';
  if (session.monitors) flags += 'O';
  if (session.subscribed()) flags += 'P';
  if (session.in_transaction()) flags += 'x';
  if (session.blocked || session.postponed) flags += 'b';
  if (session.tracking.on) flags += 't';
  if (session.tracking.broken_redirect) flags += 'R';
  if (session.tracking.broadcast) flags += 'B';
  if (session.transaction_is_void()) flags += 'd';
  if (session.close_after_reply) flags += 'c';
  if (session.killed) flags += 'A';
  if (session.unix_socket) flags += 'U';
  if (session.no_evict) flags += 'e';
  return flags.empty() ? "N" : flags;
}

size_t in_buffer(const Session& session) { return std::min(session.unsent(), session.buffers.reply_room); }

size_t names_memory(const Session& session) {
  size_t bytes = session.watched_count() * kEntryBytes;
  for (const auto* names :
       {&session.channels, &session.patterns, &session.shard_channels, &session.tracking.prefixes}) {
    bytes += names->size() * kEntryBytes;
    if (!names->empty()) bytes += names->size() * names->begin()->size();
  }
  return bytes;
}

}  // namespace

std::string_view client_class(const Session& session) {
  return session.replica ? "slave" : session.subscribed() ? "pubsub" : "normal";
}

size_t output_memory(const Session& session) {
  const size_t beyond = session.unsent() - in_buffer(session);
  return beyond + (beyond + kReplyBlock - 1) / kReplyBlock * kReplyBlockHeader;
}

size_t client_memory(const Session& session) {
  const ClientBuffers& buffers = session.buffers;
  return kBaseBytes + session.name.size() + buffers.query.load(std::memory_order_relaxed) +
         buffers.query_free.load(std::memory_order_relaxed) + buffers.arguments.load(std::memory_order_relaxed) +
         session.transaction_memory() + buffers.reply_room + output_memory(session) + names_memory(session);
}

bool exceeds_output_limit(const ServerState& server, Session& session, int64_t now_ms) {
  // What is beyond the reply buffer counts together with what is in it: a reply of unknown length goes round it.
  const size_t beyond = output_memory(session);
  size_t memory = beyond == 0 ? 0 : beyond + in_buffer(session);
  const bool waits_for_stream = session.replica && session.follower.holds_stream();
  if (waits_for_stream) memory += server.replication.offset() - session.follower.position;
  if (memory == 0) {
    session.over_soft_limit_since_ms = 0;
    return false;
  }
  Settings::OutputLimit limit = server.output_limit(client_class(session));
  // What the backlog keeps anyhow is no reason to break with a replica.
  const auto backlog = static_cast<size_t>(server.settings.repl_backlog_size);
  if (waits_for_stream && limit.hard > 0) limit.hard = std::max(limit.hard, backlog);
  if (limit.hard > 0 && memory >= limit.hard) return true;
  if (limit.soft == 0 || memory < limit.soft) {
    session.over_soft_limit_since_ms = 0;
    return false;
  }
  if (session.over_soft_limit_since_ms == 0) session.over_soft_limit_since_ms = now_ms;
  return now_ms - session.over_soft_limit_since_ms > limit.soft_seconds * 1000;
}

std::string client_line(const ServerState& server, const Session& session) {
  const int64_t now_ms = server.keyspace.clock().wall_ms();
  const ClientBuffers& buffers = session.buffers;
  std::string line;
  const auto add = [&line](std::string_view name, std::string_view value) {
    if (!line.empty()) line += ' ';
    line.append(name).append("=").append(value);
  };
  const auto count = [&add](std::string_view name, size_t value) { add(name, std::to_string(value)); };
  const auto seconds = [&](std::string_view name, int64_t since_ms) {
    add(name, std::to_string(std::max<int64_t>(0, now_ms - since_ms) / 1000));
  };
  count("id", session.id());
  add("addr", session.address);
  add("laddr", session.local_address);
  add("fd", std::to_string(session.fd));
  add("name", session.name);
  seconds("age", session.connected_at_ms);
  seconds("idle", session.last_command_ms);
  add("flags", flags_of(session));
  count("db", session.database);
  count("sub", session.channels.size());
  count("psub", session.patterns.size());
  count("ssub", session.shard_channels.size());
  add("multi",
      session.in_transaction() ? std::to_string(session.in_multi ? session.queue.size() : session.executing) : "-1");
  count("qbuf", buffers.query);
  count("qbuf-free", buffers.query_free);
  count("argv-mem", buffers.arguments);
  count("multi-mem", session.transaction_memory());
  count("rbs", buffers.reply_room);
  count("rbp", buffers.reply_peak);
  count("obl", in_buffer(session));
  const size_t beyond = session.unsent() - in_buffer(session);
  count("oll", (beyond + kReplyBlock - 1) / kReplyBlock);
  count("omem", output_memory(session));
  count("tot-mem", client_memory(session));
  add("events", buffers.unsent > 0 ? "rw" : "r");
  add("cmd", session.last_command == nullptr ? "NULL" : full_name(*session.last_command));
  add("user", session.user == nullptr ? "default" : std::string_view(session.user->name()));
  add("redir", !session.tracking.on ? "-1" : std::to_string(session.tracking.redirect));
  add("resp", std::to_string(session.protocol));
  return line;
}

}  // namespace compozy::redis
