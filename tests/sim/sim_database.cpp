// SPDX-License-Identifier: Apache-2.0
#include "sim_database.hpp"

#include "sql/sqlite/migrate.hpp"

namespace compozy::sql {

namespace {

constexpr uint64_t kCommitUs = 1'500;  // at most
constexpr uint64_t kFailsPerMille = 8;

}  // namespace

Result<std::unique_ptr<SimDatabase>> SimDatabase::open(io::VirtualTime& time, Random& random) {
  TRY(auto connection, Connection::open(":memory:", Connection::Mode::write));
  TRY(connection->run_script("PRAGMA temp_store = MEMORY; PRAGMA foreign_keys = ON;"));
  TRY(migrate(*connection, ":memory:"));
  return std::unique_ptr<SimDatabase>(new SimDatabase(time, random, std::move(connection)));
}

SimDatabase::SimDatabase(io::VirtualTime& time, Random& random, std::unique_ptr<Connection> connection)
    : time_(time),
      random_(random),
      connection_(std::move(connection)),
      committer_(*connection_),
      pool_({.name = "sim", .executor = [this](std::move_only_function<void()> work) { call_soon(std::move(work)); }}) {
}

void SimDatabase::call_soon(std::move_only_function<void()> call) {
  (void)time_.call_in(static_cast<int64_t>(random_.below(kCommitUs)), std::move(call));
}

void SimDatabase::write(Work work, Done done) {
  if (at_once) {
    GroupCommit::Group alone;
    alone.push_back({.work = std::move(work), .done = std::move(done), .outcome = {}});
    if (committer_.write(alone)) ++commits_;
    ++works_;
    return alone.front().done(std::move(alone.front().outcome));
  }
  queue_.push_back({.work = std::move(work), .done = std::move(done), .outcome = {}});
  if (std::exchange(is_due_, true)) return;
  call_soon([this] { commit(); });
}

void SimDatabase::commit() {
  is_due_ = false;
  auto group = std::make_shared<GroupCommit::Group>(std::exchange(queue_, {}));
  works_ += group->size();
  if (fails && random_.below(1'000) < kFailsPerMille) {
    for (auto& item : *group) item.outcome = fail(Errc::storage_full, "the seed says that the disk is full");
  } else if (committer_.write(*group)) {
    ++commits_;
  }
  // As from another thread: a crash may come between the commit and its callers.
  answered_us_ = std::max(answered_us_, time_.monotonic_us() + static_cast<int64_t>(random_.below(kCommitUs)));
  (void)time_.call_in(answered_us_ - time_.monotonic_us(), [group] {
    for (auto& item : *group) item.done(std::move(item.outcome));
  });
}

Result<void> SimDatabase::read_blocking(const ReadWork& work) {
  TRY(connection_->execute("BEGIN"));
  auto outcome = work(*connection_);
  TRY(connection_->execute("COMMIT"));
  return outcome;
}

Result<void> SimDatabase::backup_blocking(const std::string& path) {
  TRY(connection_->execute("VACUUM INTO ?1", path));
  return {};
}

void SimDatabase::crash() {
  queue_.clear();
  is_due_ = false;
}

}  // namespace compozy::sql
