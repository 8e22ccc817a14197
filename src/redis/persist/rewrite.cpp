// SPDX-License-Identifier: Apache-2.0
#include "redis/persist/rewrite.hpp"

#include <array>
#include <utility>
#include <vector>

#include "redis/commands/handlers.hpp"
#include "redis/commands/state.hpp"
#include "redis/resp/reply_writer.hpp"

namespace compozy::redis {

namespace {

constexpr size_t kItemsPerCommand = 64;
constexpr int64_t kWholeUs = int64_t{1} << 40;
constexpr size_t kPendingMax = 64UL * 1024 * 1024;

// Groups items into commands of at most 64.
class Batches {
 public:
  Batches(std::string& out, std::string_view command, std::string_view key) : out_(out), command_(command), key_(key) {}
  ~Batches() { flush(); }
  Batches(const Batches&) = delete;
  Batches& operator=(const Batches&) = delete;

  void add(std::initializer_list<std::string_view> item) {
    for (const auto part : item) parts_.emplace_back(part);
    if (++items_ == kItemsPerCommand) flush();
  }

 private:
  void flush() {
    if (items_ == 0) return;
    std::vector<std::string_view> args{command_, key_};
    args.insert(args.end(), parts_.begin(), parts_.end());
    append_command(out_, args);
    parts_.clear();
    items_ = 0;
  }

  std::string& out_;
  std::string_view command_;
  std::string_view key_;
  std::vector<std::string> parts_;
  size_t items_ = 0;
};

// Entries, then what the entries do not say: IDs, counters, groups, what is pending.
void append_stream(std::string& out, std::string_view key, const StreamValue& stream) {
  const auto command = [&out](std::initializer_list<std::string_view> args) { append_command(out, args); };
  stream.for_each({}, StreamId::max(), false, [&](StreamId id, const StreamValue::Fields& fields) {
    std::vector<std::string> texts;
    for (const ListpackItem& field : fields) texts.push_back(field.to_string());
    const std::string id_text = id.to_string();
    std::vector<std::string_view> args{"XADD", key, id_text};
    args.insert(args.end(), texts.begin(), texts.end());
    append_command(out, args);
    return true;
  });
  if (stream.size() == 0) command({"XADD", key, "MAXLEN", "0", stream.last_id_above_zero().to_string(), "x", "y"});
  command({"XSETID", key, stream.last_id.to_string(), "ENTRIESADDED", std::to_string(stream.entries_added),
           "MAXDELETEDID", stream.max_deleted_id.to_string()});
  for (const auto& [name, group] : stream.groups) {
    command(
        {"XGROUP", "CREATE", key, name, group.last_id.to_string(), "ENTRIESREAD", std::to_string(group.entries_read)});
    for (const auto& [consumer, state] : group.consumers) {
      if (state.pending.empty()) command({"XGROUP", "CREATECONSUMER", key, name, consumer});
    }
    for (const auto& [id, delivery] : group.pending) {
      command({"XCLAIM", key, name, delivery.consumer->first, "0", id.to_string(), "TIME",
               std::to_string(delivery.time_ms), "RETRYCOUNT", std::to_string(delivery.count), "JUSTID", "FORCE"});
    }
  }
}

}  // namespace

void append_entry(std::string& out, const Entry& entry) {
  const std::string_view key = entry.key();
  switch (entry.type) {
    case Type::string: append_command(out, std::array<std::string_view, 3>{"SET", key, entry.string()}); break;
    case Type::list: {
      Batches batches(out, "RPUSH", key);
      const auto& list = entry.value<ListValue>();
      auto cursor = list.locate(0);
      do batches.add({list.get(cursor)});
      while (list.advance(cursor));
      break;
    }
    case Type::hash: {
      Batches batches(out, "HSET", key);
      entry.value<HashValue>().for_each(
          [&](std::string_view name, std::string_view value) { batches.add({name, value}); });
      break;
    }
    case Type::set: {
      Batches batches(out, "SADD", key);
      entry.value<SetValue>().for_each([&](std::string_view member) { batches.add({member}); });
      break;
    }
    case Type::zset: {
      Batches batches(out, "ZADD", key);
      entry.value<ZSetValue>().for_each(
          [&](const ScoredMember& member) { batches.add({format_reply_double(member.score), member.text()}); });
      break;
    }
    case Type::stream: append_stream(out, key, entry.value<StreamValue>()); break;
  }
  if (!entry.has_deadline()) return;
  append_command(out, std::array<std::string_view, 3>{"PEXPIREAT", key, std::to_string(entry.deadline_ms())});
}

RdbHead rdb_head(const ServerState& state) {
  RdbHead head{.version = std::string(kRedisVersion),
               .created_s = state.keyspace.clock().wall_ms() / 1000,
               .used_memory = state.keyspace.memory().used};
  const Replication& replication = state.replication;
  if (replication.active())
    head.history = {.id = replication.id(), .offset = replication.offset(), .database = stream_database(state)};
  for (const auto& library : state.scripts->libraries()) head.libraries.emplace_back(library.code);
  return head;
}

void append_functions(std::string& out, const ScriptPort& scripts) {
  for (const auto& library : scripts.libraries()) {
    append_command(out, std::array<std::string_view, 4>{"FUNCTION", "LOAD", "REPLACE", library.code});
  }
}

const SnapshotFormat kCommandFormat{.select =
                                        [](std::string& out, size_t database) {
                                          append_command(
                                              out, std::array<std::string_view, 2>{"SELECT", std::to_string(database)});
                                        },
                                    .entry = append_entry};

const SnapshotFormat kRdbFormat{.select = append_rdb_select,
                                .entry = [](std::string& out, const Entry& entry) { append_rdb_entry(out, entry); }};

void Rewriter::start() {
  database_ = 0;
  cursor_ = 0;
  processed_ = preimage_bytes_ = 0;
  const std::lock_guard lock(mutex_);
  bytes_.clear();
  selected_ = SIZE_MAX;
  finished_ = false;
  abandoned_ = false;
  space_.set_snapshot(this);
}

void Rewriter::emit(const Database& database, const Entry& entry) {
  ++processed_;
  if (!walking_) preimage_bytes_ += entry.footprint();
  const std::lock_guard lock(mutex_);
  if (selected_ != database.index()) {
    selected_ = database.index();
    format_->select(bytes_, selected_);
  }
  format_->entry(bytes_, entry);
}

void Rewriter::abandon() {
  space_.set_snapshot(nullptr);
  const std::lock_guard lock(mutex_);
  abandoned_ = true;
}

bool Rewriter::walk(int64_t budget_us) {
  {
    const std::lock_guard lock(mutex_);
    if (abandoned_ || finished_) return true;
    if (bytes_.size() > kPendingMax) return false;  // The writer is behind: commands go on, the walk waits.
  }
  return walk_on(budget_us);
}

bool Rewriter::walk_on(int64_t budget_us) {
  walking_ = true;
  const int64_t until_us = space_.clock().monotonic_us() + budget_us;
  while (database_ < space_.database_count()) {
    Database& database = space_.database(database_);
    cursor_ = database.scan(cursor_, [&](Entry& entry) {
      if (entry.epoch == space_.epoch()) return;
      emit(database, entry);
      entry.epoch = space_.epoch();
    });
    if (cursor_ == 0) ++database_;
    if (space_.clock().monotonic_us() >= until_us) break;
  }
  walking_ = false;
  if (database_ < space_.database_count()) return false;
  space_.set_snapshot(nullptr);
  const std::lock_guard lock(mutex_);
  finished_ = true;
  return true;
}

void Rewriter::complete() {
  while (space_.snapshot() == this && !walk_on(kWholeUs)) continue;
}

bool Rewriter::abandoned() {
  const std::lock_guard lock(mutex_);
  return abandoned_;
}

Rewriter::Output Rewriter::take() {
  const std::lock_guard lock(mutex_);
  return {std::exchange(bytes_, {}), finished_, abandoned_};
}

}  // namespace compozy::redis
