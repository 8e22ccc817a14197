#include "base/duration.hpp"

namespace compozy {
namespace {

TEST(Duration, ReadsShortAndWordForms) {
  EXPECT_EQ(parse_duration_ms("500ms").value(), 500);
  EXPECT_EQ(parse_duration_ms("1h30m").value(), 5'400'000);
  EXPECT_EQ(parse_duration_ms("5 minutes").value(), 300'000);
  EXPECT_EQ(parse_duration_ms("1 hour 30 minutes").value(), 5'400'000);
  EXPECT_EQ(parse_duration_ms("1.5h").value(), 5'400'000);
  EXPECT_EQ(parse_duration_ms("7d").value(), 604'800'000);
  EXPECT_EQ(parse_duration_ms("0").value(), 0);
}

TEST(Duration, RefusesWhatItCannotRead) {
  for (const char* text : {"", "5", "fast", "1x", "-5s", "1h-", "5m30", "99999999999d"}) {
    EXPECT_FALSE(parse_duration_ms(text).has_value()) << text;
  }
}

TEST(Duration, FormatsTheShortestExactForm) {
  EXPECT_EQ(format_duration_ms(5'400'000), "1h30m");
  EXPECT_EQ(format_duration_ms(1'500), "1s500ms");
  EXPECT_EQ(format_duration_ms(0), "0s");
}

TEST(Size, ReadsPowersOf1024) {
  EXPECT_EQ(parse_size_bytes("64KB").value(), 65'536);
  EXPECT_EQ(parse_size_bytes("2 MB").value(), 2'097'152);
  EXPECT_EQ(parse_size_bytes("100").value(), 100);
  EXPECT_FALSE(parse_size_bytes("many").has_value());
}

}  // namespace
}  // namespace compozy
