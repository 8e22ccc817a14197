// SPDX-License-Identifier: Apache-2.0
//
// GroupCommit: several works in one transaction, each all or nothing by itself.
//
// A work that fails makes its group run again with a savepoint around each work, so that it is rolled back alone.
// Groups without a failure, nearly all, pay for no savepoint. Thread: the connection's.
#pragma once

#include <vector>

#include "sql/database.hpp"
#include "sql/sqlite/connection.hpp"

namespace compozy::sql {

class GroupCommit {
 public:
  struct Item {
    Database::Work work;
    Database::Done done;
    Result<void> outcome;
  };
  using Group = std::vector<Item>;

  explicit GroupCommit(Connection& connection) : connection_(connection) {}

  // Sets each outcome; calls no `done`. Whether anything was committed.
  bool write(Group& group);

 private:
  bool write_together(Group& group);
  void write_apart(Group& group);
  Result<void> run_in_savepoint(Item& item);
  void commit(Group& group);
  void roll_back();
  static void fail_all(Group& group, const Error& error);

  Connection& connection_;
  bool committed_ = false;
};

}  // namespace compozy::sql
