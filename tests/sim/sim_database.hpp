// SPDX-License-Identifier: Apache-2.0
//
// SimDatabase: the tables of SQLite in memory, in virtual time. Works are committed in groups by the same code as on a
// disk; when a group is committed, when its callers hear of it and when a read is answered is up to the seed, and now
// and then a commit fails as on a full disk. crash() is a kill -9: what waits is not written, and nobody hears of what
// was; what was committed stays. Thread: that of the loop.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/random.hpp"
#include "io/virtual_time.hpp"
#include "sql/database.hpp"
#include "sql/sqlite/connection.hpp"
#include "sql/sqlite/group_commit.hpp"

namespace compozy::sql {

class SimDatabase final : public Database {
 public:
  static Result<std::unique_ptr<SimDatabase>> open(io::VirtualTime& time, Random& random);

  using Database::write;
  void write(Work work, Done done) override;
  Result<void> read_blocking(const ReadWork& work) override;
  Statistics statistics() const override { return {.commits = commits_, .works = works_}; }
  Result<void> backup_blocking(const std::string& path) override;

  void crash();
  bool fails = true;     // whether commits may fail
  bool at_once = false;  // before the loop runs: a write is committed and answered where it is asked for

 private:
  SimDatabase(io::VirtualTime& time, Random& random, std::unique_ptr<Connection> connection);
  io::BlockingPool& readers() override { return pool_; }
  void call_soon(std::move_only_function<void()> call);
  void commit();

  io::VirtualTime& time_;
  Random& random_;
  std::unique_ptr<Connection> connection_;
  GroupCommit committer_;
  GroupCommit::Group queue_;
  bool is_due_ = false;
  int64_t answered_us_ = 0;  // callers hear of their groups in order
  uint64_t commits_ = 0;
  uint64_t works_ = 0;
  io::BlockingPool pool_;
};

}  // namespace compozy::sql
