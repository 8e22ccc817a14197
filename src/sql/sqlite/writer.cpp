// SPDX-License-Identifier: Apache-2.0
#include "sql/sqlite/writer.hpp"

#include <pthread.h>

#include "base/clock.hpp"
#include "observe/metrics.hpp"

namespace compozy::sql {

namespace {

metrics::Histogram& commit_seconds() {
  static auto& histogram =
      metrics::histogram("compozy_sql_commit_seconds", "Time of one group commit, with its works and its fsync.");
  return histogram;
}

}  // namespace

Writer::Writer(std::unique_ptr<Connection> connection, Options options)
    : options_(options), connection_(std::move(connection)), committer_(*connection_) {
  thread_ = std::thread([this] { run(); });
}

Writer::~Writer() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  ready_.notify_one();
  thread_.join();
}

void Writer::submit(Database::Work work, Database::Done done) {
  std::unique_lock lock(mutex_);
  if (!stopping_ && queue_.size() < options_.queue_max) {
    queue_.push_back({.work = std::move(work), .done = std::move(done), .outcome = {}});
    lock.unlock();
    ready_.notify_one();
    return;
  }
  const bool stopping = stopping_;
  lock.unlock();
  if (stopping) {
    done(fail(Errc::closed, "the database is closing"));
  } else {
    done(fail(Errc::limit_exceeded,
              "the database has " + std::to_string(options_.queue_max) + " waiting writes, its limit"));
  }
}

Database::Statistics Writer::statistics() const {
  const std::lock_guard lock(mutex_);
  return {.commits = commits_, .works = works_, .checkpoints = checkpoints_, .queued = queue_.size()};
}

bool Writer::take(Group& group) {
  group.clear();
  std::unique_lock lock(mutex_);
  ready_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
  while (!queue_.empty() && group.size() < options_.works_per_commit) {
    group.push_back(std::move(queue_.front()));
    queue_.pop_front();
  }
  return !group.empty();
}

void Writer::run() {
  pthread_setname_np(pthread_self(), "sql-writer");
  uint64_t since_checkpoint = 0;
  Group group;
  while (take(group)) {
    const int64_t start_us = system_clock().monotonic_us();
    works_ += group.size();
    if (committer_.write(group)) ++commits_;
    commit_seconds().observe(static_cast<double>(system_clock().monotonic_us() - start_us) / 1e6);
    bool full = false;
    for (auto& item : group) {
      full = full || (!item.outcome && item.outcome.error().code == Errc::storage_full);
      item.done(std::move(item.outcome));
    }
    // A full disk may get room in the log by moving it into the database.
    if (++since_checkpoint >= options_.commits_per_checkpoint || full) {
      connection_->checkpoint_passively();
      ++checkpoints_;
      since_checkpoint = 0;
    }
  }
  connection_.reset();
}

}  // namespace compozy::sql
