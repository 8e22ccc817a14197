#include "base/ids.hpp"

namespace compozy {
namespace {

TEST(Ulid, SortsByTime) {
  SeededRandom random(7);
  const std::string early = make_ulid(1'000, random);
  const std::string late = make_ulid(1'001, random);
  EXPECT_LT(early, late);
  EXPECT_TRUE(is_ulid(early));
  EXPECT_FALSE(is_ulid("not-a-ulid"));
}

TEST(Ulid, EncodesTheTimeInItsFirstTenCharacters) {
  SeededRandom random(7);
  EXPECT_EQ(make_ulid(1469918176385, random).substr(0, 10), "01ARYZ6S41");  // the specification's example
}

TEST(Uuid, CarriesVersionAndVariant) {
  SeededRandom random(7);
  const std::string uuid = make_uuid4(random);
  EXPECT_EQ(uuid.size(), 36U);
  EXPECT_EQ(uuid[14], '4');
  EXPECT_TRUE(std::string_view("89ab").contains(uuid[19]));
}

}  // namespace
}  // namespace compozy
