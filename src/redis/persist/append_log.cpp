// SPDX-License-Identifier: Apache-2.0
#include "redis/persist/append_log.hpp"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>

#include <poll.h>
#include <unistd.h>

#include "observe/log.hpp"
#include "redis/persist/replay.hpp"

namespace compozy::redis {

namespace {

constexpr size_t kPendingMax = 256UL * 1024 * 1024;
constexpr auto kTick = std::chrono::milliseconds(20);
constexpr int kTicksPerSecond = 50;

}  // namespace

AppendLog::AppendLog(Engine& engine, Options options)
    : engine_(engine),
      options_(std::move(options)),
      directory_(options_.directory + "/" + engine.state().settings.appenddirname),
      name_(engine.state().settings.appendfilename),
      policy_(policy_in(engine.state().settings)),
      rewriter_(engine.state().keyspace) {}

Result<std::unique_ptr<AppendLog>> AppendLog::open(Engine& engine, Options options) {
  std::unique_ptr<AppendLog> log(new AppendLog(engine, std::move(options)));
  TRY(log->prepare());
  TRY(log->load());
  log->options_.loading = nullptr;  // It may end now.
  log->state_ = State::on;
  {
    const Engine::Hold hold(engine);
    engine.attach(log.get(), log.get());
  }
  log->thread_ = std::thread([raw = log.get()] { raw->run(); });
  return log;
}

Result<std::unique_ptr<AppendLog>> AppendLog::off(Engine& engine, Options options) {
  std::unique_ptr<AppendLog> log(new AppendLog(engine, std::move(options)));
  TRY(log->read_manifest());
  {
    const Engine::Hold hold(engine);
    engine.attach(nullptr, log.get());
  }
  log->thread_ = std::thread([raw = log.get()] { raw->run(); });
  return log;
}

AppendLog::~AppendLog() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(commit_mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  thread_.join();
  const Engine::Hold hold(engine_);
  if (engine_.persistence() == this) engine_.attach(nullptr, nullptr);
  if (rewriting_ && engine_.state().keyspace.snapshot() == &rewriter_) engine_.state().keyspace.set_snapshot(nullptr);
}

AppendLog::Policy AppendLog::policy_in(const Settings& settings) {
  return settings.appendfsync == "always" ? Policy::always
         : settings.appendfsync == "no"   ? Policy::no
                                          : Policy::everysec;
}

// ---- opening ----

Result<void> AppendLog::prepare() {
  std::error_code error;
  std::filesystem::create_directories(directory_, error);
  if (error) return fail(system_error("create directory", directory_, error.value()));
  TRY(read_manifest());
  TRY(refuse_unnamed_files());
  return take_over_old_file();
}

Result<void> AppendLog::read_manifest() {
  const std::string manifest_path = path(name_ + ".manifest");
  auto text = read_small_file(manifest_path);
  if (!text && text.error().code == Errc::not_found) return {};
  if (!text) return fail(std::move(text).error());
  TRY(manifest_, parse_manifest(*text, manifest_path));
  return {};
}

// Before Redis 7 the log was one file beside the dump. It becomes the base: the manifest names it first, so that the
// move can go on after a crash in between.
Result<void> AppendLog::take_over_old_file() {
  const std::string old = options_.directory + "/" + name_;
  std::error_code ignored;
  const bool interrupted = manifest_.base && manifest_.base->name == name_ && manifest_.incrementals.empty() &&
                           manifest_.history.empty() && !std::filesystem::exists(path(name_), ignored);
  const bool first = !manifest_.base && manifest_.incrementals.empty();
  if ((!first && !interrupted) || !std::filesystem::exists(old, ignored)) return {};
  if (first) {
    manifest_.base = ManifestFile{name_, 1};
    TRY(save_manifest());
  }
  TRY(rename_file(old, path(name_)));
  log::info("Successfully migrated an old-style AOF configuration (" + name_ + ") into the AOF directory (" +
                engine_.state().settings.appenddirname + ").",
            {});
  return {};
}

Result<void> AppendLog::load() {
  Session* session = nullptr;
  {
    const Engine::Hold hold(engine_);
    session = &engine_.open(nullptr);
    session->authenticated = true;
  }
  const auto replayed = replay_all(*session, false);
  {
    const Engine::Hold hold(engine_);
    engine_.close(*session);
  }
  TRY(replayed);
  if (!manifest_.base && manifest_.incrementals.empty()) TRY(write_first_base());
  if (manifest_.incrementals.empty()) return open_incremental(manifest_.next_incremental_seq());
  TRY(file_, options_.open_file(path(manifest_.incrementals.back().name)));
  size_ += file_->size();
  delete_history();
  note(file_->reserve(kLogReserveAhead));  // On a full disk it serves reads, and writes once there is room.
  return {};
}

Result<void> AppendLog::replay_all(Session& session, bool held) {
  std::vector<ManifestFile> files;
  if (manifest_.base) files.push_back(*manifest_.base);
  files.insert(files.end(), manifest_.incrementals.begin(), manifest_.incrementals.end());
  for (size_t i = 0; i < files.size(); ++i) {
    const std::string file = path(files[i].name);
    session.database = 0;  // Every file selects its own.
    TRY(const Replayed replayed, replay_file(engine_, session, file, {.held = held, .loading = options_.loading}));
    replayed_ += replayed.commands;
    if (replayed.file_bytes == 0 && file.ends_with(".rdb"))  // Even of an empty keyspace it holds something.
      return fail(Errc::corrupt_data, file + " is empty; restore it from a backup");
    if (manifest_.base && i == 0) base_size_ = replayed.file_bytes;
    if (i + 1 < files.size()) size_ += replayed.file_bytes;
    if (!replayed.truncated()) continue;
    const bool last = i + 1 == files.size();
    if (!last || !engine_.state().settings.aof_load_truncated) {
      return fail(Errc::corrupt_data, "Unexpected end of file reading the append only file " + file + " at byte " +
                                          std::to_string(replayed.good_bytes) + (last ? "" : ", and others follow it") +
                                          "; restore it from a backup, cut it with redis-check-aof --fix" +
                                          (last ? ", or set aof-load-truncated to yes" : ""));
    }
    log::warn("the append-only log ended in the middle of a command and was cut",
              {{"file", file},
               {"kept_bytes", replayed.good_bytes},
               {"cut_bytes", replayed.file_bytes - replayed.good_bytes}});
    TRY(truncate_file(file, replayed.good_bytes));
  }
  return {};
}

Result<void> AppendLog::reload() {
  if (state_ == State::waiting && rewriting_) return fail(Errc::unavailable, "the append-only log is being rewritten");
  ServerState& state = engine_.state();
  if (state_ == State::on) {
    const std::lock_guard lock(io_mutex_);
    TRY(const Lsn written, write_pending());
    TRY(file_->sync());
    durable_.store(written, std::memory_order_release);
  }
  if (Snapshot* const running = state.keyspace.snapshot()) running->complete();  // Its file is of now.
  state.keyspace.clear();
  TRY(state.scripts->restore_libraries({}, RestorePolicy::flush));
  Session& session = engine_.open(nullptr);
  const uint64_t size = size_;
  state.loading = true;  // for those who are served while a script of the log takes long
  const auto replayed = replay_all(session, true);
  state.loading = false;
  size_ = size;  // The files are as they were.
  engine_.close(session);
  return replayed;
}

// ---- appending and committing ----

Lsn AppendLog::append(std::string_view commands, bool several) {
  const std::lock_guard lock(buffer_mutex_);
  const size_t before = pending_.size();
  if (engine_.state().settings.aof_timestamp_enabled) {
    const int64_t now_s = engine_.state().keyspace.clock().wall_ms() / 1000;
    if (now_s > stamped_s_) pending_ += "#TS:" + std::to_string(now_s) + "\r\n";
    stamped_s_ = std::max(stamped_s_, now_s);
  }
  append_unit(pending_, commands, several);
  return appended_ += pending_.size() - before;
}

std::string AppendLog::refusal() {
  if (state_ == State::off) return {};
  if (appended_.load() - written_.load() > kPendingMax)
    return "MISCONF Errors writing to the AOF file: the disk is too slow";
  if (!refusing_.load(std::memory_order_relaxed)) return {};
  const std::lock_guard lock(commit_mutex_);
  return "MISCONF Errors writing to the AOF file: " + trouble_;
}

void AppendLog::note(const Result<void>& written) {
  const std::lock_guard lock(commit_mutex_);
  if (written) {
    if (refusing_) log::info("the append-only log can be written again", {});
    refusing_ = false;
    return;
  }
  trouble_ = written.error().message;
  if (!refusing_.exchange(true))
    log::error("the append-only log cannot be written: writes are refused", {{"reason", trouble_}});
}

Result<Lsn> AppendLog::write_pending() {
  size_t left = 0;
  {
    const std::lock_guard lock(buffer_mutex_);
    if (writing_.empty()) {
      writing_.swap(pending_);
    } else {
      writing_ += std::exchange(pending_, {});
    }
    left = writing_.size();
  }
  if (file_ == nullptr) return written_.load();  // off
  if (left > 0) {
    if (const int64_t delay_us = engine_.state().log_delay_us; delay_us > 0)
      ::poll(nullptr, 0, static_cast<int>(delay_us / 1000));
    const Result<void> written = file_->append(writing_);
    if (!written) {
      note(written);
      return fail(written.error());
    }
    written_ += left;
    size_ += left;
    writing_.clear();
  }
  // Room for what comes next, before it is executed.
  const Result<void> reserved = file_->reserve(kLogReserveAhead);
  if (left > 0 || refusing_ || !reserved) note(reserved);
  return written_.load();
}

Result<void> AppendLog::write_and_sync() {
  const std::lock_guard lock(io_mutex_);
  TRY(const Lsn reached, write_pending());
  if (reached <= durable_) return {};
  if (file_ == nullptr) return {};
  if (const auto synced = file_->sync(); !synced) {
    log::error("the append-only log could not be synced; what the disk holds is unknown, so the process ends",
               {{"reason", synced.error().message}});
    std::_Exit(static_cast<int>(ExitCode::storage));
  }
  durable_.store(reached, std::memory_order_release);
  return {};
}

Result<void> AppendLog::commit(Lsn lsn) {
  std::unique_lock lock(commit_mutex_);
  while (durable_lsn() < lsn) {
    if (committing_) {
      committed_.wait(lock);
      continue;
    }
    committing_ = true;
    lock.unlock();
    const Result<void> result = write_and_sync();
    lock.lock();
    committing_ = false;
    committed_.notify_all();
    if (!result) return result;
  }
  return {};
}

void AppendLog::commit_later(Lsn lsn, std::function<void(Result<void>)> done) {
  {
    const std::lock_guard lock(commit_mutex_);
    waiting_.push_back({lsn, std::move(done)});
  }
  wake_.notify_one();
}

Result<void> AppendLog::end_turn(Lsn lsn) {
  if (policy_ == Policy::always) return commit(lsn);
  const std::lock_guard lock(io_mutex_);
  TRY(write_pending());
  return {};
}

void AppendLog::run() {
  int ticks = 0;
  std::unique_lock lock(commit_mutex_);
  while (true) {
    wake_.wait_for(lock, kTick, [this] { return stopping_ || !waiting_.empty(); });
    const bool stop = stopping_;
    const auto batch = std::exchange(waiting_, {});
    lock.unlock();
    Lsn target = 0;
    for (const Waiting& one : batch) target = std::max(target, one.lsn);
    const bool second = ++ticks >= kTicksPerSecond;
    if (second) ticks = 0;
    Result<void> result;
    if (target > 0) {
      result = commit(target);
    } else if (stop || policy_ == Policy::always || (second && policy_ == Policy::everysec)) {
      result = write_and_sync();
    } else {
      result = end_turn(0);
    }
    for (const Waiting& one : batch) one.done(durable_lsn() >= one.lsn ? Result<void>{} : result);
    if (rewriting_) continue_rewrite();
    lock.lock();
    if (stop && waiting_.empty()) return;
  }
}

}  // namespace compozy::redis
