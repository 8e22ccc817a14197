// SPDX-License-Identifier: Apache-2.0
#include "sql/sqlite/group_commit.hpp"

namespace compozy::sql {

bool GroupCommit::write(Group& group) {
  committed_ = false;
  if (!write_together(group)) write_apart(group);
  return committed_;
}

// False when one of several works failed: nothing is stored yet and each has to run again.
bool GroupCommit::write_together(Group& group) {
  if (auto begun = connection_.execute("BEGIN IMMEDIATE"); !begun) {
    fail_all(group, begun.error());
    return true;
  }
  for (auto& item : group) {
    item.outcome = item.work(connection_);
    if (item.outcome) continue;
    roll_back();
    return group.size() == 1;
  }
  commit(group);
  return true;
}

void GroupCommit::write_apart(Group& group) {
  if (auto begun = connection_.execute("BEGIN IMMEDIATE"); !begun) {
    fail_all(group, begun.error());
    return;
  }
  for (auto& item : group) {
    item.outcome = run_in_savepoint(item);
    if (connection_.in_transaction()) continue;
    // SQLite gave up the whole transaction, as it does on a full disk: the works before this one are lost with it.
    const Error reason = item.outcome ? Error{Errc::storage_failed, "the transaction was lost"} : item.outcome.error();
    fail_all(group, reason);
    return;
  }
  commit(group);
}

Result<void> GroupCommit::run_in_savepoint(Item& item) {
  TRY(connection_.execute("SAVEPOINT work"));
  auto outcome = item.work(connection_);
  if (!connection_.in_transaction()) return outcome;
  if (!outcome) TRY(connection_.execute("ROLLBACK TO work"));
  TRY(connection_.execute("RELEASE work"));
  return outcome;
}

void GroupCommit::commit(Group& group) {
  const auto committed = connection_.execute("COMMIT");
  if (committed) {
    committed_ = true;
    return;
  }
  roll_back();
  for (auto& item : group) {
    if (item.outcome) item.outcome = fail(committed.error());
  }
}

void GroupCommit::roll_back() {
  if (connection_.in_transaction()) static_cast<void>(connection_.execute("ROLLBACK"));
}

void GroupCommit::fail_all(Group& group, const Error& error) {
  for (auto& item : group) item.outcome = fail(error);
}

}  // namespace compozy::sql
