// SPDX-License-Identifier: Apache-2.0
//
// Runs as rows: how they are found, and when they go.
#include "store/runs.hpp"

#include "io/loop.hpp"
#include "sql/sqlite/scratch_database.hpp"
#include "store/retention.hpp"

namespace compozy::store {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class RunRows : public ::testing::Test {
 protected:
  struct Made {
    std::string workflow = "w";
    std::vector<Attribute> attributes = {};
    std::string status = "RUNNING";
    int64_t ended_ms = 0;
    int64_t parent_run = 0;
  };
  void add(Made made) {
    const int64_t run_no = ++last_;
    Step step{.run_no = run_no,
              .seq = 1,
              .kind = 1,
              .at_ms = run_no * 1'000,
              .body = "{}",
              .start = NewRun{.run_id = "r" + std::to_string(run_no),
                              .workflow = made.workflow,
                              .idem_key = {},
                              .idem_hash = {},
                              .definition = "d",
                              .definition_json = "{}",
                              .input = {},
                              .parent_run = made.parent_run,
                              .attributes = std::move(made.attributes)},
              .status = {},
              .output = {},
              .error = {},
              .usage = {}};
    step.status = made.status;
    step.ended_ms = made.ended_ms;
    step.events.push_back({.n = 0, .at_ms = 1, .kind = "k", .body = "{}"});
    database_->write_blocking([&](sql::Transaction& transaction) { return write_step(transaction, step); }).value();
  }
  std::vector<std::string> find(RunQuery query) {
    Runs runs(*database_);
    std::vector<std::string> ids;
    for (const store::Run& run : io::run_until(loop_, runs.list(std::move(query))).value()) ids.push_back(run.run_id);
    return ids;
  }
  Purged purge(RetentionRule rule, int64_t now_ms, bool dry_run = false) {
    Retention retention(*database_);
    return io::run_until(loop_, retention.purge("w", rule, now_ms, dry_run)).value();
  }
  static Attribute tenant(std::string name) { return {.name = "tenant", .text = std::move(name), .number = {}}; }
  static Attribute amount(int n) { return {.name = "amount", .text = std::to_string(n), .number = n}; }

  io::Loop loop_;
  sql::ScratchDatabase database_;
  int64_t last_ = 0;
};

TEST_F(RunRows, AreFoundByAttributesInPagesNewestFirst) {
  add({.attributes = {tenant("acme"), amount(5)}});
  add({.attributes = {tenant("acme"), amount(50)}});
  add({.attributes = {tenant("zeta"), amount(50)}});
  add({.workflow = "other", .attributes = {tenant("acme")}});
  const AttributeFilter acme{.name = "tenant", .equals = "acme", .at_least = {}, .at_most = {}};
  EXPECT_THAT(find({.attributes = {acme}}), ElementsAre("r4", "r2", "r1"));
  EXPECT_THAT(find({.attributes = {acme}, .limit = 2}), ElementsAre("r4", "r2"));
  EXPECT_THAT(find({.attributes = {acme}, .before = 2}), ElementsAre("r1"));
  EXPECT_THAT(find({.workflow = "w", .attributes = {acme}}), ElementsAre("r2", "r1"));
  const AttributeFilter large{.name = "amount", .equals = {}, .at_least = 10, .at_most = 50};
  EXPECT_THAT(find({.attributes = {large}}), ElementsAre("r3", "r2"));
  EXPECT_THAT(find({.attributes = {large, acme}}), ElementsAre("r2"));
  EXPECT_THAT(find({.attributes = {{.name = "amount", .equals = "5", .at_least = {}, .at_most = {}}}}),
              ElementsAre("r1"));
}

TEST_F(RunRows, AreFoundByTheTimeOfTheirStart) {
  for (int i = 0; i < 4; ++i) add({});
  EXPECT_THAT(find({.since_ms = 2'000, .until_ms = 4'000}), ElementsAre("r3", "r2"));
}

TEST_F(RunRows, GoWhenTheyHaveBeenKeptLongEnoughAndFailedOnesLater) {
  add({.status = "SUCCESS", .ended_ms = 1'000});
  add({.status = "SUCCESS", .ended_ms = 9'000});
  add({.status = "FAILED", .ended_ms = 1'000});
  add({});
  const RetentionRule rule{.succeeded_ms = 5'000, .failed_ms = 50'000};
  EXPECT_EQ(purge(rule, 10'000, true).succeeded, 1);
  EXPECT_THAT(find({}), ElementsAre("r4", "r3", "r2", "r1"));  // a dry run counts
  EXPECT_EQ(purge(rule, 10'000).succeeded, 1);
  EXPECT_THAT(find({}), ElementsAre("r4", "r3", "r2"));
  EXPECT_EQ(purge(rule, 60'000).failed, 1);
  EXPECT_THAT(find({}), ElementsAre("r4"));
  for (const char* table : {"records", "events", "attributes"}) {
    const auto left = database_->read_blocking([&](sql::Reader& reader) -> Result<void> {
      TRY(const auto rows, reader.query_integer("SELECT count(*) FROM " + std::string(table) + " WHERE run_no <> 4"));
      EXPECT_EQ(rows, 0) << table;
      return {};
    });
    EXPECT_TRUE(left.has_value());
  }
}

TEST_F(RunRows, ManyGoInSeveralCommitsAndZeroKeepsThemForEver) {
  for (int i = 0; i < 3 * kRunsPerCommit + 1; ++i) add({.status = "SUCCESS", .ended_ms = 1'000});
  EXPECT_EQ(purge({.succeeded_ms = 0, .failed_ms = 1}, 1'000'000).succeeded, 0);
  EXPECT_EQ(purge({.succeeded_ms = 1, .failed_ms = 1}, 1'000'000).succeeded, 3 * kRunsPerCommit + 1);
  EXPECT_THAT(find({}), IsEmpty());
}

TEST_F(RunRows, ABlobGoesWithTheLastRunThatUsesIt) {
  const std::vector<LargeValue> large{{.hash = "h", .text = "1"}};
  for (int64_t run = 1; run <= 2; ++run) {
    add({.status = "SUCCESS", .ended_ms = run * 1'000});
    database_->write_blocking([&](sql::Transaction& t) { return write_large(t, run, large, 1); }).value();
  }
  const auto blobs = [&] {
    std::optional<int64_t> count;
    EXPECT_TRUE(database_->read_blocking([&](sql::Reader& reader) -> Result<void> {
      TRY(count, reader.query_integer("SELECT count(*) FROM blobs"));
      return {};
    }));
    return count.value_or(-1);
  };
  purge({.succeeded_ms = 1, .failed_ms = 0}, 1'500);
  EXPECT_EQ(blobs(), 1);
  purge({.succeeded_ms = 1, .failed_ms = 0}, 9'000);
  EXPECT_EQ(blobs(), 0);
}

TEST_F(RunRows, AChildIsKeptAsLongAsItsParentIsOpen) {
  add({.workflow = "outer"});
  add({.status = "SUCCESS", .ended_ms = 1'000, .parent_run = 1});
  EXPECT_EQ(purge({.succeeded_ms = 1, .failed_ms = 1}, 1'000'000).succeeded, 0);
}

TEST_F(RunRows, TheWorkflowsThatHaveRunsAreNamedOnce) {
  for (const char* workflow : {"b", "a", "b", "c"}) add({.workflow = workflow});
  Retention retention(*database_);
  EXPECT_THAT(io::run_until(loop_, retention.workflows()).value(), ElementsAre("a", "b", "c"));
}

TEST_F(RunRows, ADefinitionGoesWhenNoRunAndNoProjectHasIt) {
  for (const char* hash : {"d", "kept", "young", "gone", "taken"}) {
    database_
        ->write_blocking([&](sql::Transaction& t) -> Result<void> {
          TRY(t.execute(
              "INSERT INTO definitions (hash, workflow, resolved_json, created_ms) VALUES (?1, 'w', '{}', ?2)", hash,
              std::string_view(hash) == "young" ? 900 : 1));
          return {};
        })
        .value();
  }
  add({});  // has "d"
  Retention retention(*database_);
  EXPECT_EQ(io::run_until(loop_, retention.purge_definitions({"kept", "taken"}, 500, true)).value(), 1);
  EXPECT_EQ(io::run_until(loop_, retention.purge_definitions({"kept", "taken"}, 500, false)).value(), 1);
  std::vector<std::string> left;
  EXPECT_TRUE(database_->read_blocking([&](sql::Reader& reader) -> Result<void> {
    TRY(auto rows, reader.query("SELECT hash FROM definitions ORDER BY hash"));
    TRY(left, sql::collect(std::move(rows), [](const sql::Rows& row) { return row.string(0); }));
    return {};
  }));
  EXPECT_THAT(left, ElementsAre("d", "kept", "taken", "young"));
}

}  // namespace
}  // namespace compozy::store
