// SPDX-License-Identifier: Apache-2.0
//
// The files of the append-only log: its manifest, rewriting it, and switching it on and off.
#include <algorithm>
#include <filesystem>

#include <unistd.h>

#include "observe/log.hpp"
#include "redis/persist/append_log.hpp"
#include "redis/rdb/rdb_file.hpp"
#include "redis/resp/reply_writer.hpp"

namespace compozy::redis {

namespace {

constexpr int kFailuresBeforeWaiting = 3;
constexpr int64_t kLongestWaitMs = 60L * 60 * 1000;

std::string base_name(const std::string& name, uint64_t seq, bool rdb) {
  return name + "." + std::to_string(seq) + (rdb ? ".base.rdb" : ".base.aof");
}
std::string incremental_name(const std::string& name, uint64_t seq) {
  return name + "." + std::to_string(seq) + ".incr.aof";
}

}  // namespace

std::string AppendLog::temporary_base() const {
  return path("temp-rewriteaof-bg-" + std::to_string(getpid()) + ".aof");
}

std::string AppendLog::temporary_incremental() const { return path("temp-" + name_ + ".incr"); }

Result<void> AppendLog::save_manifest() { return replace_file(path(name_ + ".manifest"), manifest_.to_string()); }

// Files hold data only once a manifest names them. Where they do and it is gone, to begin anew would lose them
// silently.
Result<void> AppendLog::refuse_unnamed_files() const {
  if (manifest_.base || !manifest_.incrementals.empty()) return {};
  const std::string first_base = base_name(name_, 1, true);
  const std::string first_base_in_commands = base_name(name_, 1, false);
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(directory_, error)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with(name_ + ".")) continue;
    const bool is_incremental = name.ends_with(".incr.aof") && entry.file_size(error) > 0;
    const bool is_base =
        name.find(".base.") != std::string::npos && name != first_base && name != first_base_in_commands;
    if (!is_incremental && !is_base) continue;
    return fail(Errc::corrupt_data, path(name_ + ".manifest") + " is missing, but " + entry.path().string() +
                                        " holds data; restore it from a backup, or move the files of " + directory_ +
                                        " away to begin anew");
  }
  return {};
}

// Everything from now on goes to a new file, which the manifest names before the first byte.
Result<void> AppendLog::open_incremental(uint64_t seq) {
  const std::string name = incremental_name(name_, seq);
  std::error_code ignored;
  std::filesystem::remove(path(name), ignored);  // left by a crash before its manifest
  TRY(auto file, options_.open_file(path(name)));
  TRY(file->reserve(kLogReserveAhead));
  manifest_.incrementals.push_back({name, seq});
  const auto saved = save_manifest();
  if (!saved) {
    manifest_.incrementals.pop_back();
    return saved;
  }
  file_ = std::move(file);
  return {};
}

// What is written until the first rewrite is through; no manifest names it.
Result<void> AppendLog::open_temporary_incremental() {
  std::error_code ignored;
  std::filesystem::remove(temporary_incremental(), ignored);
  TRY(file_, options_.open_file(temporary_incremental()));
  return file_->reserve(kLogReserveAhead);
}

// What a base begins with: functions, and in command form the time.
std::string AppendLog::base_head() const {
  const ServerState& state = engine_.state();
  std::string bytes;
  if (base_is_rdb_) {
    RdbHead head = rdb_head(state);
    head.log_base = true;
    append_rdb_head(bytes, head);
    return bytes;
  }
  if (state.settings.aof_timestamp_enabled)
    bytes += "#TS:" + std::to_string(state.keyspace.clock().wall_ms() / 1000) + "\r\n";
  append_functions(bytes, *state.scripts);
  return bytes;
}

// A log that begins from nothing has an empty base, as Redis' has.
Result<void> AppendLog::write_first_base() {
  base_is_rdb_ = engine_.state().settings.aof_use_rdb_preamble;
  std::string bytes = base_head();
  uint64_t checksum = 0;
  if (base_is_rdb_) seal_rdb_part(bytes, checksum, true);
  const ManifestFile base{base_name(name_, 1, base_is_rdb_), 1};
  TRY(replace_file(path(base.name), bytes));
  log::info("Creating AOF base file " + base.name + " on server start", {});
  manifest_.base = base;
  base_size_ = bytes.size();
  size_ += bytes.size();
  return {};
}

// ---- rewriting ----

Persistence::Rewrite AppendLog::rewrite(bool later) {
  if (rewriting_) return {.refused = "ERR Background append only file rewriting already in progress"};
  if (later || engine_.state().keyspace.snapshot() != nullptr) {
    scheduled_ = true;
    return {.scheduled = true};
  }
  return {.refused = start_rewrite()};
}

std::string AppendLog::start_rewrite() {
  scheduled_ = false;
  std::string refused = begin_rewrite();
  if (!refused.empty()) rewrite_failed(refused);
  return refused;
}

std::string AppendLog::begin_rewrite() {
  std::error_code ignored;
  std::filesystem::create_directories(directory_, ignored);
  const std::lock_guard lock(io_mutex_);
  ServerState& state = engine_.state();
  const State now = began_as_ = state_;
  cut_seq_ = manifest_.next_incremental_seq();
  if (now == State::on) {
    // The cut: what is pending still belongs to the old file, what comes next to the new one.
    if (const auto written = write_pending(); !written) return "ERR " + written.error().message;
    if (const auto synced = file_->sync(); !synced) return "ERR " + synced.error().message;
    durable_.store(written_.load(), std::memory_order_release);
    if (const auto opened = open_incremental(cut_seq_); !opened) return "ERR " + opened.error().message;
  } else if (now == State::waiting) {
    if (const auto opened = open_temporary_incremental(); !opened) return "ERR " + opened.error().message;
    engine_.attach(this, this);
  }
  state.effects.select_again();
  std::filesystem::remove(temporary_base(), ignored);
  auto base = (options_.open_base ? options_.open_base : options_.open_file)(temporary_base());
  if (!base) return "ERR " + base.error().message;
  base_file_ = *std::move(base);
  base_is_rdb_ = state.settings.aof_use_rdb_preamble;
  base_pending_ = base_head();
  base_checksum_ = 0;
  rewriter_.set_format(base_is_rdb_ ? kRdbFormat : kCommandFormat);
  next_walk_us_ = 0;
  rewriter_.start();
  rewrite_started_s_ = state.keyspace.clock().wall_ms() / 1000;
  ++state.stats.forks;
  rewriting_ = true;
  log::info("Background append only file rewriting started by pid " + std::to_string(getpid()), {});
  return {};
}

bool AppendLog::rewrite_is_due() const {
  const Settings& settings = engine_.state().settings;
  const uint64_t size = size_;
  const bool may_by_itself = engine_.state().keyspace.clock().wall_ms() >= not_before_ms_;
  if (scheduled_ || (state_ == State::waiting && may_by_itself)) return true;
  if (!may_by_itself || state_ != State::on || settings.auto_aof_rewrite_percentage <= 0 ||
      size < static_cast<uint64_t>(settings.auto_aof_rewrite_min_size))
    return false;
  const uint64_t base = std::max<uint64_t>(1, base_size_);
  return (size - std::min(size, base)) * 100 / base >= static_cast<uint64_t>(settings.auto_aof_rewrite_percentage);
}

void AppendLog::work(int64_t budget_us) {
  policy_ = policy_in(engine_.state().settings);
  keeps_history_ = engine_.state().settings.aof_disable_auto_gc;
  if (rewriting_) {
    const int64_t delay_us = engine_.state().settings.rdb_key_save_delay;
    const int64_t now_us = engine_.state().keyspace.clock().monotonic_us();
    if (delay_us > 0 && now_us < next_walk_us_) return;
    const uint64_t before = rewriter_.processed();
    rewriter_.walk(delay_us > 0 ? 0 : budget_us);
    next_walk_us_ = now_us + delay_us * static_cast<int64_t>(rewriter_.processed() - before);
    return;
  }
  const StoragePort* storage = engine_.state().storage;
  const bool saves = storage != nullptr && storage->saving();
  if (saves || engine_.state().keyspace.snapshot() != nullptr || !rewrite_is_due()) return;
  start_rewrite();
}

Result<void> AppendLog::write_base_part(std::string_view bytes, bool last) {
  base_pending_ += bytes;
  if (base_is_rdb_) seal_rdb_part(base_pending_, base_checksum_, last);
  TRY(base_file_->append(base_pending_));
  base_pending_.clear();
  return {};
}

// On the log's thread: writes what the walk has produced.
void AppendLog::continue_rewrite() {
  const Rewriter::Output output = rewriter_.take();
  const bool broken = base_file_->broken();
  if (!output.abandoned && !broken) {
    Result<void> result = write_base_part(output.bytes, output.finished);
    if (result && !output.finished) return;
    if (result) result = finish_rewrite();
    if (result) {
      failures_ = 0;
      rewrite_failed_ = false;
      log::info("Background AOF rewrite finished successfully", {});
    } else {
      const Engine::Hold hold(engine_);
      rewrite_failed(result.error().message);
    }
  } else {
    const Engine::Hold hold(engine_);
    rewrite_failed(broken ? "the process that writes it is gone"
                          : "the data was flushed or swapped, or the log was switched off");
  }
  rewrite_took_s_ = engine_.state().keyspace.clock().wall_ms() / 1000 - rewrite_started_s_;
  base_file_.reset();
  rewriting_ = false;
}

// Under the gate. The files that were there before stay as they are.
void AppendLog::rewrite_failed(const std::string& reason) {
  ServerState& state = engine_.state();
  if (state.keyspace.snapshot() == &rewriter_) state.keyspace.set_snapshot(nullptr);
  rewrite_failed_ = true;
  if (++failures_ >= kFailuresBeforeWaiting) {
    const int doublings = std::min(failures_ - kFailuresBeforeWaiting, 10);
    const int64_t wait_ms = std::min(kLongestWaitMs, int64_t{60'000} << doublings);
    not_before_ms_ = state.keyspace.clock().wall_ms() + wait_ms;
    log::warn("Background AOF rewrite has repeatedly failed and triggered the limit",
              {{"next_in_minutes", wait_ms / 60'000}});
  }
  log::warn("the rewrite of the append-only log was given up; the old files stay", {{"reason", reason}});
  std::error_code ignored;
  std::filesystem::remove(temporary_base(), ignored);
  if (state_ == State::waiting) drop_temporary_incremental();
}

// What it holds is in memory still, and will be in the next base.
void AppendLog::drop_temporary_incremental() {
  if (file_ == nullptr) return;
  engine_.attach(nullptr, this);
  const std::lock_guard lock(io_mutex_);
  {
    const std::lock_guard buffer(buffer_mutex_);
    pending_.clear();
    written_ = appended_.load();
  }
  writing_.clear();
  file_.reset();
  durable_.store(written_.load(), std::memory_order_release);
  log::info("Removing the temp incr aof file " + temporary_incremental() + " after the rewrite failed", {});
  std::error_code ignored;
  std::filesystem::remove(temporary_incremental(), ignored);
}

Result<void> AppendLog::finish_rewrite() {
  TRY(base_file_->sync());
  const std::lock_guard lock(io_mutex_);
  // A log that was switched off meanwhile goes on after its base: the old files stay.
  if (state_ != began_as_) return fail(Errc::cancelled, "the log was switched on or off");
  const Manifest before = manifest_;
  if (auto finished = finish_files(); !finished) {
    manifest_ = before;
    return finished;
  }
  if (state_ == State::waiting) state_ = State::on;
  base_size_ = base_file_->size();
  size_ = base_size_ + (file_ == nullptr ? 0 : file_->size());
  ++rewrites_;
  delete_history();
  return {};
}

Result<void> AppendLog::finish_files() {
  const uint64_t seq = manifest_.next_base_seq();
  const std::string name = base_name(name_, seq, base_is_rdb_);
  TRY(rename_file(temporary_base(), path(name)));
  // Without a log nothing follows the base.
  manifest_.replace_base({name, seq}, state_ == State::off ? UINT64_MAX : cut_seq_);
  if (state_ == State::waiting) {
    const std::string incremental = incremental_name(name_, cut_seq_);
    TRY(rename_file(temporary_incremental(), path(incremental)));
    manifest_.incrementals.push_back({incremental, cut_seq_});
  }
  return save_manifest();
}

void AppendLog::collect_history() {
  keeps_history_ = engine_.state().settings.aof_disable_auto_gc;
  const std::lock_guard lock(io_mutex_);
  delete_history();
}

void AppendLog::delete_history() {
  if (manifest_.history.empty() || keeps_history_) return;
  for (const ManifestFile& file : manifest_.history) {
    std::error_code ignored;
    std::filesystem::remove(path(file.name), ignored);
  }
  manifest_.history.clear();
  if (const auto saved = save_manifest(); !saved) {
    log::warn("the manifest still names files that are gone", {{"reason", saved.error().message}});
  }
}

// ---- on and off ----

void AppendLog::set_state(State state) {
  const std::lock_guard lock(io_mutex_);  // finish_rewrite() looks at it there.
  state_ = state;
}

std::string AppendLog::switch_on() {
  if (state_ != State::off) return {};
  set_state(State::waiting);
  const ServerState& state = engine_.state();
  if (rewriting_ || state.keyspace.snapshot() != nullptr || state.in_transaction) {
    log::info(std::string(state.in_transaction ? "AOF was enabled during a transaction."
                                               : "AOF was enabled but there is already another background operation.") +
                  " An AOF background was scheduled to start when possible.",
              {});
    scheduled_ = true;
    return {};
  }
  std::string refused = start_rewrite();
  if (!refused.empty()) set_state(State::off);
  return refused;
}

void AppendLog::switch_off() {
  if (state_ == State::off) return;
  const bool was_on = state_ == State::on;
  set_state(State::off);
  scheduled_ = false;
  if (rewriting_) log::info("Killing running AOF rewrite child: the log was switched off", {});
  if (rewriting_ && engine_.state().keyspace.snapshot() == &rewriter_) rewriter_.abandon();
  if (!was_on) return drop_temporary_incremental();
  engine_.attach(nullptr, this);
  const std::lock_guard lock(io_mutex_);
  auto written = write_pending();
  if (written) {
    if (const auto synced = file_->sync(); !synced)
      log::warn("the append-only log was switched off and could not be synced", {{"reason", synced.error().message}});
    durable_.store(*written, std::memory_order_release);
  }
  file_.reset();
}

std::vector<std::pair<std::string, std::string>> AppendLog::info() const {
  const auto flag = [](bool set) { return std::string(set ? "1" : "0"); };
  const int64_t now_s = engine_.state().keyspace.clock().wall_ms() / 1000;
  std::vector<std::pair<std::string, std::string>> lines{
      {"aof_enabled", flag(state_ != State::off)},
      {"aof_rewrite_in_progress", flag(rewriting_)},
      {"aof_rewrite_scheduled", flag(scheduled_)},
      {"aof_last_rewrite_time_sec", std::to_string(rewrite_took_s_)},
      {"aof_current_rewrite_time_sec", std::to_string(rewriting_ ? now_s - rewrite_started_s_ : -1)},
      {"aof_last_bgrewrite_status", rewrite_failed_ ? "err" : "ok"},
      {"aof_rewrites", std::to_string(rewrites_)},
      {"aof_rewrites_consecutive_failures", std::to_string(failures_)},
      {"aof_last_write_status", refusing_ ? "err" : "ok"},
      {"aof_last_cow_size", "0"}};
  if (state_ == State::off) return lines;
  lines.emplace_back("aof_current_size", std::to_string(size_));
  lines.emplace_back("aof_base_size", std::to_string(base_size_));
  lines.emplace_back("aof_pending_rewrite", flag(scheduled_));
  lines.emplace_back("aof_buffer_length", std::to_string(appended_ - written_));
  lines.emplace_back("aof_pending_bio_fsync", "0");
  lines.emplace_back("aof_delayed_fsync", "0");
  return lines;
}

}  // namespace compozy::redis
