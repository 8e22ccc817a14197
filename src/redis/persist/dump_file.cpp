// SPDX-License-Identifier: Apache-2.0
#include "redis/persist/dump_file.hpp"

#include <array>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.hpp"
#include "observe/log.hpp"
#include "redis/persist/log_file.hpp"
#include "redis/persist/replica_sockets.hpp"
#include "redis/resp/reply_writer.hpp"

namespace compozy::redis {

namespace {

constexpr int64_t kSliceUs = 500;
constexpr int64_t kRetrySeconds = 5;

}  // namespace

DumpFile::DumpFile(Engine& engine, std::string directory, OpenFile open)
    : engine_(engine),
      directory_(std::move(directory)),
      open_(std::move(open)),
      walk_(engine.state().keyspace, kRdbFormat) {
  last_save_s_ = engine.state().keyspace.clock().wall_ms() / 1000;
  engine.state().storage = this;
}

DumpFile::~DumpFile() {
  stopping_ = true;
  if (thread_.joinable()) thread_.join();
  engine_.state().storage = nullptr;
}

std::string DumpFile::path() const { return directory_ + "/" + engine_.state().settings.dbfilename; }

std::string DumpFile::temporary() const { return directory_ + "/temp-" + std::to_string(getpid()) + ".rdb"; }

Result<uint64_t> DumpFile::load(Loading* loading) {
  std::optional<Engine::Hold> hold(std::in_place, engine_);
  RdbLoading how;
  if (loading != nullptr) how.between_keys = [&](size_t position) { return loading->pause(hold, position); };
  if (loading != nullptr) {
    std::error_code absent;
    const auto size = std::filesystem::file_size(path(), absent);
    if (!absent) loading->expect(size);
  }
  std::string deleted;
  size_t selected = SIZE_MAX;
  how.expired = [&](size_t database, std::string_view key) {
    if (std::exchange(selected, database) != database)
      append_command(deleted, std::array<std::string_view, 2>{"SELECT", std::to_string(database)});
    append_command(deleted, std::array<std::string_view, 2>{"DEL", key});
  };
  TRY(const uint64_t keys, load_held(false, RestorePolicy::flush, std::move(how)));
  go_on_with_history(deleted);
  return keys;
}

// Replicas of before the restart may go on where they were, and so may this server as a replica. They have keys that
// are past their deadline, and were left out here.
void DumpFile::go_on_with_history(std::string_view deleted) {
  ServerState& state = engine_.state();
  Replication& replication = state.replication;
  if (history_.id.empty()) return;
  if (!state.settings.replicaof.empty()) {
    replication.take_over(history_.id, history_.offset);
    replication.database = history_.database;
    return;
  }
  replication.resume(history_.id, history_.offset);
  replication.alone_since_ms = state.keyspace.clock().wall_ms();
  state.effects.replicated = true;
  replication.feed(deleted, state.settings.repl_backlog_size);
}

Result<uint64_t> DumpFile::load_held(bool flush, RestorePolicy libraries, RdbLoading how) {
  ServerState& state = engine_.state();
  const auto bytes = read_small_file(path());
  if (!bytes && bytes.error().code == Errc::not_found) return 0;
  if (!bytes) return std::unexpected(bytes.error());
  if (flush) state.keyspace.clear();
  state.keyspace.begin_unit();
  how.merge = libraries == RestorePolicy::replace;
  auto loading = load_rdb_and_tell(*bytes, state.keyspace, std::move(how));
  if (!loading) return fail(std::move(loading).error().with_context(path()));
  const RdbLoaded loaded = std::move(*loading);
  if (!loaded.libraries.empty() || flush) {
    TRY(state.scripts->restore_libraries(loaded.libraries, libraries));
  }
  history_ = loaded.history;
  keys_loaded_ = loaded.keys;
  keys_expired_ = loaded.expired;
  dirty_saved_ = state.stats.dirty;
  return loaded.keys;
}

std::string DumpFile::save_at_end() {
  stopping_ = true;  // The walk in the background, if there is one, does not rename its file any more.
  std::string problem = write_now();
  if (!problem.empty()) stopping_ = false;
  return problem;
}

std::string DumpFile::save() {
  if (saving_) return "ERR Background save already in progress";
  return write_now();
}

std::string DumpFile::write_now() {
  const ServerState& state = engine_.state();
  const std::string bytes = make_rdb(engine_.state().keyspace, rdb_head(state), state.settings.rdbcompression);
  const auto written = replace_file(path(), bytes);
  if (!written) {
    log::warn("the dump file could not be written", {{"reason", written.error().message}});
    return "ERR " + written.error().message;
  }
  log::info("DB saved on disk", {});
  last_save_s_ = state.keyspace.clock().wall_ms() / 1000;
  last_good_ = true;
  dirty_saved_ = state.stats.dirty;
  ++saves_;
  return {};
}

std::string DumpFile::start_save() { return begin(std::nullopt); }

std::string DumpFile::begin(std::optional<ForReplicas> for_replicas) {
  ServerState& state = engine_.state();
  if (saving_) return "ERR Background save already in progress";
  if (state.keyspace.snapshot() != nullptr) {
    return "ERR Another child process is active (AOF?): can't BGSAVE right now. Use BGSAVE SCHEDULE in order to "
           "schedule a BGSAVE whenever possible.";
  }
  if (thread_.joinable()) thread_.join();  // The last one is through: this takes no time.
  for_replicas_ = for_replicas;
  start_bytes_.clear();
  RdbHead head = rdb_head(state);
  if (for_replicas && for_replicas->without_functions) head.libraries.clear();
  append_rdb_head(start_bytes_, head);
  dirty_at_start_ = state.stats.dirty;
  started_s_ = last_try_s_ = state.keyspace.clock().wall_ms() / 1000;
  scheduled_ = scheduled_ && for_replicas.has_value();
  walk_.start();
  keys_at_start_ = 0;
  for (size_t i = 0; i < state.keyspace.database_count(); ++i) keys_at_start_ += state.keyspace.database(i).size();
  ++state.stats.forks;
  log::info((to_sockets() ? "Background RDB transfer started by pid " : "Background saving started by pid ") +
                std::to_string(getpid()),
            {});
  saving_ = true;
  thread_ = std::thread([this] {
    const auto written = write_all();
    const Engine::Hold hold(engine_);
    finished(written);
  });
  return {};
}

Result<std::unique_ptr<LogFile>> DumpFile::open_target() {
  if (!to_sockets()) {
    std::error_code ignored;
    std::filesystem::remove(temporary(), ignored);
    return open_(temporary());
  }
  const Engine::Hold hold(engine_);
  return std::make_unique<ReplicaSockets>(engine_, engine_.state().replication.fresh_id(), stopping_);
}

Result<void> DumpFile::write_all() {
  TRY(const std::unique_ptr<LogFile> file, open_target());
  checksum_ = 0;
  seal_rdb_part(start_bytes_, checksum_, false);
  TRY(file->append(start_bytes_));
  TRY(write_keys(*file));
  TRY(file->sync());
  return to_sockets() ? Result<void>{} : move_into_place();
}

Result<void> DumpFile::write_keys(LogFile& file) {
  if (for_replicas_ && for_replicas_->without_data) {
    {
      const Engine::Hold hold(engine_);
      walk_.abandon();
    }
    std::string end;
    seal_rdb_part(end, checksum_, true);
    return file.append(end);
  }
  uint64_t paid = 0;  // entries whose delay is behind us
  while (true) {
    if (stopping_) return fail(Errc::cancelled, "the server stops");
    if (file.broken()) return fail(Errc::io_error, "the process that writes the file is gone");
    {
      const Engine::Hold hold(engine_);
      if (!is_still_wanted()) return fail(Errc::cancelled, "no replica waits for the data any more");
      walk_.walk(engine_.state().settings.rdb_key_save_delay > 0 ? 0 : kSliceUs);
    }
    Rewriter::Output output = walk_.take();
    if (output.abandoned) return fail(Errc::cancelled, "the data was flushed or swapped");
    seal_rdb_part(output.bytes, checksum_, output.finished);
    TRY(file.append(output.bytes));
    if (output.finished) return {};
    const uint64_t processed = walk_.processed();
    TRY(delay(file, processed - std::exchange(paid, processed)));
  }
}

// A file that was begun for replicas alone ends with the last of them.
bool DumpFile::is_still_wanted() {
  const ServerState& state = engine_.state();
  return !for_replicas_ || (!to_sockets() && !state.settings.save.empty()) || attached_replicas(state) > 0;
}

Result<void> DumpFile::move_into_place() {
  {
    const Engine::Hold hold(engine_);  // A save at the server's end is not replaced with an older one.
    if (stopping_) return fail(Errc::cancelled, "the server stops");
    std::error_code problem;
    std::filesystem::rename(temporary(), path(), problem);
    if (problem) return fail(system_error("rename", temporary(), problem.value()));
  }
  return sync_directory(directory_);
}

// Under the gate.
void DumpFile::give_to_replicas(const Result<void>& written) {
  ServerState& state = engine_.state();
  const bool from_disk = !to_sockets();
  if (written && !from_disk) {
    log::info("Diskless rdb transfer, done reading from pipe, " + std::to_string(attached_replicas(state)) +
                  " replicas still up.",
              {});
  }
  std::shared_ptr<FileInTransfer> file;
  if (written && from_disk) {
    struct stat status{};
    const int fd = ::open(path().c_str(), O_RDONLY | O_CLOEXEC);
    if (fd >= 0 && ::fstat(fd, &status) == 0)
      file = std::make_shared<FileInTransfer>(fd, static_cast<uint64_t>(status.st_size));
  }
  for (Session* replica : state.replication.replicas) {
    Follower& follower = replica->follower;
    if (follower.state != Follower::State::attached) continue;
    if (!written || (from_disk && file == nullptr)) {
      replica->killed = true;
    } else if (from_disk) {
      replica->outbox.bytes += "$" + std::to_string(file->size) + "\r\n";
      follower.state = Follower::State::receiving;
      follower.file = file;
    } else {
      follower.end_transfer(state.keyspace.clock().wall_ms());
      follower.starts_with_next_ack = true;  // Only then it is known to have read the mark.
      log::info("Streamed replica with replica " + replica_name(*replica) +
                    " succeeded (socket). Waiting for REPLCONF ACK from replica to enable streaming",
                {});
    }
    replica->notify();
  }
  for_replicas_.reset();
}

// rdb-key-save-delay: the setting may change, and the writer or the walk end meanwhile.
Result<void> DumpFile::delay(const LogFile& file, uint64_t keys) {
  constexpr int kStepMs = 10;
  const Clock& clock = engine_.state().keyspace.clock();
  const int64_t started_us = clock.monotonic_us();
  while (!stopping_) {
    {
      const Engine::Hold hold(engine_);
      const int64_t wait_us = engine_.state().settings.rdb_key_save_delay * static_cast<int64_t>(keys);
      if (!is_still_wanted() || wait_us <= clock.monotonic_us() - started_us || walk_.abandoned()) return {};
      if (wait_us < kStepMs * 1000) break;
    }
    if (file.broken()) return fail(Errc::io_error, "the process that writes the file is gone");
    ::poll(nullptr, 0, kStepMs);
  }
  ::poll(nullptr, 0, 1);
  return {};
}

void DumpFile::finished(const Result<void>& written) {
  ServerState& state = engine_.state();
  const int64_t now_s = state.keyspace.clock().wall_ms() / 1000;
  last_preimage_bytes_ = walk_.preimage_bytes();
  last_duration_s_ = now_s - started_s_;
  if (written) {
    last_good_ = true;
    if (!to_sockets()) {
      last_save_s_ = now_s;
      dirty_saved_ = dirty_at_start_;
      ++saves_;
    }
  } else {
    std::error_code ignored;
    std::filesystem::remove(temporary(), ignored);
    last_good_ = written.error().code == Errc::cancelled && last_good_;
    if (state.keyspace.snapshot() == &walk_) state.keyspace.set_snapshot(nullptr);
    log::warn("the dump file was not written", {{"reason", written.error().message}});
  }
  saving_ = false;
  if (for_replicas_) give_to_replicas(written);
}

std::string DumpFile::reload(bool save_first, RestorePolicy libraries) {
  if (save_first) {
    if (std::string problem = save(); !problem.empty()) return problem;
  }
  const auto loaded = load_held(libraries == RestorePolicy::flush, libraries);
  if (loaded) return {};
  return "ERR Error trying to load the RDB dump, check server logs. " + loaded.error().message;
}

// "3600 1 300 100": after so many seconds when there were so many changes.
bool DumpFile::is_due() const {
  const ServerState& state = engine_.state();
  const auto rules = split(state.settings.save, ' ');
  const int64_t now_s = state.keyspace.clock().wall_ms() / 1000;
  const uint64_t changes = state.stats.dirty - dirty_saved_;
  if (scheduled_) return true;
  if (!last_good_ && now_s - last_try_s_ < kRetrySeconds) return false;
  for (size_t i = 0; i + 1 < rules.size(); i += 2) {
    int64_t seconds = 0;
    int64_t needed = 0;
    if (!parse_int64(rules[i], seconds) || !parse_int64(rules[i + 1], needed)) continue;
    if (changes >= static_cast<uint64_t>(needed) && now_s - last_save_s_ > seconds) return true;
  }
  return false;
}

void DumpFile::work(int64_t) {
  if (saving_ || engine_.state().keyspace.snapshot() != nullptr || !is_due()) return;
  if (const std::string problem = start_save(); !problem.empty()) {
    log::warn("the dump file could not be written", {{"reason", problem}});
  }
}

std::vector<std::pair<std::string, std::string>> DumpFile::info() const {
  const ServerState& state = engine_.state();
  const int64_t now_s = state.keyspace.clock().wall_ms() / 1000;
  std::array<char, 32> percent{"0.00"};
  if (saving_ && keys_at_start_ > 0) {
    std::snprintf(percent.data(), percent.size(), "%.2f",
                  100.0 * static_cast<double>(walk_.processed()) / static_cast<double>(keys_at_start_));
  }
  return {{"rdb_changes_since_last_save", std::to_string(state.stats.dirty - dirty_saved_)},
          {"rdb_bgsave_in_progress", saving_ ? "1" : "0"},
          {"rdb_last_save_time", std::to_string(last_save_s_)},
          {"rdb_last_bgsave_status", last_good_ ? "ok" : "err"},
          {"rdb_last_bgsave_time_sec", std::to_string(last_duration_s_)},
          {"rdb_current_bgsave_time_sec", std::to_string(saving_ ? now_s - started_s_ : -1)},
          {"rdb_saves", std::to_string(saves_)},
          {"rdb_last_cow_size", std::to_string(last_preimage_bytes_)},
          {"current_cow_size", std::to_string(saving_ ? walk_.preimage_bytes() : 0)},
          {"current_cow_size_age", "0"},
          {"current_fork_perc", percent.data()},
          {"current_save_keys_processed", std::to_string(saving_ ? walk_.processed() : 0)},
          {"current_save_keys_total", std::to_string(saving_ ? keys_at_start_ : 0)},
          {"rdb_last_load_keys_expired", std::to_string(keys_expired_)},
          {"rdb_last_load_keys_loaded", std::to_string(keys_loaded_)}};
}

}  // namespace compozy::redis
