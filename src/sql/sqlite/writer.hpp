// SPDX-License-Identifier: Apache-2.0
//
// Writer: the one thread that writes and checkpoints. It takes whatever has queued, runs it in one transaction,
// commits, calls the `done`s and takes what has queued meanwhile: no timer, no waiting while work waits.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "sql/database.hpp"
#include "sql/sqlite/connection.hpp"
#include "sql/sqlite/group_commit.hpp"

namespace compozy::sql {

class Writer {
 public:
  struct Options {
    size_t queue_max = 16'384;
    size_t works_per_commit = 256;
    uint64_t commits_per_checkpoint = 50;
  };
  Writer(std::unique_ptr<Connection> connection, Options options);
  ~Writer();  // writes what has queued, then closes the connection
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  void submit(Database::Work work, Database::Done done);
  Database::Statistics statistics() const;

 private:
  using Item = GroupCommit::Item;
  using Group = GroupCommit::Group;

  void run();
  bool take(Group& group);

  const Options options_;
  std::unique_ptr<Connection> connection_;
  GroupCommit committer_;
  mutable std::mutex mutex_;
  std::condition_variable ready_;
  std::deque<Item> queue_;
  bool stopping_ = false;
  std::atomic<uint64_t> commits_{0};
  std::atomic<uint64_t> works_{0};
  std::atomic<uint64_t> checkpoints_{0};
  std::thread thread_;
};

}  // namespace compozy::sql
