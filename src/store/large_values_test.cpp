// SPDX-License-Identifier: Apache-2.0
#include "store/large_values.hpp"

#include "json/parse.hpp"
#include "json/print.hpp"
#include "sql/sqlite/scratch_database.hpp"

namespace compozy::store {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;
using ::testing::StartsWith;

class LargeValues : public ::testing::Test {
 protected:
  Result<std::string> stored_and_read(const std::string& column, const std::vector<LargeValue>& large) {
    TRY(database_->write_blocking(
        [&](sql::Transaction& transaction) { return write_large(transaction, 1, large, 1'000); }));
    std::string whole = column;
    TRY(database_->read_blocking([&](sql::Reader& reader) { return make_whole(reader, {&whole}); }));
    return whole;
  }
  static json::Value text(size_t bytes) { return std::string(bytes, 'x'); }

  sql::ScratchDatabase database_;
};

TEST_F(LargeValues, SmallOnesStayWhereTheyAre) {
  std::vector<LargeValue> large;
  const json::Value value = json::Value::object({{"a", text(60'000)}});
  EXPECT_EQ(print_lifting(value, large), json::print(value));
  EXPECT_THAT(large, SizeIs(0));
}

TEST_F(LargeValues, TheLargePartsAreTakenOutAndComeBackToTheirPlaces) {
  const json::Value value = json::Value::object(
      {{"at", 1},
       {"items", json::Value::array({json::Value::object({{"output", text(70'000)}, {"n", 7}}), text(5),
                                     json::Value::object({{"a/b", json::Value::array({1, text(80'000)})}})})}});
  std::vector<LargeValue> large;
  const std::string column = print_lifting(value, large);
  EXPECT_THAT(large, SizeIs(2));
  EXPECT_LT(column.size(), 1'000U);
  EXPECT_THAT(column, StartsWith(R"(@[[["items",0,"output"],")"));
  EXPECT_THAT(column, HasSubstr("\n{\"at\":1,"));
  EXPECT_EQ(stored_and_read(column, large).value(), json::print(value));
}

TEST_F(LargeValues, ManySmallPartsGoTogetherAndEqualOnesAreStoredOnce) {
  json::Value list = json::Value::array();
  for (int i = 0; i < 20'000; ++i) list.push_back(i);
  const json::Value value = json::Value::object({{"one", list}, {"two", list}});
  std::vector<LargeValue> large;
  const std::string column = print_lifting(value, large);
  ASSERT_THAT(large, SizeIs(2));
  EXPECT_EQ(large[0].hash, large[1].hash);
  EXPECT_EQ(stored_and_read(column, large).value(), json::print(value));
  std::vector<LargeValue> whole;
  EXPECT_THAT(print_lifting(list, whole), StartsWith("@[[[],\""));
}

TEST_F(LargeValues, AsDeepAsARecordMayBeTheyAreReadBack) {
  json::Value deep = text(100'000);
  for (size_t i = 0; i + 2 < json::kStoredDepthMax; ++i) deep = json::Value::array({std::move(deep)});
  std::vector<LargeValue> large;
  const std::string column = print_lifting(deep, large);
  ASSERT_THAT(large, SizeIs(1));
  EXPECT_EQ(stored_and_read(column, large).value(), json::print(deep));
}

TEST_F(LargeValues, AMissingBlobIsCorruptDataByName) {
  std::vector<LargeValue> large;
  const std::string column = print_lifting(text(100'000), large);
  const auto read = stored_and_read(column, {});
  EXPECT_EQ(read.error().code, Errc::corrupt_data);
  EXPECT_THAT(read.error().message, HasSubstr(large[0].hash));
}

}  // namespace
}  // namespace compozy::store
