// SPDX-License-Identifier: Apache-2.0
#include "redis/persist/append_log.hpp"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>

#include <unistd.h>

#include "observe/log.hpp"
#include "redis/persist/replay.hpp"
#include "redis/resp/reply_writer.hpp"

namespace compozy::redis {

namespace {

constexpr uint64_t kReserveAhead = 4UL * 1024 * 1024;
constexpr size_t kPendingMax = 256UL * 1024 * 1024;
constexpr auto kTick = std::chrono::milliseconds(20);
constexpr int kTicksPerSecond = 50;

std::string base_name(const Settings& settings, uint64_t seq) {
  return settings.appendfilename + "." + std::to_string(seq) + ".base.aof";
}
std::string incremental_name(const Settings& settings, uint64_t seq) {
  return settings.appendfilename + "." + std::to_string(seq) + ".incr.aof";
}

}  // namespace

AppendLog::AppendLog(Engine& engine, Options options)
    : engine_(engine),
      options_(std::move(options)),
      directory_(options_.directory + "/" + engine.state().settings.appenddirname),
      policy_(policy_in(engine.state().settings)),
      rewriter_(engine.state().keyspace) {}

Result<std::unique_ptr<AppendLog>> AppendLog::open(Engine& engine, Options options) {
  std::unique_ptr<AppendLog> log(new AppendLog(engine, std::move(options)));
  std::error_code error;
  std::filesystem::create_directories(log->directory_, error);
  if (error) return fail(system_error("create directory", log->directory_, error.value()));
  TRY(log->load());
  engine.attach(log.get(), log.get());
  log->thread_ = std::thread([raw = log.get()] { raw->run(); });
  return log;
}

Result<std::unique_ptr<AppendLog>> AppendLog::start(Engine& engine, Options options) {
  std::unique_ptr<AppendLog> log(new AppendLog(engine, std::move(options)));
  std::error_code error;
  std::filesystem::create_directories(log->directory_, error);
  if (error) return fail(system_error("create directory", log->directory_, error.value()));
  TRY(log->write_base());
  engine.attach(log.get(), log.get());
  engine.state().effects.clear();
  engine.state().effects.select_again();
  log->thread_ = std::thread([raw = log.get()] { raw->run(); });
  return log;
}

// What was in the directory before becomes history with the new manifest.
Result<void> AppendLog::write_base() {
  const Settings& settings = engine_.state().settings;
  const std::string manifest_path = path(settings.appendfilename + ".manifest");
  if (const auto text = read_small_file(manifest_path)) {
    TRY(manifest_, parse_manifest(*text, manifest_path));
  } else if (text.error().code != Errc::not_found) {
    return fail(text.error());
  }
  std::string bytes;
  append_functions(bytes, *engine_.state().scripts);
  Keyspace& space = engine_.state().keyspace;
  for (size_t i = 0; i < space.database_count(); ++i) {
    if (space.database(i).size() == 0) continue;
    kCommandFormat.select(bytes, i);
    space.database(i).for_each([&](const Entry& entry) { append_entry(bytes, entry); });
  }
  const ManifestFile base{base_name(settings, manifest_.next_base_seq()), manifest_.next_base_seq()};
  TRY(replace_file(path(base.name), bytes));
  const uint64_t seq = manifest_.next_incremental_seq();
  if (manifest_.base) manifest_.history.push_back(*manifest_.base);
  manifest_.history.insert(manifest_.history.end(), manifest_.incrementals.begin(), manifest_.incrementals.end());
  manifest_.incrementals.clear();
  manifest_.base = base;
  base_size_ = bytes.size();
  size_ = bytes.size();
  TRY(open_incremental(seq));
  delete_history();
  return {};
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
  if (rewriting_) engine_.state().keyspace.set_snapshot(nullptr);
}

AppendLog::Policy AppendLog::policy_in(const Settings& settings) {
  return settings.appendfsync == "always" ? Policy::always
         : settings.appendfsync == "no"   ? Policy::no
                                          : Policy::everysec;
}

// ---- opening ----

Result<void> AppendLog::load() {
  const Settings& settings = engine_.state().settings;
  const std::string manifest_path = path(settings.appendfilename + ".manifest");
  auto text = read_small_file(manifest_path);
  if (!text && text.error().code != Errc::not_found) return fail(std::move(text).error());
  if (text) {
    TRY(manifest_, parse_manifest(*text, manifest_path));
  }
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
  if (manifest_.incrementals.empty()) return open_incremental(manifest_.next_incremental_seq());
  TRY(file_, options_.open_file(path(manifest_.incrementals.back().name)));
  size_ += file_->size();
  delete_history();
  return file_->reserve(kReserveAhead);
}

Result<void> AppendLog::replay_all(Session& session, bool held) {
  std::vector<ManifestFile> files;
  if (manifest_.base) files.push_back(*manifest_.base);
  files.insert(files.end(), manifest_.incrementals.begin(), manifest_.incrementals.end());
  for (size_t i = 0; i < files.size(); ++i) {
    const std::string file = path(files[i].name);
    session.database = 0;  // Every file selects its own.
    TRY(const Replayed replayed, replay_file(engine_, session, file, held));
    replayed_ += replayed.commands;
    if (manifest_.base && i == 0) base_size_ = replayed.file_bytes;
    if (i + 1 < files.size()) size_ += replayed.file_bytes;
    if (!replayed.truncated()) continue;
    const bool last = i + 1 == files.size();
    if (!last || !options_.load_truncated) {
      return fail(Errc::corrupt_data, "the append-only log '" + file + "' ends in the middle of a command at byte " +
                                          std::to_string(replayed.good_bytes) + (last ? "" : ", and others follow it") +
                                          "; restore it from a backup, or cut it with redis-check-aof --fix");
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
  if (rewriting_) return fail(Errc::unavailable, "the append-only log is being rewritten");
  {
    const std::lock_guard lock(io_mutex_);
    TRY(const Lsn written, write_pending());
    TRY(file_->sync());
    durable_.store(written, std::memory_order_release);
  }
  engine_.state().keyspace.clear();
  Session& session = engine_.open(nullptr);
  const uint64_t size = size_;
  const auto replayed = replay_all(session, true);
  size_ = size;  // The files are as they were.
  engine_.close(session);
  return replayed;
}

Result<void> AppendLog::save_manifest() {
  return replace_file(path(engine_.state().settings.appendfilename + ".manifest"), manifest_.to_string());
}

// Everything from now on goes to a new file, which the manifest names before the first byte.
Result<void> AppendLog::open_incremental(uint64_t seq) {
  const std::string name = incremental_name(engine_.state().settings, seq);
  std::error_code ignored;
  std::filesystem::remove(path(name), ignored);  // left by a crash before its manifest
  TRY(auto file, options_.open_file(path(name)));
  TRY(file->reserve(kReserveAhead));
  manifest_.incrementals.push_back({name, seq});
  const auto saved = save_manifest();
  if (!saved) {
    manifest_.incrementals.pop_back();
    return saved;
  }
  file_ = std::move(file);
  return {};
}

// ---- appending and committing ----

Lsn AppendLog::append(std::string_view commands, bool several) {
  const std::lock_guard lock(buffer_mutex_);
  const size_t before = pending_.size();
  append_unit(pending_, commands, several);
  return appended_ += pending_.size() - before;
}

std::string AppendLog::refusal() {
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
  if (left > 0) {
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
  const Result<void> reserved = file_->reserve(kReserveAhead);
  if (left > 0 || refusing_ || !reserved) note(reserved);
  return written_.load();
}

Result<void> AppendLog::write_and_sync() {
  const std::lock_guard lock(io_mutex_);
  TRY(const Lsn reached, write_pending());
  if (reached <= durable_) return {};
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

// ---- rewriting ----

std::string AppendLog::start_rewrite() {
  if (rewriting_) return "ERR Background append only file rewriting already in progress";
  const std::lock_guard lock(io_mutex_);
  // The cut: what is pending still belongs to the old file, what comes next to the new one.
  if (const auto written = write_pending(); !written) return "ERR " + written.error().message;
  if (const auto synced = file_->sync(); !synced) return "ERR " + synced.error().message;
  durable_.store(written_.load(), std::memory_order_release);
  const uint64_t seq = manifest_.next_incremental_seq();
  if (const auto opened = open_incremental(seq); !opened) return "ERR " + opened.error().message;
  engine_.state().effects.select_again();
  const std::string temporary = path("temp-rewriteaof-bg-" + std::to_string(getpid()) + ".aof");
  std::error_code ignored;
  std::filesystem::remove(temporary, ignored);
  auto base = options_.open_file(temporary);
  if (!base) return "ERR " + base.error().message;
  base_file_ = *std::move(base);
  base_pending_.clear();
  append_functions(base_pending_, *engine_.state().scripts);
  cut_seq_ = seq;
  rewriter_.start();
  rewriting_ = true;
  return {};
}

void AppendLog::work(int64_t budget_us) {
  policy_ = policy_in(engine_.state().settings);
  if (rewriting_) {
    rewriter_.walk(budget_us);
    return;
  }
  const Settings& settings = engine_.state().settings;
  const uint64_t size = size_;
  if (settings.auto_aof_rewrite_percentage <= 0 || size < static_cast<uint64_t>(settings.auto_aof_rewrite_min_size))
    return;
  const uint64_t base = std::max<uint64_t>(1, base_size_);
  if ((size - std::min(size, base)) * 100 / base < static_cast<uint64_t>(settings.auto_aof_rewrite_percentage)) return;
  if (const std::string refused = start_rewrite(); !refused.empty())
    log::warn("the log could not be rewritten", {{"reason", refused}});
}

// On the log's thread: writes what the walk has produced.
void AppendLog::continue_rewrite() {
  Rewriter::Output output = rewriter_.take();
  Result<void> result;
  if (!output.abandoned) {
    base_pending_ += output.bytes;
    result = base_file_->append(base_pending_);
    if (result) base_pending_.clear();
    if (result && output.finished) result = finish_rewrite();
  }
  if (result && !output.finished && !output.abandoned) return;
  if (!result || output.abandoned) {
    const Engine::Hold hold(engine_);
    engine_.state().keyspace.set_snapshot(nullptr);
    log::warn("the rewrite of the append-only log was given up; the old files stay",
              {{"reason", result ? std::string("the data was flushed or swapped") : result.error().message}});
    std::error_code ignored;
    std::filesystem::remove(path("temp-rewriteaof-bg-" + std::to_string(getpid()) + ".aof"), ignored);
  }
  base_file_.reset();
  rewriting_ = false;
}

Result<void> AppendLog::finish_rewrite() {
  TRY(base_file_->sync());
  const std::lock_guard lock(io_mutex_);
  const Manifest before = manifest_;
  const uint64_t seq = manifest_.next_base_seq();
  const std::string name = base_name(engine_.state().settings, seq);
  TRY(rename_file(path("temp-rewriteaof-bg-" + std::to_string(getpid()) + ".aof"), path(name)));
  if (manifest_.base) manifest_.history.push_back(*manifest_.base);
  manifest_.base = ManifestFile{name, seq};
  std::erase_if(manifest_.incrementals, [&](const ManifestFile& file) {
    if (file.seq < cut_seq_) manifest_.history.push_back(file);
    return file.seq < cut_seq_;
  });
  if (const auto saved = save_manifest(); !saved) {
    manifest_ = before;
    return saved;
  }
  base_size_ = base_file_->size();
  size_ = base_size_ + file_->size();
  ++rewrites_;
  delete_history();
  return {};
}

void AppendLog::delete_history() {
  if (manifest_.history.empty()) return;
  for (const ManifestFile& file : manifest_.history) {
    std::error_code ignored;
    std::filesystem::remove(path(file.name), ignored);
  }
  manifest_.history.clear();
  if (const auto saved = save_manifest(); !saved) {
    log::warn("the manifest still names files that are gone", {{"reason", saved.error().message}});
  }
}

std::vector<std::pair<std::string, std::string>> AppendLog::info() const {
  return {{"aof_rewrite_in_progress", rewriting_ ? "1" : "0"},
          {"aof_rewrites", std::to_string(rewrites_)},
          {"aof_last_write_status", refusing_ ? "err" : "ok"},
          {"aof_current_size", std::to_string(size_)},
          {"aof_base_size", std::to_string(base_size_)}};
}

}  // namespace compozy::redis
