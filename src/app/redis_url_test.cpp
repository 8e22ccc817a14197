#include "app/redis_url.hpp"

namespace compozy::app {
namespace {

using ::testing::HasSubstr;

TEST(RedisUrl, ReadsEveryPart) {
  const auto options = parse_redis_url("redis://app:p%40ss@cache.internal:6380/3").value();
  EXPECT_EQ(options.host, "cache.internal");
  EXPECT_EQ(options.port, 6380);
  EXPECT_EQ(options.user, "app");
  EXPECT_EQ(options.password, "p@ss");
  EXPECT_EQ(options.database, 3U);
}

TEST(RedisUrl, PartsMayBeLeftOut) {
  EXPECT_EQ(parse_redis_url("redis://localhost")->port, 6379);
  EXPECT_EQ(parse_redis_url("redis://:secret@h:1")->user, "default");
  EXPECT_EQ(parse_redis_url("unix:///run/redis.sock")->unix_socket, "/run/redis.sock");
}

TEST(RedisUrl, ErrorsSayWhatIsWrongAndNeverThePassword) {
  EXPECT_THAT(parse_redis_url("redis://u:hunter2@h:99999").error().message, HasSubstr("is no port"));
  EXPECT_THAT(parse_redis_url("redis://u:hunter2@h:99999").error().message, Not(HasSubstr("hunter2")));
  EXPECT_EQ(parse_redis_url("rediss://h").error().code, Errc::unsupported);
  EXPECT_FALSE(parse_redis_url("localhost:6379").has_value());
}

}  // namespace
}  // namespace compozy::app
