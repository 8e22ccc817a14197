#include "auth/api_keys.hpp"

#include <filesystem>

#include "sql/sqlite/sqlite_database.hpp"

namespace compozy::auth {
namespace {

class ApiKeysTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::temp_directory_path() / ("compozy-keys-" + std::to_string(::getpid()));
    std::filesystem::create_directories(folder_);
    database_ = sql::open_sqlite({.path = (folder_ / "test.db").string()}).value();
    keys_ = std::make_unique<ApiKeys>(*database_, clock_, random_);
  }
  void TearDown() override {
    keys_.reset();
    database_.reset();
    std::filesystem::remove_all(folder_);
  }

  std::filesystem::path folder_;
  ManualClock clock_;
  SeededRandom random_{1};
  std::unique_ptr<sql::Database> database_;
  std::unique_ptr<ApiKeys> keys_;
};

TEST_F(ApiKeysTest, AKeyIsAcceptedAlsoAfterARestart) {
  const NewKey made = keys_->create_blocking("owner", "first", 0).value();
  EXPECT_EQ(keys_->check(made.key)->user_id, "owner");
  ApiKeys again(*database_, clock_, random_);
  EXPECT_TRUE(again.empty());
  again.load_blocking().value();
  EXPECT_EQ(again.check(made.key)->name, "first");
}

TEST_F(ApiKeysTest, OneUserMayHaveSeveralKeys) {  // weakness 40
  const NewKey first = keys_->create_blocking("owner", "a", 0).value();
  const NewKey second = keys_->create_blocking("owner", "b", 0).value();
  EXPECT_TRUE(keys_->check(first.key).has_value());
  EXPECT_TRUE(keys_->check(second.key).has_value());
  EXPECT_EQ(keys_->list().size(), 2U);
}

TEST_F(ApiKeysTest, ARevokedKeyIsRefusedAtOnce) {
  const NewKey made = keys_->create_blocking("owner", "a", 0).value();
  keys_->revoke_blocking(made.info.key_id).value();
  EXPECT_EQ(keys_->check(made.key).error().code, Errc::unauthenticated);
  EXPECT_EQ(keys_->revoke_blocking(made.info.key_id).error().code, Errc::not_found);
}

TEST_F(ApiKeysTest, AKeyExpires) {
  const NewKey made = keys_->create_blocking("owner", "a", clock_.wall_ms() + 1000).value();
  EXPECT_TRUE(keys_->check(made.key).has_value());
  clock_.advance_ms(1000);
  EXPECT_FALSE(keys_->check(made.key).has_value());
}

TEST_F(ApiKeysTest, TheDatabaseNeverHoldsAKey) {
  const NewKey made = keys_->create_blocking("owner", "a", 0).value();
  database_
      ->read_blocking([&](sql::Reader& reader) -> Result<void> {
        TRY(auto rows, reader.query("SELECT hash, hint FROM api_keys"));
        TRY(rows.next());
        EXPECT_EQ(rows.string(0).find(made.key.substr(5)), std::string::npos);
        EXPECT_EQ(rows.string(1), made.key.substr(made.key.size() - 4));
        return {};
      })
      .value();
}

}  // namespace
}  // namespace compozy::auth
